import itertools

import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparisons import holm
from hpo.stats.signed_rank import (
    MOST_EXACT,
    blocks_needed,
    least_p,
    paired_differences,
    pairwise,
    signed_rank,
)
from tests.stats.demsar import DEMSAR

TIES_AND_ZEROS = [
    [3, -3, 1, 2, -2, 2, 5],
    [0, 1, 1, -1, 2],
    [0, 0, 4, -1, -1, 2, 2, 2],
    [0, 0, 0, 1],
    [1, 1, 1, 1, 1, -1],
    [0, -5, -5, -4, 3, 0, -1, -2, -2, 0],
    [0, 0, 0],
    [7],
]


def brute_force_p(differences):
    """Share of all signs of the non-zero differences whose signed sum of scipy's ranks is as extreme."""
    d = np.asarray(differences, dtype=float)
    ranks = stats.rankdata(np.abs(d))[d != 0]
    observed = abs((np.sign(d[d != 0]) * ranks).sum())
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=len(ranks))]
    return np.mean([value >= observed - 1e-9 for value in sums])


def walsh_effect(differences):
    """Rank-biserial correlation by another formula: mean sign of the Walsh averages (Tukey)."""
    pairs = itertools.combinations_with_replacement(differences, 2)
    return np.mean([np.sign(a + b) for a, b in pairs])


def against_zero(differences):
    return signed_rank(differences, np.zeros(len(differences)))


def whole(seed, blocks, largest=4):
    return np.random.default_rng(seed).integers(-largest, largest + 2, size=blocks)


def test_demsars_example_has_t_12_and_is_significant():
    # Table 2 and sec. 3.1.3: R+ = 93, R- = 12, so T = 12, below the critical 21 of 14 data sets at 0.05.
    result = signed_rank(DEMSAR[:, 1], DEMSAR[:, 0])
    assert (result.blocks, result.zeros, result.statistic) == (14, 2, 12.0)
    assert result.effect == pytest.approx((93 - 12) / (93 + 12))
    assert result.p < 0.05


def test_equal_differences_tie_whatever_their_scores():
    assert 0.91 - 0.90 != 0.94 - 0.93
    assert paired_differences([0.91, 0.94], [0.90, 0.93]).tolist() == [0.01, 0.01]
    result = signed_rank([0.91, 0.93, 0.5], [0.90, 0.94, 0.5])
    assert (result.effect, result.zeros) == (0.0, 1)


def test_a_difference_in_the_last_bits_is_a_zero():
    assert signed_rank([0.1 + 0.2, 0.5], [0.3, 0.4]).zeros == 1


def test_p_of_hollander_and_wolfes_depression_data_is_rs():
    # R's help of wilcox.test: V = 40, p-value = 0.01953 one-sided.
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    result = signed_rank(before, after)
    assert result.statistic == 45 - 40
    assert result.p == pytest.approx(2 * 0.01953, abs=1e-5)


@pytest.mark.parametrize("blocks", [1, 2, 5, 12, 40])
def test_without_ties_p_is_scipys_exact_one(blocks):
    differences = np.random.default_rng(blocks).normal(0.3, 1, size=blocks)
    result = against_zero(differences)
    oracle = stats.wilcoxon(differences, method="exact")
    assert (result.statistic, result.p) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert result.method == "exact"


@pytest.mark.parametrize("differences", TIES_AND_ZEROS, ids=str)
def test_with_ties_and_zeros_p_is_that_of_all_signs_enumerated(differences):
    assert against_zero(differences).p == pytest.approx(brute_force_p(differences))


@pytest.mark.parametrize("seed", range(8))
def test_with_ties_and_zeros_p_is_scipys_permutation_p(seed):
    differences = whole(seed, 10)
    every = stats.PermutationMethod(n_resamples=np.inf)
    oracle = stats.wilcoxon(differences, zero_method="pratt", method=every)
    assert against_zero(differences).p == pytest.approx(oracle.pvalue)


def test_scipys_exact_p_ignores_ties_and_this_does_not():
    differences = np.array([3, -3, 1, 2, -2, 2, 5])
    assert against_zero(differences).p == pytest.approx(brute_force_p(differences))
    assert stats.wilcoxon(differences, method="exact").pvalue != pytest.approx(brute_force_p(differences))


def test_a_lower_score_does_not_make_the_higher_mean_more_significant_as_dropping_zeros_would():
    # Pratt (1959): with the zero dropped, these observations are less significant than with it lowered below 0.
    rest = [2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 17, -18]
    level, lowered = against_zero([0, *rest]).p, against_zero([-1, *rest]).p
    assert level < lowered == brute_force_p([-1, *rest]) < brute_force_p(rest)


