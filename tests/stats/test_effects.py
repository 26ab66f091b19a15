import itertools
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from hpo.stats import effects
from hpo.stats.effects import (
    Effect,
    interquartile_mean,
    meaningful,
    performance_profile,
    probability_of_improvement,
    runs_needed,
)

FEW = [[0.61, 0.72, 0.83], [0.15, 0.94]]
CONSTANT = [[0.7] * 5, [0.7] * 3]


def ragged(seed: int, *sizes: int, decimals: int = 6) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=n).round(decimals) for n in sizes]


def resamples(tasks):
    """Every equally likely way to draw the runs of each task anew."""
    return itertools.product(*(itertools.product(task, repeat=len(task)) for task in tasks))


def exact_interval(values):
    return np.quantile(list(values), [0.025, 0.975], method="inverted_cdf")


def binomial_interval(n: int, share: float) -> tuple[float, float]:
    return stats.binom.ppf(0.025, n, share) / n, stats.binom.ppf(0.975, n, share) / n


@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (4,), (2, 3), (6,), (7,), (8, 3), (10, 10, 10), (40, 1)])
def test_interquartile_mean_is_scipys_trimmed_mean_of_all_runs_as_in_rliable(sizes):
    tasks = ragged(sum(sizes), *sizes)
    oracle = stats.trim_mean(np.concatenate(tasks), proportiontocut=0.25)
    found = interquartile_mean(tasks, seed=1)
    assert found.value == pytest.approx(oracle)
    assert (found.tasks, found.runs) == (len(sizes), sum(sizes))


def test_interquartile_mean_with_ties_is_scipys():
    tasks = [np.round(task, 1) for task in ragged(3, 30, 25)]
    oracle = stats.trim_mean(np.concatenate(tasks), proportiontocut=0.25)
    assert interquartile_mean(tasks, seed=1).value == pytest.approx(oracle)


def test_interval_of_the_interquartile_mean_is_that_of_all_resamples_within_tasks():
    exact = exact_interval(stats.trim_mean(np.concatenate(drawn), 0.25) for drawn in resamples(FEW))
    found = interquartile_mean(FEW, seed=2, repeats=40_000)
    assert (found.low, found.high) == pytest.approx(tuple(exact))


