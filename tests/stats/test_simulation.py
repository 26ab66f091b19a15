"""Known truth: how often the verdict errs. Seeded afresh, judged at a confidence of 0.999999."""

import logging
import secrets
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from hpo.stats.comparisons import holm
from hpo.stats.crossed import crossed
from hpo.stats.decision import Outcome, decide

RUNS, ITEMS, STRATEGIES = 2500, 250, 4
CONFIDENCE = 0.999999


def proportion(count: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a proportion among RUNS."""
    interval = stats.binomtest(count, RUNS).proportion_ci(CONFIDENCE, "exact")
    return interval.low, interval.high


def experiment(random: np.random.Generator, accuracies: np.ndarray, units: int) -> np.ndarray:
    """Correct (1) or not (0), (strategies, units, items); strategies share a part of the luck of both."""
    strategies = len(accuracies)
    item = random.normal(0, 1.0, (1, 1, ITEMS)) + random.normal(0, 0.4, (strategies, 1, ITEMS))
    unit = random.normal(0, 0.1, (1, units, 1)) + random.normal(0, 0.15, (strategies, units, 1))
    noise = random.normal(0, 0.6, (strategies, units, ITEMS))
    scale = np.sqrt(1.0**2 + 0.4**2 + 0.1**2 + 0.15**2 + 0.6**2)
    return (item + unit + noise < scale * stats.norm.ppf(accuracies)[:, None, None]).astype(float)


@pytest.fixture(scope="module")
def random() -> np.random.Generator:
    seed = secrets.randbits(64)
    logging.getLogger(__name__).warning("seed of the simulation: %d", seed)
    return np.random.default_rng(seed)


@pytest.mark.parametrize("units", [3, 5])
def test_identical_strategies_are_called_better_in_at_most_one_run_of_twenty(random, units):
    false = 0
    for _ in range(RUNS):
        scores = experiment(random, np.full(STRATEGIES, 0.75), units)
        pairs = [crossed(scores[a] - scores[b]) for a, b in combinations(range(STRATEGIES), 2)]
        adjusted = holm([pair.p_value() for pair in pairs])
        outcomes = {
            decide(pair, p, 0.005, len(pairs), alpha=0.05, enough=True)
            for pair, p in zip(pairs, adjusted, strict=True)
        }
        false += bool(outcomes & {Outcome.BETTER, Outcome.RELEVANT, Outcome.DIFFERENT})
    assert proportion(false)[0] <= 0.05, f"{false} of {RUNS}"


@pytest.mark.parametrize("units", [3, 5])
def test_the_95_percent_interval_covers_the_truth_in_93_to_98_percent(random, units):
    truth, covered = 0.78 - 0.74, 0
    for _ in range(RUNS):
        scores = experiment(random, np.array([0.78, 0.74]), units)
        low, high = crossed(scores[0] - scores[1]).interval()
        covered += low <= truth <= high
    low, high = proportion(covered)
    assert low <= 0.98, f"{covered} of {RUNS}"
    assert high >= 0.93, f"{covered} of {RUNS}"


@pytest.mark.parametrize("units", [3, 5])
def test_the_interval_of_one_strategys_mean_covers_its_accuracy(random, units):
    covered = 0
    for _ in range(RUNS):
        low, high = crossed(experiment(random, np.array([0.8]), units)[0]).interval()
        covered += low <= 0.8 <= high
    low, high = proportion(covered)
    assert low <= 0.98, f"{covered} of {RUNS}"
    assert high >= 0.93, f"{covered} of {RUNS}"
