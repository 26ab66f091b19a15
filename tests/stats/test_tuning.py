import itertools
import math
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pytest
from opda.nonparametric import EmpiricalDistribution
from scipy import special, stats

from hpo.stats.tuning import (
    MOST_SIMULATED,
    expected_best_u,
    expected_best_v,
    tail_start,
    tuning_band,
)

ESTIMATORS = pytest.mark.parametrize("estimate", [expected_best_v, expected_best_u])
FEW = [0.71, 0.64, 0.71, 0.9, 0.2]  # with a tie
LOSSES = [0.42, 0.31, 0.55, 0.3, 0.61, 0.48, 0.29, 0.7]


def counts(size: int) -> np.ndarray:
    return np.arange(1, size + 1)


@pytest.mark.parametrize(("maximize", "best"), [(True, max), (False, min)])
def test_v_is_the_mean_best_over_all_samples_with_replacement(maximize, best):
    brute = [np.mean([best(s) for s in itertools.product(FEW, repeat=n)]) for n in counts(len(FEW))]
    assert expected_best_v(FEW, maximize=maximize) == pytest.approx(brute, abs=1e-13)


@pytest.mark.parametrize(("maximize", "best"), [(True, max), (False, min)])
def test_u_is_the_mean_best_over_all_samples_without_replacement(maximize, best):
    brute = [np.mean([best(s) for s in itertools.combinations(FEW, n)]) for n in counts(len(FEW))]
    assert expected_best_u(FEW, maximize=maximize) == pytest.approx(brute, abs=1e-13)


def test_u_is_the_published_sum_over_binomials():
    scores = np.random.default_rng(1).normal(size=40)
    ranked = sorted(Fraction(y) for y in scores)
    published = [
        float(
            sum(y * special.comb(i, n - 1, exact=True) for i, y in enumerate(ranked))
            / special.comb(40, n, exact=True)
        )
        for n in range(1, 41)
    ]
    assert expected_best_u(scores) == pytest.approx(published, abs=1e-12)


@pytest.mark.parametrize("maximize", [True, False])
def test_both_agree_with_opda(maximize):
    scores = np.random.default_rng(2).normal(size=60).round(1)
    assert np.unique(scores).size < scores.size
    oracle = EmpiricalDistribution(scores)
    n = counts(60)
    v, u = expected_best_v(scores, maximize=maximize), expected_best_u(scores, maximize=maximize)
    assert v == pytest.approx(oracle.average_tuning_curve(n, minimize=not maximize), abs=1e-12)
    assert v == pytest.approx(oracle.v_tuning_curve(n, minimize=not maximize), abs=1e-12)
    assert u == pytest.approx(oracle.u_tuning_curve(n, minimize=not maximize), abs=1e-12)


