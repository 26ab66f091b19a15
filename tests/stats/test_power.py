import numpy as np
import pytest
from scipy import stats

from hpo.stats.power import (
    Components,
    components,
    design_power,
    needed,
    needed_unpaired,
    t_power,
    welch_power,
)

SEARCHES_ONLY = Components(unit=1.0, seed=0.0, item=0.0, unit_item=0.0, seed_item=0.0)


def draw(random, units, seeds, items, sds):
    unit, seed, item, unit_item, seed_item = sds
    return (
        random.normal(0, unit, (units, 1, 1))
        + random.normal(0, seed, (units, seeds, 1))
        + random.normal(0, item, (1, 1, items))
        + random.normal(0, unit_item, (units, 1, items))
        + random.normal(0, seed_item, (units, seeds, items))
    )


def test_power_of_the_paired_t_test_is_cohens():
    # Paired t, effect 0.5, two-sided 0.05: 34 pairs are the least for 80 % (G*Power 3.1: 0.8078).
    assert t_power(0.5, 1 / 34, 33, 0.05) == pytest.approx(0.8078, abs=5e-4)
    assert t_power(0.5, 1 / 33, 32, 0.05) < 0.8


def test_power_equals_scipys_noncentral_t():
    critical = stats.t.ppf(0.995, 7.3)
    oracle = stats.nct.sf(critical, 7.3, 2.5) + stats.nct.cdf(-critical, 7.3, 2.5)
    assert t_power(2.5, 1.0, 7.3, 0.01) == pytest.approx(oracle)


def test_without_item_variance_the_design_is_the_t_test_over_units():
    assert design_power(SEARCHES_ONLY, (34, 1, 1000), 0.5, 0.05) == pytest.approx(0.8078, abs=5e-4)


def test_components_are_recovered_from_a_large_design():
    sds = (0.3, 0.2, 0.5, 0.4, 0.6)
    found = components(draw(np.random.default_rng(7), 200, 4, 300, sds))
    truth = Components(*(sd**2 for sd in sds))
    assert found.unit == pytest.approx(truth.unit, rel=0.3)
    assert found.seed == pytest.approx(truth.seed, rel=0.2)
    assert found.item == pytest.approx(truth.item, rel=0.3)
    assert found.unit_item == pytest.approx(truth.unit_item, rel=0.1)
    assert found.seed_item == pytest.approx(truth.seed_item, rel=0.05)


def test_seeds_count_as_units_where_each_unit_has_one():
    found = components(draw(np.random.default_rng(8), 200, 1, 300, (0.3, 0.2, 0.5, 0.4, 0.6)))
    assert (found.seed, found.seed_item) == (0, 0)
    assert found.unit == pytest.approx(0.3**2 + 0.2**2, rel=0.3)


def test_further_units_are_the_least_that_reach_the_power():
    values = draw(np.random.default_rng(9), 6, 1, 400, (0.06, 0, 0.1, 0, 0.3))
    plan, found = needed(values, 0.03), components(values)
    assert plan.units > 0
    assert design_power(found, (6 + plan.units, 1, 400), 0.03, 0.05) >= 0.8
    assert design_power(found, (5 + plan.units, 1, 400), 0.03, 0.05) < 0.8


def test_searches_limit_where_they_differ_and_more_items_cannot_help():
    plan = needed(draw(np.random.default_rng(10), 5, 1, 2000, (0.05, 0, 0.01, 0, 0.1)), 0.01)
    assert plan.limit == "units"
    assert plan.items is None
    assert plan.units > 10


def test_items_limit_where_searches_agree_and_more_searches_cannot_help():
    plan = needed(draw(np.random.default_rng(11), 5, 1, 100, (0.0, 0, 0.4, 0, 0.05)), 0.03)
    assert plan.limit == "items"
    assert plan.units is None
    assert plan.items > 100


def test_seeds_limit_where_searches_agree_and_their_seeds_do_not():
    plan = needed(draw(np.random.default_rng(12), 5, 6, 2000, (0.0, 0.08, 0.0, 0.0, 0.02)), 0.02)
    assert plan.limit == "seeds"
    assert plan.seeds is not None


def test_nothing_further_is_needed_where_the_power_is_there():
    plan = needed(draw(np.random.default_rng(13), 8, 2, 500, (0.001, 0.001, 0.01, 0, 0.01)), 0.05)
    assert (plan.units, plan.seeds, plan.items) == (0, 0, 0)


def test_power_grows_with_the_difference_to_certainty_however_far():
    powers = [t_power(shift, 1.0, 2.0, 0.05 / 15) for shift in np.arange(0, 40, 0.5)]
    assert np.isfinite(powers).all()
    assert (np.diff(powers) >= -1e-12).all()
    assert powers[-1] > 0.9


def of_variance(variance, units, seed):
    """Scores of exactly that variance."""
    scores = np.random.default_rng(seed).normal(size=units)
    return np.sqrt(variance) * (scores - scores.mean()) / scores.std(ddof=1)


def test_power_of_two_independent_groups_is_that_of_rs_power_t_test():
    # The examples of its help page: 20 a group, delta 1, sd 1: power 0.8689528; power 0.9: n = 22.02110.
    assert welch_power((1.0, 1.0), (20, 20), 1.0, 0.05) == pytest.approx(0.8689528, abs=1e-6)
    plan = needed_unpaired(of_variance(1.0, 5, 1), of_variance(1.0, 5, 2), 1.0, power=0.9)
    assert 5 + plan.units == 23
    assert (plan.seeds, plan.items, plan.limit) == (None, None, "units")


def test_power_of_groups_of_other_variance_and_size_is_how_often_welchs_test_rejects():
    random, runs = np.random.default_rng(14), 20_000
    first, second = random.normal(1.4, 1, (runs, 9)), random.normal(0, 2, (runs, 16))
    rejected = np.mean(stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05)
    error = np.sqrt(rejected * (1 - rejected) / runs)
    # Satterthwaite's degrees of freedom are those of the true variances, the test's those of the seen ones.
    assert welch_power((1.0, 4.0), (9, 16), 1.4, 0.05) == pytest.approx(rejected, abs=4 * error + 0.005)


def test_unequal_groups_both_get_the_least_further_units_that_reach_the_power():
    first, second = of_variance(0.5, 4, 3), of_variance(2.0, 9, 4)
    plan = needed_unpaired(first, second, 0.8, alpha=0.01)
    assert plan.units > 0
    assert welch_power((0.5, 2.0), (4 + plan.units, 9 + plan.units), 0.8, 0.01) >= 0.8
    assert welch_power((0.5, 2.0), (3 + plan.units, 8 + plan.units), 0.8, 0.01) < 0.8


def test_a_difference_of_0_needs_more_units_than_are_tried():
    assert needed_unpaired(of_variance(1.0, 5, 1), of_variance(1.0, 5, 2), 0.0).units is None
