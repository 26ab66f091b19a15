import numpy as np
import pytest

from hpo.stats.pareto import pareto_front


def not_dominated(costs, scores):
    """Values of the front by the definition, each pair once."""
    points = set(zip(costs, scores, strict=True))
    return sorted(
        (c, s) for c, s in points if not any(d <= c and t >= s and (d, t) != (c, s) for d, t in points)
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_front_is_that_of_the_definition_with_each_value_once(seed, levels):
    random = np.random.default_rng([seed, levels])
    costs, scores = random.integers(0, levels, (2, 40)).astype(float)
    front = pareto_front(costs, scores)
    assert list(zip(costs[front], scores[front], strict=True)) == not_dominated(costs, scores)


def test_front_rises_in_cost_and_score():
    random = np.random.default_rng(1)
    costs, scores = random.normal(size=(2, 200_000))
    front = pareto_front(costs, scores)
    assert (np.diff(costs[front]) > 0).all()
    assert (np.diff(scores[front]) > 0).all()
    assert scores[front[-1]] == scores.max()
    assert costs[front[0]] == costs.min()


def test_of_equal_points_the_first_counts_and_of_equal_costs_the_best():
    assert pareto_front([2, 1, 1, 1, 2], [0.5, 0.4, 0.4, 0.3, 0.5]).tolist() == [1, 0]


def test_the_same_score_at_more_cost_is_dominated():
    assert pareto_front([1, 2, 3], [0.5, 0.5, 0.5]).tolist() == [0]


def test_no_points_have_no_front_and_one_point_is_its_own():
    assert pareto_front([], []).tolist() == []
    assert pareto_front([3.0], [-1.0]).tolist() == [0]


@pytest.mark.parametrize(
    ("costs", "scores"), [([1, 2], [1]), ([[1]], [[1]]), ([np.nan], [1]), ([1], [np.nan]), ([np.inf], [1])]
)
def test_unequal_lengths_and_values_that_are_not_finite_are_refused(costs, scores):
    with pytest.raises(ValueError, match=r"equally long|not finite"):
        pareto_front(costs, scores)
