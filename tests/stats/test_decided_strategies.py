"""Which strategies stop half-way: against the expectation of uniform draws, scipy's t-test and all sets of strategies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from hpo.stats.early_stop import decided, optimistic


@pytest.mark.parametrize(("draws", "further"), [(10, 10), (8, 4), (5, 4), (3, 3)])
def test_what_a_search_may_reach_is_the_concave_bound_of_uniform_draws(draws: int, further: int) -> None:
    """The expected best of n uniform draws is n / (n + 1) (David and Nagaraja, Order Statistics, 2003, sec. 3.1)."""
    scores = np.random.default_rng(1).random((2, 40_000, draws))
    before = draws // 2
    now, then = draws / (draws + 1), before / (before + 1)
    expected = now + (now - then) * further / (draws - before)
    assert optimistic(scores, further).mean() == pytest.approx(expected, abs=0.005)
    assert expected >= (draws + further) / (draws + further + 1)


@pytest.mark.parametrize("seed", range(30))
def test_those_stop_that_surely_stay_below_all_who_go_on(seed: int) -> None:
    random = np.random.default_rng(seed)
    leads = random.choice([0.0, 0.05, 0.1, 0.3], size=(4, 1, 1))
    scores = 0.5 + leads + 0.03 * random.standard_normal((4, 4, 6))
    margin, alpha = 0.005, 0.02
    reachable, best = optimistic(scores, 6), scores.max(axis=2)

    def stays_below(s: int, t: int) -> bool:
        found = ttest_1samp(best[t] - reachable[s], margin, alternative="greater")
        return bool(found.pvalue < alpha)

    sets = [
        lagging
        for count in range(1, 4)
        for lagging in combinations(range(4), count)
        if all(stays_below(s, t) for s in lagging for t in range(4) if t not in lagging)
    ]
    largest = max(sets, key=len, default=())
    assert decided(scores, 6, margin, (), alpha) == largest
    if largest:
        assert largest[0] not in decided(scores, 6, margin, (largest[0],), alpha)


def test_some_of_these_runs_stop_and_some_do_not() -> None:
    """Else the test above would hold of a rule that does nothing."""
    counts = set()
    for seed in range(30):
        random = np.random.default_rng(seed)
        leads = random.choice([0.0, 0.05, 0.1, 0.3], size=(4, 1, 1))
        scores = 0.5 + leads + 0.03 * random.standard_normal((4, 4, 6))
        counts.add(len(decided(scores, 6, 0.005, (), 0.02)))
    assert {0, 2} <= counts


def test_equal_searches_go_on() -> None:
    scores = np.random.default_rng(3).random((3, 5, 8))
    assert decided(np.repeat(scores[:1], 3, axis=0), 8, 0.005, (), 0.05) == ()
