import math

import numpy as np
import pytest
from optuna import distributions
from optuna._transform import _SearchSpaceTransform

from hpo.stats.parameters import Categorical, Condition, Numerical, checked_trials, encode, is_active

POWER = Numerical("power", 1, 3, condition=Condition("schedule", ("polynomial",)))
SCHEDULE = Categorical("schedule", ("linear", "polynomial"))


@pytest.mark.parametrize(
    ("parameter", "distribution"),
    [
        (Numerical("x", -2, 3), distributions.FloatDistribution(-2, 3)),
        (Numerical("x", 1e-5, 1e-1, log=True), distributions.FloatDistribution(1e-5, 1e-1, log=True)),
        (Numerical("x", 2, 8, step=1), distributions.IntDistribution(2, 8)),
        (Numerical("x", 0, 12, step=4), distributions.IntDistribution(0, 12, step=4)),
        (Numerical("x", 0.25, 1, step=0.25), distributions.FloatDistribution(0.25, 1, step=0.25)),
        (Numerical("x", 1, 64, log=True, step=1), distributions.IntDistribution(1, 64, log=True)),
    ],
    ids=["float", "log float", "int", "int of steps", "float of steps", "log int"],
)
def test_codes_of_ranges_are_those_of_optunas_search_space(parameter, distribution):
    transform = _SearchSpaceTransform({"x": distribution}, transform_0_1=True)
    for value in parameter.grid(5):
        assert parameter.code(value) == pytest.approx(transform.transform({"x": value})[0])


def test_each_step_of_a_range_has_a_cell_of_the_same_width():
    codes = [Numerical("layers", 3, 9, step=1).code(value) for value in range(3, 10)]
    assert np.diff(codes) == pytest.approx(1 / 7)
    assert codes[0] == pytest.approx(1 / 14)


def test_categories_are_encoded_by_index_even_if_they_are_lists():
    sizes = Categorical("sizes", ([], [128], [128, 64]))
    assert encode([sizes], [{"sizes": [128, 64]}, {"sizes": []}]).tolist() == [[2.0], [0.0]]


def test_inactive_values_are_not_a_number_whether_given_or_absent():
    configurations = [
        {"schedule": "polynomial", "power": 2},
        {"schedule": "linear"},
        {"schedule": "linear", "power": 2},
    ]
    codes = encode([SCHEDULE, POWER], configurations)
    assert codes[:, 0].tolist() == [1, 0, 0]
    assert codes[0, 1] == 0.5
    assert np.isnan(codes[1:, 1]).all()


def test_a_condition_may_name_what_is_no_searched_parameter():
    assert is_active(POWER, {"schedule": "polynomial"})
    assert not is_active(POWER, {"schedule": "linear"})
    assert not is_active(POWER, {})


def test_an_unconditional_parameter_without_a_value_is_refused():
    with pytest.raises(ValueError, match="schedule has no condition and no value"):
        encode([SCHEDULE], [{"power": 2}])


@pytest.mark.parametrize(
    ("parameter", "value"), [(Numerical("x", 0, 1), 1.5), (Numerical("x", 0, 1), math.nan), (SCHEDULE, "wsd")]
)
def test_a_value_that_its_parameter_has_not_is_refused(parameter, value):
    with pytest.raises(ValueError, match=r"is outside|is none of"):
        parameter.code(value)


@pytest.mark.parametrize("bounds", [{"low": 1, "high": 1}, {"low": 0, "high": 1, "log": True}])
def test_a_range_without_a_scale_is_refused(bounds):
    with pytest.raises(ValueError, match="low"):
        Numerical("x", **bounds)


def test_a_grid_is_even_on_the_ranges_scale():
    assert Numerical("x", 0, 1).grid(11) == pytest.approx(np.linspace(0, 1, 11))
    assert Numerical("x", 1e-5, 1e-1, log=True).grid(9) == pytest.approx(np.geomspace(1e-5, 1e-1, 9))


def test_a_grid_of_few_steps_has_each_once_as_an_integer():
    grid = Numerical("layers", 3, 9, step=1).grid(50)
    assert grid == (3, 4, 5, 6, 7, 8, 9)
    assert all(isinstance(value, int) for value in grid)


@pytest.mark.parametrize(
    ("codes", "scores"), [([[0.5]], [1.0, 2.0]), ([[0.5, 0.5]], [1.0]), ([[0.5]], [math.nan])]
)
def test_trials_that_do_not_fit_together_are_refused(codes, scores):
    with pytest.raises(ValueError, match=r"codes are|finite"):
        checked_trials([Numerical("x", 0, 1)], codes, scores)
