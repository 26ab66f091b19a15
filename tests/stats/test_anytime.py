import itertools
import math
import statistics

import numpy as np
import pytest
from scipy import stats

from hpo.stats.anytime import Replicate, anytime_curve, best_so_far, change_costs

NAN = math.nan


def replicate(costs, scores):
    return Replicate(np.array(costs, dtype=float), np.array(scores, dtype=float))


def searches(count, trials, seed=0):
    """Replicates of which about a fifth of the trials is not complete."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        scores = np.where(random.random(trials) < 0.2, np.nan, random.random(trials))
        found.append(Replicate(np.cumsum(random.integers(1, 10, trials)).astype(float), scores))
    return found


def flat(values):
    """Replicates with one trial each, all ended at cost 1."""
    return [replicate([1], [value]) for value in values]


def by_hand(search, cost, best):
    ended = [s for c, s in zip(search.costs, search.scores, strict=True) if c <= cost and not math.isnan(s)]
    return best(ended) if ended else NAN


@pytest.mark.parametrize(("maximize", "best"), [(True, max), (False, min)])
def test_best_so_far_is_that_of_the_trials_ended(maximize, best):
    (search,) = searches(1, 40)
    grid = np.arange(0, 300, 0.5)
    expected = [by_hand(search, cost, best) for cost in grid]
    assert best_so_far(search, grid, maximize=maximize) == pytest.approx(expected, nan_ok=True)


def test_a_trial_that_is_not_complete_costs_but_never_counts():
    search = replicate([2, 5, 5, 9], [NAN, 0.4, 0.3, NAN])
    assert best_so_far(search, [1, 2, 4.9, 5, 8, 99]) == pytest.approx(
        [NAN, NAN, NAN, 0.4, 0.4, 0.4], nan_ok=True
    )


def test_a_replicate_without_trials_has_no_score():
    assert np.isnan(best_so_far(replicate([], []), [1, 2])).all()


@pytest.mark.parametrize("maximize", [True, False])
def test_change_costs_lose_nothing_of_the_steps(maximize):
    found = searches(4, 200)
    changes = change_costs(found, maximize=maximize)
    assert changes.size < 100
    assert changes[-1] == max(search.costs[-1] for search in found)
    grid = np.arange(changes[0], changes[-1] + 50, 0.5)
    step = np.searchsorted(changes, grid, side="right") - 1
    for search in found:
        kept = best_so_far(search, changes, maximize=maximize)[step]
        assert kept == pytest.approx(best_so_far(search, grid, maximize=maximize), nan_ok=True)


def test_change_costs_are_those_at_which_a_best_changes():
    first, second = replicate([1, 2, 3], [NAN, 0.5, 0.4]), replicate([2.5, 4, 6], [0.1, 0.2, 0.2])
    assert change_costs([first, second]).tolist() == [2, 2.5, 4, 6]


@pytest.mark.parametrize("found", [[], [replicate([], [])]])
def test_change_costs_of_no_trial_are_refused(found):
    with pytest.raises(ValueError, match="no trial"):
        change_costs(found)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_median_is_over_all_replicates_or_none(count):
    found = searches(count, 30, seed=1)
    grid = np.arange(0, 200)
    curve = anytime_curve(found, grid, seed=0)
    for cost, median in zip(grid, curve.median, strict=True):
        best = [by_hand(search, cost, max) for search in found]
        expected = NAN if any(map(math.isnan, best)) else statistics.median(best)
        assert median == pytest.approx(expected, nan_ok=True)
    assert curve.replicates == count
    assert np.isnan(curve.median[0])


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_replicates_have_no_interval(count):
    curve = anytime_curve(searches(count, 5), [20, 60], seed=0)
    assert curve.low is None
    assert curve.high is None


def test_interval_starts_where_every_replicate_has_a_score():
    found = [replicate([1], [0.1]), replicate([2], [0.2]), replicate([3], [0.3])]
    curve = anytime_curve(found, [0, 1, 2, 3], seed=0)
    for row in (curve.median, curve.low, curve.high):
        assert np.isnan(row).tolist() == [True, True, True, False]


def test_interval_of_four_replicates_is_that_of_all_their_resamples():
    values = [0.1, 0.35, 0.5, 0.9]
    medians = [statistics.median(s) for s in itertools.product(values, repeat=4)]
    expected = np.quantile(medians, [0.1, 0.9])
    # The neighbours of both quantiles are the same value, so 2,000 resamples find them too.
    assert np.quantile(medians, [0.08, 0.92]).tolist() == np.quantile(medians, [0.12, 0.88]).tolist()
    curve = anytime_curve(flat(values), [1], seed=0, confidence=0.8)
    assert (curve.low[0], curve.high[0]) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(("count", "confidence"), [(3, 0.95), (5, 0.95), (7, 0.9), (11, 0.8)])
def test_interval_ends_at_the_order_statistics_of_the_exact_bootstrap(count, confidence):
    values = np.sort(np.random.default_rng(2).random(count))
    # A resample's median is at most the i-th value where more than half of its members are.
    at_most = stats.binom.sf(count // 2, count, np.arange(1, count + 1) / count)
    tail = (1 - confidence) / 2
    assert np.abs(at_most - tail).min() > 4 * math.sqrt(tail / 2_000)
    curve = anytime_curve(flat(values), [1], seed=0, confidence=confidence)
    expected = values[np.argmax(at_most >= tail)], values[np.argmax(at_most >= 1 - tail)]
    assert (curve.low[0], curve.high[0]) == pytest.approx(expected)


def test_interval_mirrors_where_less_is_better():
    found = searches(5, 30, seed=3)
    mirrored = [Replicate(search.costs, -search.scores) for search in found]
    grid = change_costs(found)
    curve, mirror = anytime_curve(found, grid, seed=0), anytime_curve(mirrored, grid, seed=0, maximize=False)
    assert mirror.median == pytest.approx(-curve.median, nan_ok=True)
    assert mirror.low == pytest.approx(-curve.high, nan_ok=True)


def test_the_seed_alone_sets_the_interval():
    found = flat(np.random.default_rng(4).random(200))
    first, again = (anytime_curve(found, [1], seed=5) for _ in range(2))
    others = {float(anytime_curve(found, [1], seed=seed).low[0]) for seed in range(10)}
    assert first.low == again.low
    assert len(others) > 1


def test_ten_thousand_trials_on_a_grid_of_all_costs_are_those_of_single_costs():
    found = searches(5, 10_000, seed=6)
    grid = np.unique(np.concatenate([search.costs for search in found]))
    assert change_costs(found).size < 200
    grid = grid[:: grid.size // 2_000]
    curve = anytime_curve(found, grid, seed=7)
    for cost in range(0, grid.size, 40):
        single = anytime_curve(found, grid[[cost]], seed=7)
        for whole, one in ((curve.median, single.median), (curve.low, single.low), (curve.high, single.high)):
            assert whole[cost] == pytest.approx(one[0], nan_ok=True)


@pytest.mark.parametrize(
    ("costs", "scores"),
    [([1, 2], [0.1]), ([2, 1], [0.1, 0.2]), ([1, NAN], [0.1, 0.2]), ([1], [math.inf]), ([[1]], [[0.1]])],
)
def test_a_replicate_out_of_order_is_refused(costs, scores):
    with pytest.raises(ValueError, match="must be"):
        replicate(costs, scores)


def test_no_replicate_and_a_confidence_that_is_no_probability_are_refused():
    with pytest.raises(ValueError, match="no replicate"):
        anytime_curve([], [1], seed=0)
    with pytest.raises(ValueError, match="confidence must be"):
        anytime_curve(flat([0.1]), [1], seed=0, confidence=95)
