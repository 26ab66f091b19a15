"""The difference of the same units between two sets of items: against its special cases and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpo.stats.crossed import crossed
from hpo.stats.two_sets import two_sets


def test_a_second_set_of_zeros_leaves_the_crossed_variance_of_the_first() -> None:
    values = np.random.default_rng(1).normal(0.4, 1, (5, 40))
    wanted, found = crossed(values), two_sets(values, np.zeros((5, 7)))
    assert (found.mean, found.variance, found.df) == pytest.approx((wanted.mean, wanted.variance, wanted.df))
    assert found.interval() == pytest.approx(wanted.interval())


def test_scores_of_whole_sets_give_students_paired_test() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(0.7, 0.02, (6, 1)), random.normal(0.6, 0.02, (6, 1))
    oracle = stats.ttest_rel(first[:, 0], second[:, 0])
    found = two_sets(first, second)
    assert found.p_value() == pytest.approx(oracle.pvalue)
    assert found.interval() == pytest.approx(tuple(oracle.confidence_interval(0.95)))


def test_one_unit_gives_welchs_test_of_the_items() -> None:
    random = np.random.default_rng(3)
    first, second = random.normal(0.2, 1, (1, 30)), random.normal(0, 2, (1, 50))
    oracle = stats.ttest_ind(first[0], second[0], equal_var=False)
    found = two_sets(first, second)
    assert found.p_value() == pytest.approx(oracle.pvalue)
    assert found.interval() == pytest.approx(tuple(oracle.confidence_interval(0.95)))


def test_one_score_of_each_set_has_no_interval() -> None:
    low, high = two_sets([[0.7]], [[0.6]]).interval()
    assert (low, high) == (-np.inf, np.inf)


def test_groups_of_one_item_each_change_nothing_and_larger_ones_widen() -> None:
    random = np.random.default_rng(4)
    topic = np.repeat(random.normal(0, 1, 10), 6)
    first, second = random.normal(0, 0.3, (4, 60)) + topic, random.normal(0, 0.3, (4, 30))
    alone = two_sets(first, second)
    same = two_sets(first, second, np.arange(60), np.arange(30))
    assert (same.mean, same.variance) == pytest.approx((alone.mean, alone.variance))
    grouped = two_sets(first, second, np.repeat(np.arange(10), 6), None)
    assert grouped.mean == pytest.approx(alone.mean)
    assert grouped.variance > 3 * alone.variance


def test_other_units_are_refused() -> None:
    with pytest.raises(ValueError, match="the same units"):
        two_sets(np.zeros((2, 3)), np.zeros((3, 3)))


def test_the_variance_is_that_of_drawing_units_and_the_items_of_both_sets_anew() -> None:
    """Units share an effect on both sets, which the difference is free of, and have one on each."""
    random = np.random.default_rng(5)
    u, n, m = 6, 60, 40
    shared, own, item, noise = 3.0, 0.4, 1.0, 0.7
    estimates = []
    for _ in range(1500):
        skill = random.normal(0, shared, (u, 1))
        sides = [
            skill
            + random.normal(0, own, (u, 1))
            + random.normal(0, item, (1, k))
            + random.normal(0, noise, (u, k))
            for k in (n, m)
        ]
        estimates.append(two_sets(*sides))
    truth = 2 * own**2 / u + (item**2 + noise**2 / u) * (1 / n + 1 / m)
    assert np.var([e.mean for e in estimates]) == pytest.approx(
        truth, rel=0.12
    )  # 3 standard errors: sqrt(2 / 1500)
    assert np.mean([e.variance for e in estimates]) == pytest.approx(truth, rel=0.05)
    covered = np.mean([e.interval()[0] <= 0 <= e.interval()[1] for e in estimates])
    assert 0.935 <= covered <= 0.99