def test_interval_is_wider_at_more_confidence():
    tasks = ragged(4, 10, 10)
    narrow, wide = (interquartile_mean(tasks, seed=1, confidence=c) for c in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    tasks = ragged(5, 12, 9)
    assert interquartile_mean(tasks, seed=1) == interquartile_mean(tasks, seed=1)
    assert interquartile_mean(tasks, seed=1) != interquartile_mean(tasks, seed=2)


def test_profile_counts_the_runs_strictly_above_tau():
    found = performance_profile([[0.2, 0.5], [0.5, 0.8, 0.9]], [0.1, 0.5, 0.85, 0.9], seed=1)
    assert found.share == pytest.approx([1.0, 0.4, 0.2, 0.0])
    assert (found.tasks, found.runs) == (2, 5)


def test_profile_is_the_mean_over_all_runs_as_in_rliable():
    tasks, taus = ragged(6, 8, 8, 8), np.linspace(-2, 2, 30)
    oracle = [np.mean(np.array(tasks) > tau) for tau in taus]
    assert performance_profile(tasks, taus, seed=1).share == pytest.approx(oracle)


def test_band_of_a_profile_has_binomial_quantiles_at_each_tau():
    task, taus = ragged(7, 12)[0], np.linspace(-1.5, 1.5, 7)
    found = performance_profile([task], taus, seed=3, repeats=40_000)
    for low, high, tau in zip(found.low, found.high, taus, strict=True):
        assert (low, high) == pytest.approx(binomial_interval(12, (task > tau).mean()))


def test_unpaired_improvement_is_mann_and_whitneys_u_averaged_over_tasks_as_in_rliable():
    first, second = ragged(8, 5, 9, 4, decimals=1), ragged(9, 7, 3, 4, decimals=1)
    shares = [
        stats.mannwhitneyu(a, b, alternative="greater").statistic / (len(a) * len(b))
        for a, b in zip(first, second, strict=True)
    ]
    found = probability_of_improvement(first, second, paired=False, seed=1)
    assert found.value == pytest.approx(np.mean(shares))
    assert (found.tasks, found.runs) == (3, 5 + 3 + 4)


def test_interval_of_the_unpaired_improvement_is_that_of_all_independent_resamples():
    first, second = [[0.31, 0.55, 0.72], [0.5, 0.6]], [[0.42, 0.51, 0.6], [0.55]]
    exact = exact_interval(
        np.mean([np.mean(np.greater.outer(x, y)) for x, y in zip(a, b, strict=True)])
        for a in resamples(first)
        for b in resamples(second)
    )
    found = probability_of_improvement(first, second, paired=False, seed=5, repeats=40_000)
    assert (found.low, found.high) == pytest.approx(tuple(exact))


def test_paired_improvement_counts_pairs_and_its_interval_has_binomial_quantiles():
    random = np.random.default_rng(10)
    a = random.normal(0.5, 1, 25)
    b = random.normal(0, 1, 25)
    found = probability_of_improvement([a], [b], paired=True, seed=6, repeats=40_000)
    assert found.value == pytest.approx(sum(x > y for x, y in zip(a, b, strict=True)) / 25)
    assert (found.low, found.high) == pytest.approx(binomial_interval(25, found.value))
    assert found.runs == 25


@pytest.mark.parametrize("paired", [True, False])
def test_ties_count_half_and_tasks_equally(paired):
    found = probability_of_improvement([[0.5], [0.9, 0.9]], [[0.5], [0.1, 0.1]], paired=paired, seed=1)
    assert found.value == pytest.approx((0.5 + 1.0) / 2)


@pytest.mark.parametrize("paired", [True, False])
def test_improvement_of_the_one_and_of_the_other_add_to_one(paired):
    first, second = ragged(11, 6, 6, decimals=1), ragged(12, 6, 6, decimals=1)
    there = probability_of_improvement(first, second, paired=paired, seed=1).value
    back = probability_of_improvement(second, first, paired=paired, seed=1).value
    assert there + back == pytest.approx(1)


def test_pairing_tells_a_small_gain_that_shared_luck_hides_from_unpaired_runs():
    luck = ragged(13, 20)[0]
    paired, unpaired = (
        probability_of_improvement([luck + 0.01], [luck], paired=p, seed=1) for p in (True, False)
    )
    assert paired.value == 1.0
    assert unpaired.low < 0.5 < unpaired.high


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_equal_scores_give_an_interval_of_no_width_where_scipys_bca_is_nan():
    with pytest.warns(stats.DegenerateDataWarning):
        bca = stats.bootstrap((np.full(8, 0.7),), np.mean, method="BCa", rng=1)
    assert np.isnan(bca.confidence_interval.low)
    found = interquartile_mean(CONSTANT, seed=1)
    assert (found.value, found.low, found.high) == (0.7, 0.7, 0.7)
    profile = performance_profile(CONSTANT, [0.6, 0.7], seed=1)
    assert profile.low.tolist() == profile.high.tolist() == profile.share.tolist() == [1.0, 0.0]
    for paired in (True, False):
        level = probability_of_improvement(CONSTANT, CONSTANT, paired=paired, seed=1)
        assert (level.value, level.low, level.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.51, 0.9, True), (0.5, 0.9, False), (0.51, 0.75, False), (0.6, 0.7, False), (0.2, 0.4, False)],
)
def test_meaningful_is_above_one_half_and_reaching_beyond_three_quarters(low, high, expected):
    assert meaningful(Effect((low + high) / 2, low, high, tasks=1, runs=29), 29) is expected


def test_three_wins_in_three_runs_are_not_called_meaningful():
    found = probability_of_improvement([[0.9, 0.8, 0.7]], [[0.5, 0.5, 0.5]], paired=True, seed=1)
    assert (found.low, found.high) == (1.0, 1.0)
    assert meaningful(found, runs_needed()) is None


def test_runs_needed_are_the_published_29():
    # Bouthillier et al. 2021, app. C.3: alpha = beta = 0.05 and P(A > B) = 0.75 ask for 29 trainings.
    assert runs_needed(0.75) == 29
    assert runs_needed(0.75, power=0.8) == 17


def test_29_and_17_runs_a_side_have_their_power_in_the_one_sided_mann_whitney_test():
    random = np.random.default_rng(14)
    shift = np.sqrt(2) * stats.norm.ppf(0.75)  # P(A > B) = 0.75 of two normal scores
    for runs, power in ((29, 0.95), (17, 0.80)):
        a, b = random.normal(shift, 1, (4000, runs)), random.normal(0, 1, (4000, runs))
        p = stats.mannwhitneyu(a, b, axis=1, alternative="greater", method="asymptotic").pvalue
        assert np.mean(p < 0.05) == pytest.approx(power, abs=0.05)  # Noether's is approximate