def test_u_holds_where_binomials_overflow():
    size = 5_000
    assert not np.isfinite(special.comb(size, size // 2))
    n = counts(size)
    # The mean maximum of n of the numbers 1..N (the German tank problem).
    assert expected_best_u(n) == pytest.approx(n * (size + 1) / (n + 1), rel=1e-10)


def test_v_of_many_draws_is_that_of_exact_integers():
    size = 1_500
    scores = np.random.default_rng(3).integers(0, 1_000, size)
    curve = expected_best_v(scores)
    for n in (1, 2, 40, 751, size):
        weights = [i**n - (i - 1) ** n for i in range(1, size + 1)]
        exact = sum(int(y) * w for y, w in zip(np.sort(scores), weights, strict=True))
        assert curve[n - 1] == pytest.approx(exact / size**n, rel=1e-12)


@ESTIMATORS
def test_ten_thousand_draws_need_little_memory(estimate):
    scores = np.random.default_rng(4).random(10_000)
    tracemalloc.start()
    curve = estimate(scores, draws=2_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert curve.shape == (2_000,)
    assert np.isfinite(curve).all()
    assert peak < 100e6


@ESTIMATORS
def test_one_draw_gives_the_mean_and_more_never_less(estimate):
    scores = np.random.default_rng(5).normal(size=200)
    curve = estimate(scores)
    assert curve[0] == pytest.approx(scores.mean())
    assert (np.diff(curve) > 0).all()
    assert (np.diff(estimate(scores, maximize=False)) < 0).all()


def test_v_is_never_better_than_u_which_ends_at_the_best_seen():
    v, u = expected_best_v(LOSSES, maximize=False), expected_best_u(LOSSES, maximize=False)
    assert (v[1:] > u[1:]).all()
    assert u[-1] == pytest.approx(min(LOSSES))


@ESTIMATORS
def test_a_curve_up_to_fewer_draws_is_the_start_of_the_whole(estimate):
    assert estimate(LOSSES, draws=3) == pytest.approx(estimate(LOSSES)[:3])


@ESTIMATORS
def test_equal_scores_give_a_flat_curve(estimate):
    assert estimate([0.5, 0.5, 0.5]) == pytest.approx([0.5, 0.5, 0.5])
    assert estimate([0.5]) == pytest.approx([0.5])


@ESTIMATORS
@pytest.mark.parametrize("draws", [0, len(FEW) + 1])
def test_more_draws_than_scores_are_refused(estimate, draws):
    with pytest.raises(ValueError, match="draws must be"):
        estimate(FEW, draws=draws)


@ESTIMATORS
@pytest.mark.parametrize("scores", [[], [0.5, math.nan], [0.5, math.inf], [[0.5, 0.6]]])
def test_no_scores_and_ones_that_are_not_finite_are_refused(estimate, scores):
    with pytest.raises(ValueError, match="finite number"):
        estimate(scores)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 11])
def test_the_tail_starts_where_one_draw_outweighs_all_others(size):
    weight_of_best = expected_best_u([0.0] * (size - 1) + [1.0]) if size > 1 else np.ones(1)
    n = counts(size)
    assert (n >= tail_start(size)).tolist() == (weight_of_best > 0.5 + 1e-9).tolist()
    assert (n >= tail_start(size)).tolist() == [2 * k > size for k in n]


def opda_band(scores, bounds, method, minimize=False):
    lower, _, upper = EmpiricalDistribution.confidence_bands(
        scores, 0.95, *bounds, generator=np.random.default_rng(0), method=method, n_jobs=1
    )
    n = counts(len(scores))
    return [d.average_tuning_curve(n, minimize=minimize) for d in (upper, lower)]


@pytest.mark.parametrize("maximize", [True, False])
def test_band_is_opdas_own_curve_of_its_bounds(maximize):
    band = tuning_band(LOSSES, (0, 2), seed=0, maximize=maximize)
    low, high = opda_band(LOSSES, (0, 2), "ld_equal_tailed", minimize=not maximize)
    assert band.method == "ld_equal_tailed"
    assert band.low == pytest.approx(low, abs=1e-12)
    assert band.high == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize("maximize", [True, False])
def test_repeated_scores_fall_back_to_dkw_without_a_warning(maximize):
    with pytest.warns(RuntimeWarning, match="Duplicates"):
        opda_band(FEW, (0, 1), "ld_equal_tailed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        band = tuning_band(FEW, (0, 1), seed=0, maximize=maximize)
    low, high = opda_band(FEW, (0, 1), "dkw", minimize=not maximize)
    assert (band.method, band.confidence) == ("dkw", 0.95)
    assert band.low == pytest.approx(low, abs=1e-12)
    assert band.high == pytest.approx(high, abs=1e-12)


def test_more_scores_than_opda_can_simulate_fall_back_to_dkw():
    scores = np.random.default_rng(6).random(MOST_SIMULATED + 1)
    assert tuning_band(scores, (0, 1), seed=0).method == "dkw"


def misses(samples, curve, method):
    """How many of the samples have a band that leaves the curve."""
    bands = [tuning_band(scores, (0, 1), seed=0) for scores in samples]
    assert {band.method for band in bands} == {method}
    return sum(not ((band.low <= curve) & (curve <= band.high)).all() for band in bands)


MOST_MISSES = stats.binom.ppf(0.999, 200, 0.05)


def test_band_covers_the_curve_of_continuous_scores_and_tells_a_better_one():
    samples, n = np.random.default_rng(7).random((200, 20)), counts(20)
    assert misses(samples, n / (n + 1), "ld_equal_tailed") <= MOST_MISSES
    better = 5 * n / (5 * n + 1)  # of the fifth root of such scores
    assert misses(samples, better, "ld_equal_tailed") > 100


def test_band_covers_the_curve_of_accuracies_on_few_items_and_tells_a_better_one():
    def curve(accuracy):
        items = stats.binom(50, accuracy)
        return np.array([1 - (items.cdf(np.arange(50)) ** n).sum() / 50 for n in counts(40)])

    samples = np.random.default_rng(7).binomial(50, 0.6, (200, 40)) / 50
    assert misses(samples, curve(0.6), "dkw") <= MOST_MISSES
    assert misses(samples, curve(0.85), "dkw") > 100


def test_band_narrows_with_draws_and_holds_the_estimates():
    random = np.random.default_rng(8)
    widths = []
    for size in (10, 40):
        scores = random.random(size)
        band = tuning_band(scores, (0, 1), seed=0, draws=5)
        for curve in (expected_best_v(scores, draws=5), expected_best_u(scores, draws=5)):
            assert (band.low < curve).all()
            assert (curve < band.high).all()
        widths.append(band.high - band.low)
    assert (widths[1] < widths[0]).all()


def test_band_is_the_same_whatever_was_asked_before():
    first = tuning_band(LOSSES, (0, 1), seed=3)
    tuning_band(LOSSES, (0, 1), seed=3, confidence=0.8)
    tuning_band(LOSSES[:-1], (0, 1), seed=3)
    again = tuning_band(LOSSES, (0, 1), seed=3)
    fresh = EmpiricalDistribution.confidence_bands(
        LOSSES, 0.95, 0, 1, generator=np.random.default_rng(3), method="ld_equal_tailed", n_jobs=1
    )[2].average_tuning_curve(counts(8))
    assert (again.low == first.low).all()
    assert first.low == pytest.approx(fresh, abs=1e-12)


@pytest.mark.parametrize("scores", [[0.0, 0.4, 1.0], [1.0, 1.0, 1.0], [0.0]])
def test_scores_at_the_bounds_are_no_trouble(scores):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        band = tuning_band(scores, (0, 1), seed=0)
    curve = expected_best_v(scores)
    assert ((band.low >= 0) & (band.low <= curve) & (curve <= band.high) & (band.high <= 1)).all()


@pytest.mark.parametrize("bounds", [(0.3, 1), (0, 0.8), (1, 0), (0, math.inf), (math.nan, 1)])
def test_bounds_that_do_not_hold_the_scores_are_refused(bounds):
    with pytest.raises(ValueError, match="bounds must be"):
        tuning_band(FEW, bounds, seed=0)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence must be"):
        tuning_band(FEW, (0, 1), seed=0, confidence=confidence)
