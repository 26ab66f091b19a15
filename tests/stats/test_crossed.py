import math

import numpy as np
import pytest
from scipy import stats

from hpo.stats.crossed import crossed, group_items, mean_squares, unpaired

# Box, Hunter and Hunter, Statistics for Experimenters (1978), table 7.1: penicillin, 5 blends x 4 treatments.
PENICILLIN = np.array(
    [[89, 88, 97, 94], [84, 77, 92, 79], [81, 87, 87, 85], [87, 92, 89, 84], [79, 81, 80, 88]]
)


def test_mean_squares_are_those_of_the_penicillin_table():
    blends, treatments, residual = mean_squares(PENICILLIN.astype(float))
    assert (blends, treatments) == pytest.approx((264 / 4, 70 / 3))
    assert residual == pytest.approx(226 / 12)


def test_variance_and_df_follow_from_the_penicillin_mean_squares():
    estimate = crossed(PENICILLIN)
    unit, item, residual = 66 / 20, (70 / 3) / 20, (226 / 12) / 20
    variance = unit + item - residual
    df = variance**2 / (unit**2 / 4 + item**2 / 3)
    assert (estimate.mean, estimate.units, estimate.items) == (86.0, 5, 4)
    assert (estimate.variance, estimate.df) == pytest.approx((variance, df))
    half = max(stats.t.ppf(0.975, df) * math.sqrt(variance), stats.t.ppf(0.975, 4) * math.sqrt(unit))
    assert estimate.interval() == pytest.approx((86 - half, 86 + half))


def test_variance_never_falls_below_that_of_units_or_items_alone():
    # The residual exceeds both mean squares: the unclipped variance would be negative.
    values = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.1]])
    units, items, residual = (square / 8 for square in mean_squares(values))
    assert units + items - residual < 0
    assert crossed(values).variance == pytest.approx(max(units, items))


def test_one_unit_gives_the_interval_of_the_one_sample_t_test():
    values = np.array([0.3, -0.1, 0.2, 0.8, 0.4])
    result = stats.ttest_1samp(values, 0)
    low, high = result.confidence_interval(0.95)
    estimate = crossed(values[None, :])
    assert estimate.interval() == pytest.approx((low, high))
    assert estimate.p_value() == pytest.approx(result.pvalue)


def test_items_without_variance_leave_the_t_test_over_units():
    unit_means = np.array([0.1, 0.4, 0.2, 0.6])
    estimate = crossed(np.repeat(unit_means[:, None], 50, axis=1))
    assert estimate.p_value() == pytest.approx(stats.ttest_1samp(unit_means, 0).pvalue)
    assert estimate.df == pytest.approx(3)


def test_interval_and_p_are_never_more_certain_than_the_t_test_over_units():
    random = np.random.default_rng(14)
    wider = 0
    for _ in range(50):
        values = (
            random.normal(0, 0.1, (3, 1)) + random.normal(0, 0.3, (1, 60)) + random.normal(0, 0.5, (3, 60))
        )
        oracle, estimate = stats.ttest_1samp(values.mean(axis=1), 0), crossed(values)
        low, high = oracle.confidence_interval(0.95)
        assert estimate.interval()[1] - estimate.interval()[0] >= high - low - 1e-12
        assert estimate.p_value() >= oracle.pvalue - 1e-12
        wider += estimate.interval()[1] - estimate.interval()[0] > high - low + 1e-9
    assert wider > 0


def test_interval_holds_zero_exactly_where_p_says_so():
    values = np.random.default_rng(15).normal(0.3, 1, (4, 50))
    p = crossed(values).p_value()
    low, high = crossed(values).interval(1 - p)
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9)


def test_identical_predictions_give_an_interval_of_no_width_and_p_one():
    estimate = crossed(np.zeros((5, 20)))
    assert estimate.interval() == (0.0, 0.0)
    assert estimate.p_value() == 1.0


def test_the_same_difference_everywhere_gives_p_zero():
    assert crossed(np.ones((3, 20))).p_value() == 0.0


@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_too_few_units_or_items_are_refused(shape):
    with pytest.raises(ValueError, match="units, items"):
        crossed(np.zeros(shape))


def test_groups_of_one_item_are_the_items():
    values = np.random.default_rng(1).normal(size=(4, 30))
    assert crossed(values, groups=np.arange(30)).variance == pytest.approx(crossed(values).variance)


def test_grouping_keeps_the_means_over_items():
    values = np.random.default_rng(2).normal(size=(4, 30))
    grouped = group_items(values, np.arange(30) % 7)
    assert grouped.shape == (4, 7)
    assert grouped.mean(axis=1) == pytest.approx(values.mean(axis=1))


def test_variance_of_one_unit_over_groups_is_the_cluster_robust_one():
    random = np.random.default_rng(3)
    values, groups = random.normal(size=60), random.integers(0, 9, size=60)
    sums = [(values[groups == g] - values.mean()).sum() for g in np.unique(groups)]
    robust = len(sums) / (len(sums) - 1) * sum(s**2 for s in sums) / 60**2
    assert crossed(values[None, :], groups).variance == pytest.approx(robust)


def test_copies_of_an_item_in_its_group_add_no_certainty():
    values = np.random.default_rng(4).normal(size=(5, 40))
    copied = crossed(np.repeat(values, 3, axis=1), groups=np.repeat(np.arange(40), 3))
    assert copied.variance == pytest.approx(crossed(values).variance)
    assert copied.items == 40


def test_scores_of_whole_splits_have_students_interval_over_units():
    scores = np.array([0.71, 0.74, 0.72, 0.78])
    estimate = crossed(scores[:, None])
    expected = stats.t.interval(0.95, 3, scores.mean(), stats.sem(scores))
    assert estimate.interval() == pytest.approx(expected)


def test_nothing_is_known_of_a_single_score():
    estimate = crossed([[0.7]])
    assert estimate.interval() == (-np.inf, np.inf)
    assert estimate.p_value() == 1.0


def test_independent_samples_are_compared_as_welch_does():
    first, second = [0.71, 0.74, 0.72, 0.78], [0.69, 0.72, 0.70]
    found = unpaired(first, second)
    known = stats.ttest_ind(first, second, equal_var=False)
    assert found.p_value() == pytest.approx(known.pvalue)
    assert found.interval() == pytest.approx(tuple(known.confidence_interval(0.95)))
