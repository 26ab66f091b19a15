import itertools
import math

import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparisons import holm
from hpo.stats.ranks import block_ranks, cliques, critical_difference, friedman, midranks, rounded
from hpo.stats.signed_rank import pairwise
from tests.stats.demsar import DEMSAR

# Times to round first base by three methods: Hollander and Wolfe (1973), p. 140 ff., as in R's help of friedman.test.
ROUNDING_TIMES = np.array([
    [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40], [5.90, 5.85, 5.70],
    [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35], [5.25, 5.15, 5.00], [5.85, 5.80, 5.70],
    [5.25, 5.20, 5.10], [5.65, 5.55, 5.45], [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40],
    [5.45, 5.55, 5.50], [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
    [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
])  # fmt: skip


def anova_f(ranks):
    """F of the columns in a two-way analysis of variance without replication."""
    n, k = ranks.shape
    residual = ranks - ranks.mean(axis=0) - ranks.mean(axis=1, keepdims=True) + ranks.mean()
    columns = n * ((ranks.mean(axis=0) - ranks.mean()) ** 2).sum() / (k - 1)
    return columns / ((residual**2).sum() / ((k - 1) * (n - 1)))


def with_ties(seed, blocks, strategies):
    return np.random.default_rng(seed).integers(0, 5, size=(blocks, strategies)).astype(float)


def test_mean_ranks_are_those_that_demsar_printed():
    assert np.round(friedman(DEMSAR).mean_ranks, 3) == pytest.approx([3.143, 2.000, 2.893, 1.964])


def test_friedman_without_tie_correction_is_demsars_928():
    assert friedman(DEMSAR).uncorrected.chi2 == pytest.approx(9.28, abs=0.005)


def test_iman_davenports_f_is_demsars_369_and_significant():
    # Sec. 3.2.2: F_F = 3.69 on 3 and 39 degrees of freedom, whose critical value at 0.05 is 2.85.
    result = friedman(DEMSAR).uncorrected
    assert result.f == pytest.approx(3.69, abs=0.005)
    assert result.f_p == pytest.approx(stats.f.sf(result.f, 3, 39))
    assert result.f_p < stats.f.sf(2.85, 3, 39)


def test_friedman_with_tie_correction_is_scipys_and_not_demsars():
    oracle = stats.friedmanchisquare(*DEMSAR.T)
    result = friedman(DEMSAR).corrected
    assert (result.chi2, result.chi2_p) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert result.chi2 == pytest.approx(10.23, abs=0.01)


def test_friedman_with_tie_correction_is_rs_on_its_help_page():
    # R prints: Friedman chi-squared = 11.143, df = 2, p-value = 0.003805.
    result = friedman(ROUNDING_TIMES, maximize=False)
    assert result.corrected.chi2 == pytest.approx(11.143, abs=5e-4)
    assert result.corrected.chi2_p == pytest.approx(0.003805, abs=5e-7)


@pytest.mark.parametrize("seed", range(5))
def test_corrected_statistics_are_scipys_and_the_anova_of_ranks(seed):
    scores = with_ties(seed, 9, 4)
    result = friedman(scores).corrected
    oracle = stats.friedmanchisquare(*scores.T)
    f = anova_f(stats.rankdata(scores, axis=1))
    assert (result.chi2, result.chi2_p) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert (result.f, result.f_p) == pytest.approx((f, stats.f.sf(f, 3, 24)))


def test_without_ties_both_statistics_agree():
    result = friedman(np.random.default_rng(3).normal(size=(8, 5)))
    assert result.uncorrected == result.corrected


def test_f_of_full_agreement_is_infinite_with_the_exact_p():
    result = friedman([[1, 2, 3]] * 3).uncorrected
    orders = list(itertools.permutations(range(3)))
    agreeing = sum(len(set(blocks)) == 1 for blocks in itertools.product(orders, repeat=3))
    assert result.f == math.inf
    assert result.f_p == pytest.approx(agreeing / len(orders) ** 3)


def test_f_of_full_agreement_with_a_tie_counts_distinct_arrangements():
    arrangements = set(itertools.permutations((1.0, 2.5, 2.5)))
    result = friedman([[3, 1, 1]] * 4)
    assert result.corrected.f == math.inf
    assert result.corrected.f_p == pytest.approx(1 / len(arrangements) ** 3)
    assert math.isfinite(result.uncorrected.f)


def test_strategies_that_always_tie_do_not_differ():
    result = friedman(np.ones((4, 3)))
    assert result.mean_ranks == (2.0, 2.0, 2.0)
    assert (result.corrected.chi2, result.corrected.chi2_p, result.corrected.f_p) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_ties_are_given_the_mean_rank(seed):
    values = with_ties(seed, 1, 12)[0]
    assert midranks(values) == pytest.approx(stats.rankdata(values))


def test_the_best_score_has_rank_one_whichever_way_is_better():
    assert block_ranks([[0.3, 0.9, 0.6]]).tolist() == [[3, 1, 2]]
    assert block_ranks([[0.3, 0.9, 0.6]], maximize=False).tolist() == [[1, 3, 2]]


def test_scores_that_differ_in_their_last_bits_tie():
    assert 0.1 + 0.2 != 0.3
    assert block_ranks([[0.1 + 0.2, 0.3, 0.4]]).tolist() == [[2.5, 2.5, 1]]


def test_rounding_makes_equal_differences_equal_at_the_scale_of_their_scores():
    a, b = np.array([0.91, 0.94, 0.30001]), np.array([0.90, 0.93, 0.29001])
    assert len(set(a - b)) > 1
    assert len(set(rounded(a - b, scale=a))) == 1
    small = np.array([0.90001 - 0.9, 0.70001 - 0.7])  # wrong in the 12th of their own digits
    assert len(set(rounded(small))) == 2
    assert len(set(rounded(small, scale=0.93))) == 1


def test_rounding_keeps_twelve_digits_at_any_size():
    values = np.array([1.23456789012345, -98765.4321098765, 1.23456789012345e-9, 1.5e250, 1e-310, 0.0])
    oracle = [float(f"{value:.11e}") for value in values]
    assert rounded(values) == pytest.approx(oracle, rel=1e-14, abs=1e-305)


@pytest.mark.parametrize(
    ("alpha", "published"),
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_q_is_that_of_demsars_table_five(alpha, published):
    # Table 5 (a), 2 to 10 classifiers; printed to 3 digits, some a unit off in the last.
    q = [critical_difference(k, 1, alpha) / math.sqrt(k * (k + 1) / 6) for k in range(2, 11)]
    assert q == pytest.approx(published, abs=1.5e-3)


def test_critical_difference_is_demsars_125_at_5_and_112_at_10_percent():
    assert critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)


def maximal_runs(order, p, alpha):
    """Cliques by going through all runs of at least two."""
    runs = [order[i:j] for i, j in itertools.combinations(range(len(order) + 1), 2) if j - i > 1]
    level = [run for run in runs if all(p[a][b] >= alpha for a, b in itertools.combinations(run, 2))]
    return [run for run in level if not any(set(run) < set(other) for other in level)]


@pytest.mark.parametrize("seed", range(20))
def test_cliques_are_the_maximal_runs_without_a_different_pair(seed):
    random = np.random.default_rng(seed)
    p = np.triu(random.uniform(0, 0.15, size=(6, 6)), 1)
    mean_ranks = random.permutation(6) + 1.0
    order = sorted(range(6), key=lambda index: mean_ranks[index])
    found = cliques(tuple(mean_ranks), p + p.T + np.eye(6))
    assert [list(group) for group in found] == maximal_runs(order, p + p.T, 0.05)


def test_cliques_are_one_group_or_none_at_the_extremes():
    assert cliques((2.0, 1.0, 3.0), np.ones((3, 3))) == ((1, 0, 2),)
    assert cliques((2.0, 1.0, 3.0), np.zeros((3, 3))) == ()
    assert cliques((1.0, 2.0), np.full((2, 2), 0.05)) == ((0, 1),)


def test_cliques_of_demsars_data_follow_from_all_signs_enumerated():
    # Benavoli et al. (2016): the bars are drawn by pairwise Wilcoxon with Holm, not by mean ranks.
    pairs = list(itertools.combinations(range(4), 2))
    scores = np.rint(DEMSAR * 10_000)  # whole numbers, so that differences tie
    signs = 1 - 2 * (np.arange(2**14)[:, None] >> np.arange(14) & 1)
    raw = []
    for i, j in pairs:
        difference = scores[:, i] - scores[:, j]
        ranks = np.where(difference == 0, 0, stats.rankdata(np.abs(difference)))
        raw.append(np.mean(np.abs(signs @ ranks) >= abs(np.sign(difference) @ ranks)))
    p = np.ones((4, 4))
    for (i, j), value in zip(pairs, holm(raw), strict=True):
        p[i, j] = p[j, i] = value
    found = cliques(friedman(DEMSAR).mean_ranks, pairwise(DEMSAR).holm_p)
    assert [list(group) for group in found] == maximal_runs([3, 1, 2, 0], p, 0.05)


@pytest.mark.parametrize(
    "scores", [[[1, 2]], [[1], [2]], [1, 2, 3], [[1, np.nan], [2, 3]], [[1, -np.inf]] * 3]
)
def test_scores_that_cannot_be_ranked_are_refused(scores):
    with pytest.raises(ValueError, match=r"scores must be|not finite"):
        friedman(scores)


def test_a_critical_difference_needs_two_strategies_and_a_block():
    with pytest.raises(ValueError, match="2 strategies"):
        critical_difference(1, 5)
    with pytest.raises(ValueError, match="1 block"):
        critical_difference(3, 0)


def test_cliques_need_a_p_for_every_pair():
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        cliques((1.0, 2.0, 3.0), np.ones((2, 2)))
