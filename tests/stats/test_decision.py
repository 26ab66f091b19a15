import pytest

from hpo.stats.crossed import Estimate
from hpo.stats.decision import Outcome, decide, not_separable, rank_intervals


def estimate(mean: float, deviation: float) -> Estimate:
    return Estimate(mean=mean, variance=deviation**2, df=1e6, unit_variance=0.0, units=5, items=1000)


@pytest.mark.parametrize(
    ("mean", "deviation", "outcome"),
    [
        (0.020, 0.003, Outcome.RELEVANT),  # 1.2 to 2.8 points, all beyond 0.5
        (-0.020, 0.003, Outcome.RELEVANT),
        (0.010, 0.004, Outcome.BETTER),  # 0.2 to 1.8
        (0.003, 0.001, Outcome.DIFFERENT),  # 0.1 to 0.5
        (0.001, 0.001, Outcome.EQUIVALENT),  # 90 %: -0.06 to 0.26
        (0.003, 0.010, Outcome.INCONCLUSIVE),
    ],
)
def test_each_outcome_has_its_region(mean, deviation, outcome):
    found = estimate(mean, deviation)
    assert decide(found, found.p_value(), 0.005, 1, alpha=0.05, enough=True) is outcome


def test_too_few_units_are_inconclusive_whatever_the_interval():
    found = estimate(0.2, 0.001)
    assert decide(found, found.p_value(), 0.005, 1, alpha=0.05, enough=False) is Outcome.INCONCLUSIVE


def test_holms_p_decides_where_the_single_interval_would_call_a_winner():
    found = estimate(0.010, 0.004)
    assert found.p_value() < 0.05
    assert decide(found, 0.06, 0.005, 4, alpha=0.05, enough=True) is Outcome.INCONCLUSIVE


def test_a_relevant_margin_needs_the_simultaneous_interval_beyond_it():
    found = estimate(0.012, 0.0033)  # 95 %: 0.55 to 1.85 points; of ten at once: 0.27 to 2.13
    assert decide(found, 0.01, 0.005, 1, alpha=0.05, enough=True) is Outcome.RELEVANT
    assert decide(found, 0.01, 0.005, 10, alpha=0.05, enough=True) is Outcome.BETTER


def better(*pairs: tuple[str, str]) -> dict[tuple[str, str], bool]:
    return {(a, b): (a, b) in pairs for a in "abc" for b in "abc" if a != b}


def test_not_separable_are_those_the_best_does_not_beat():
    assert not_separable("a", ["a", "b", "c"], better(("a", "c"))) == ("a", "b")


def test_rank_intervals_are_open_without_a_winner_and_closed_in_a_full_order():
    assert rank_intervals(["a", "b", "c"], better()) == {"a": (1, 3), "b": (1, 3), "c": (1, 3)}
    order = better(("a", "b"), ("a", "c"), ("b", "c"))
    assert rank_intervals(["a", "b", "c"], order) == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}


def test_one_beaten_strategy_closes_one_rank():
    assert rank_intervals(["a", "b", "c"], better(("a", "c"))) == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}


def test_without_a_margin_no_difference_is_called_relevant():
    found = estimate(0.2, 0.001)
    assert decide(found, found.p_value(), 0.0, 1, alpha=0.05, enough=True) is Outcome.BETTER