def test_29_pairs_have_a_power_of_83_percent_in_the_sign_test():
    least = next(k for k in range(30) if stats.binom.sf(k - 1, 29, 0.5) <= 0.05)
    assert stats.binom.sf(least - 1, 29, 0.75) == pytest.approx(0.83, abs=0.005)


def test_fewer_runs_are_needed_for_a_larger_effect():
    assert runs_needed(0.6) > runs_needed(0.75) > runs_needed(1.0) > 0


@pytest.mark.parametrize("arguments", [(0.5, 0.05, 0.8), (1.1, 0.05, 0.8), (0.7, 0, 0.8), (0.7, 0.05, 1)])
def test_runs_needed_refuses_what_is_no_effect_or_no_probability(arguments):
    probability, alpha, power = arguments
    with pytest.raises(ValueError, match="must lie"):
        runs_needed(probability, alpha=alpha, power=power)


@pytest.mark.parametrize("scores", [[], [[]], [[0.5], []], [[[0.5]]], [[0.5, np.nan]], [[np.inf]]])
def test_missing_or_infinite_scores_are_refused(scores):
    good = [[0.5]] * max(len(scores), 1)
    for attempt in (
        lambda: interquartile_mean(scores, seed=1),
        lambda: performance_profile(scores, [0.5], seed=1),
        lambda: probability_of_improvement(scores, good, paired=False, seed=1),
        lambda: probability_of_improvement(good, scores, paired=False, seed=1),
    ):
        with pytest.raises(ValueError, match=r"at least one run|not finite"):
            attempt()


def test_other_misuse_is_refused():
    with pytest.raises(ValueError, match="2 tasks cannot be held against 1"):
        probability_of_improvement([[0.5], [0.5]], [[0.5]], paired=False, seed=1)
    with pytest.raises(ValueError, match="equally many"):
        probability_of_improvement([[0.5, 0.6]], [[0.5]], paired=True, seed=1)
    with pytest.raises(ValueError, match="at least 2000"):
        interquartile_mean([[0.5]], seed=1, repeats=1999)
    for taus in ([], [[0.5]], [np.nan]):
        with pytest.raises(ValueError, match="taus"):
            performance_profile([[0.5]], taus, seed=1)


def test_resampling_in_parts_changes_nothing_and_bounds_the_memory(monkeypatch):
    task = ragged(15, 400)
    whole = interquartile_mean(task, seed=1)
    monkeypatch.setattr(effects, "_CELLS", 4000)
    tracemalloc.start()
    try:
        assert interquartile_mean(task, seed=1) == whole
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2000 * 400 * 8 / 4  # a quarter of one array of all counts


def share_covered(draw, truth: float) -> float:
    covered = 0
    for seed in range(200):
        found = draw(np.random.default_rng([16, seed]), seed)
        covered += found.low <= truth <= found.high
    return covered / 200


# Percentile intervals of so few runs cover a little less than 95 %; 200 tries have a standard error of 1.8 points.


def test_interval_of_the_interquartile_mean_covers_the_truth():
    def draw(random, seed):  # symmetric about 0, so is the pooled distribution
        return interquartile_mean([random.normal(m, 0.5, 20) for m in (-1, 0, 1)], seed=seed)

    assert 0.88 <= share_covered(draw, 0.0) <= 0.98


def test_interval_of_the_unpaired_improvement_covers_the_truth():
    def draw(random, seed):
        sides = [random.normal(0.7, 1, n) for n in (15, 20)], [random.normal(0, 1, n) for n in (20, 15)]
        return probability_of_improvement(*sides, paired=False, seed=seed)

    assert 0.88 <= share_covered(draw, stats.norm.cdf(0.7 / np.sqrt(2))) <= 0.98


def test_interval_of_the_paired_improvement_covers_the_truth_at_29_pairs():
    def draw(random, seed):
        luck = random.normal(0, 2, 29)
        first = luck + random.normal(0.7, 1, 29)
        return probability_of_improvement([first], [luck + random.normal(0, 1, 29)], paired=True, seed=seed)

    assert 0.88 <= share_covered(draw, stats.norm.cdf(0.7 / np.sqrt(2))) <= 0.98
