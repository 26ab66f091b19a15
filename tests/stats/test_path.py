import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from hpo.stats.parameters import Categorical, Condition, Numerical, encode
from hpo.stats.path import Change, path

UNIT = [Numerical(name, 0, 1) for name in "abc"]
DEFAULT, BEST = {"a": 0.1, "b": 0.1, "c": 0.1}, {"a": 0.9, "b": 0.9, "c": 0.9}
KIND = Categorical("kind", ("none", "some"))
STRENGTH = Numerical("strength", 0, 1, condition=Condition("kind", ("some",)))
SHAPE = Categorical("shape", ("flat", "steep"), condition=Condition("kind", ("none",)))
RATE = Numerical("rate", 0, 1)
CONDITIONAL = [KIND, STRENGTH, SHAPE, RATE]
OFF = {"kind": "none", "shape": "flat", "rate": 0.1}
ON = {"kind": "some", "strength": 0.8, "rate": 0.9}


def draws(trials, seed=0):
    return np.random.default_rng(seed).random((trials, 3))


def first_changes(result):
    return [step.changes[0] for step in result.steps]


def conditional_trials(trials=200):
    random = np.random.default_rng(1)
    configurations, scores = [], []
    for number in range(trials):
        one = {"rate": float(random.random()), "kind": ("none", "some")[number % 2]}
        if one["kind"] == "some":
            one["strength"] = float(random.random())
        else:
            one["shape"] = ("flat", "steep")[int(random.integers(2))]
        configurations.append(one)
        scores.append(one["rate"] + 2 * one.get("strength", 0.0) + 0.5 * (one.get("shape") == "steep"))
    return encode(CONDITIONAL, configurations), np.array(scores)


def test_changes_come_in_the_order_of_their_gain():
    x = draws(300)
    y = x[:, 0] + 3 * x[:, 1] - x[:, 2]
    result = path(UNIT, x, y, default=DEFAULT, best=BEST, seed=0)
    assert first_changes(result) == [Change("b", 0.1, 0.9), Change("a", 0.1, 0.9), Change("c", 0.1, 0.9)]
    gains = np.diff([result.default_score, *[step.score for step in result.steps]])
    assert gains == pytest.approx([3 * 0.8, 0.8, -0.8], abs=0.25)


def test_scores_are_the_greedy_maxima_of_a_forests_predictions():
    x = draws(60)
    y = np.random.default_rng(2).normal(size=60)
    forest = RandomForestRegressor(64, max_depth=64, random_state=5, oob_score=True).fit(x, y)
    result = path(UNIT, x, y, default=DEFAULT, best=BEST, seed=5)
    current, expected = np.full(3, 0.1), []
    while (current < 0.9).any():
        tried = [np.where(np.arange(3) == j, 0.9, current) for j in range(3) if current[j] < 0.9]
        scores = forest.predict(tried)
        current = tried[int(np.argmax(scores))]
        expected.append(scores.max())
    assert [step.score for step in result.steps] == pytest.approx(expected)
    assert result.default_score == pytest.approx(forest.predict([[0.1] * 3])[0])
    assert result.fit.r2 == pytest.approx(forest.oob_score_)
    assert (result.fit.trials, result.fit.trees) == (60, 64)


def test_what_both_have_alike_is_no_step():
    x = draws(40)
    best = DEFAULT | {"b": 0.9}
    result = path(UNIT, x, x[:, 1], default=DEFAULT, best=best, seed=0)
    assert [step.changes for step in result.steps] == [(Change("b", 0.1, 0.9),)]
    assert path(UNIT, x, x[:, 1], default=DEFAULT, best=DEFAULT, seed=0).steps == ()


def test_a_change_takes_along_what_it_switches_on_and_off():
    x, y = conditional_trials()
    result = path(CONDITIONAL, x, y, default=OFF, best=ON, seed=0)
    assert [step.changes for step in result.steps] == [
        (Change("kind", "none", "some"), Change("strength", None, 0.8), Change("shape", "flat", None)),
        (Change("rate", 0.1, 0.9),),
    ]
    assert result.default_score == pytest.approx(0.1, abs=0.2)
    assert [step.score for step in result.steps] == pytest.approx([1.7, 2.5], abs=0.3)


def test_the_way_back_ends_at_the_other_end():
    x, y = conditional_trials()
    result = path(CONDITIONAL, x, y, default=ON, best=OFF, seed=0)
    reached = dict(ON)
    for change in (change for step in result.steps for change in step.changes):
        reached[change.parameter] = change.new
    assert {name: value for name, value in reached.items() if value is not None} == OFF
    there = path(CONDITIONAL, x, y, default=OFF, best=ON, seed=0)
    assert result.steps[-1].score == there.default_score


def test_conditions_may_hang_on_conditional_parameters():
    detail = Numerical("detail", 0, 1, condition=Condition("strength", (0.8,)))
    parameters = [detail, *CONDITIONAL]
    x, y = conditional_trials()
    codes = np.column_stack((np.where(np.isnan(x[:, 1]), np.nan, 0.5), x))
    result = path(parameters, codes, y, default=OFF, best=ON | {"detail": 0.3}, seed=0)
    assert Change("detail", None, 0.3) in result.steps[0].changes


def test_constant_scores_give_a_path_without_gain_and_no_r2():
    x = draws(20)
    result = path(UNIT, x, np.full(20, 0.9), default=DEFAULT, best=BEST, seed=0)
    assert [result.default_score, *[step.score for step in result.steps]] == pytest.approx([0.9] * 4)
    assert result.fit.r2 is None


def test_a_single_trial_is_refused():
    with pytest.raises(ValueError, match="at least two trials"):
        path(UNIT, draws(1), [1.0], default=DEFAULT, best=BEST, seed=0)