@pytest.mark.parametrize("differences", TIES_AND_ZEROS, ids=str)
def test_effect_is_the_mean_sign_of_walsh_averages(differences):
    assert against_zero(differences).effect == pytest.approx(walsh_effect(differences))


def test_effect_is_one_and_minus_one_where_one_always_wins():
    assert against_zero([1, 2, 3]).effect == 1.0
    assert against_zero([-1, -2, -2]).effect == -1.0


@pytest.mark.parametrize("seed", range(5))
def test_swapping_the_strategies_turns_the_effect_alone(seed):
    differences = whole(seed, 15)
    there, back = against_zero(differences), against_zero(-differences)
    assert (there.p, there.statistic, there.effect) == (back.p, back.statistic, -back.effect)


def test_above_the_bound_p_is_scipys_normal_approximation_with_ties():
    differences = whole(3, MOST_EXACT + 1, largest=20)
    oracle = stats.wilcoxon(differences, zero_method="pratt", method="asymptotic", correction=False)
    result = against_zero(differences)
    assert result.method == "normal approximation"
    assert result.p == pytest.approx(oracle.pvalue)
    assert against_zero(np.zeros(MOST_EXACT + 1)).p == 1.0


def test_at_the_bound_the_exact_p_is_close_to_the_normal_one():
    differences = whole(4, MOST_EXACT, largest=20)
    oracle = stats.wilcoxon(differences, zero_method="pratt", method="asymptotic", correction=False)
    result = against_zero(differences)
    assert result.method == "exact"
    assert result.p == pytest.approx(oracle.pvalue, rel=0.01)


@pytest.mark.parametrize("blocks", [1, 4, 5, 6, 60])
def test_the_least_p_is_reached_where_all_differ_in_one_direction(blocks):
    assert against_zero(np.arange(1, blocks + 1)).p == least_p(blocks) == 2 / 2**blocks


def test_five_blocks_can_never_reach_five_percent():
    assert least_p(5) > 0.05 > least_p(6)


@pytest.mark.parametrize(("strategies", "blocks"), [(2, 6), (3, 7), (4, 8)])
def test_blocks_needed_are_six_seven_and_eight(strategies, blocks):
    assert blocks_needed(strategies) == blocks


@pytest.mark.parametrize("strategies", [2, 3, 4, 7])
def test_with_the_blocks_needed_holm_can_show_a_difference_and_with_one_less_cannot(strategies):
    enough = blocks_needed(strategies)
    for blocks, shown in ((enough, True), (enough - 1, False)):
        ladder = np.arange(1, blocks + 1)[:, None] * np.arange(strategies)
        assert (pairwise(ladder).holm_p.min() < 0.05) is np.bool_(shown)


def test_fewer_blocks_are_needed_at_a_larger_alpha():
    assert blocks_needed(3, 0.10) == 6


def test_pairwise_is_each_pair_alone_and_holm_over_all():
    scores = np.random.default_rng(9).normal([0, 0.5, 1, 1.2], 1, size=(11, 4))
    result = pairwise(scores)
    pairs = list(itertools.combinations(range(4), 2))
    alone = [stats.wilcoxon(scores[:, i], scores[:, j], method="exact").pvalue for i, j in pairs]
    for (i, j), p, adjusted in zip(pairs, alone, holm(alone), strict=True):
        assert result.p[i, j] == result.p[j, i] == pytest.approx(p)
        assert result.holm_p[i, j] == result.holm_p[j, i] == pytest.approx(adjusted)
        assert result.effect[i, j] == -result.effect[j, i]
        assert result.effect[i, j] == pytest.approx(walsh_effect(scores[:, i] - scores[:, j]))
    assert result.p.diagonal().tolist() == result.holm_p.diagonal().tolist() == [1.0] * 4
    assert not result.effect.diagonal().any()
    assert result.method == "exact"


@pytest.mark.parametrize("pair", [([], []), ([1, 2], [1]), ([[1, 2]], [[1, 2]]), ([1, np.nan], [1, 2])])
def test_scores_that_are_no_finite_pairs_are_refused(pair):
    with pytest.raises(ValueError, match=r"paired scores|not finite"):
        signed_rank(*pair)


def test_one_strategy_has_no_pairs():
    with pytest.raises(ValueError, match="scores must be"):
        pairwise([[1], [2]])


def test_least_p_and_blocks_needed_refuse_what_makes_no_test():
    with pytest.raises(ValueError, match="1 block"):
        least_p(0)
    with pytest.raises(ValueError, match="2 strategies"):
        blocks_needed(1)
    with pytest.raises(ValueError, match="alpha"):
        blocks_needed(3, 0.0)
