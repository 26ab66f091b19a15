import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparisons import holm
from hpo.stats.sign_test import pairwise_signs
from hpo.stats.signed_rank import least_p


@pytest.mark.parametrize("seed", range(5))
def test_p_is_the_binomial_tests_without_level_blocks(seed):
    scores = np.random.default_rng(seed).integers(0, 4, size=(15, 3)).astype(float)
    found = pairwise_signs(scores)
    raw = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        wins, losses = int((scores[:, i] > scores[:, j]).sum()), int((scores[:, i] < scores[:, j]).sum())
        raw.append(stats.binomtest(wins, wins + losses).pvalue)
        assert found.p[i, j] == found.p[j, i] == pytest.approx(raw[-1])
        assert found.effect[i, j] == -found.effect[j, i] == pytest.approx((wins - losses) / 15)
    assert found.holm_p[[0, 0, 1], [1, 2, 2]] == pytest.approx(holm(raw))


def test_only_the_order_within_a_block_counts():
    scores = np.random.default_rng(1).normal(size=(9, 4))
    stretched = np.exp(scores) * np.arange(1, 10)[:, None]
    assert (pairwise_signs(stretched).holm_p == pairwise_signs(scores).holm_p).all()


def test_its_least_p_is_that_of_the_signed_rank_test():
    assert pairwise_signs([[2, 1]] * 7).p[0, 1] == pytest.approx(least_p(7))


def test_strategies_that_always_tie_do_not_differ():
    found = pairwise_signs(np.ones((6, 2)))
    assert (found.p[0, 1], found.effect[0, 1]) == (1.0, 0.0)


def test_scores_that_differ_in_their_last_bits_tie():
    assert pairwise_signs([[0.1 + 0.2, 0.3]] * 6).p[0, 1] == 1.0


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        pairwise_signs([[1.0, np.nan]])
