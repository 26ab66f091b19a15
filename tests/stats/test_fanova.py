import itertools
import warnings

import numpy as np
import optuna
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence

from hpo.stats import fanova as module
from hpo.stats import forest as forest_module
from hpo.stats.fanova import fanova
from hpo.stats.parameters import Categorical, Condition, Numerical, encode

UNIT = [Numerical(name, 0, 1) for name in "abc"]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(module, "RESAMPLES", 3)


def shares(result):
    return {effect.parameters: effect.share for effect in result.effects}


def draws(trials, seed=0, count=3):
    return np.random.default_rng(seed).random((trials, count))


def test_main_effects_are_those_of_optuna():
    x = draws(60)
    y = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + np.random.default_rng(1).normal(0, 0.05, 60)
    space = {name: optuna.distributions.FloatDistribution(0, 1) for name in "abc"}
    study = optuna.create_study()
    for row, value in zip(x.tolist(), y.tolist(), strict=True):
        trial = optuna.trial.create_trial(
            params=dict(zip("abc", row, strict=True)), distributions=space, value=value
        )
        study.add_trial(trial)
    theirs = optuna.importance.FanovaImportanceEvaluator(seed=7).evaluate(study)
    ours = shares(fanova(UNIT, x, y, seed=7))
    for name in "abc":
        assert ours[(name,)] == pytest.approx(theirs[name], abs=1e-9)


def forest_by_hand(features, scores, seed):
    return RandomForestRegressor(64, max_depth=64, random_state=seed, oob_score=True).fit(features, scores)


def variances_by_enumeration(tree):
    """Variances of effects of a tree on (a, b, one-hot c of 3) by predicting at every atom's middle."""
    cuts = [np.unique(np.r_[0, tree.tree_.threshold[tree.tree_.feature == j], 1]) for j in (0, 1)]
    middles = [(c[1:] + c[:-1]) / 2 for c in cuts]
    atoms = [*middles, np.arange(3)]
    weights = [np.diff(cuts[0]), np.diff(cuts[1]), np.full(3, 1 / 3)]
    points = [(a, b, *np.eye(3)[int(c)]) for a, b, c in itertools.product(*atoms)]
    cube = tree.predict(np.array(points, dtype=np.float32)).reshape([len(values) for values in atoms])

    def mean_over(cube, kept):
        for axis in range(3):
            if axis not in kept:
                shape = [-1 if i == axis else 1 for i in range(3)]
                cube = (cube * weights[axis].reshape(shape)).sum(axis=axis, keepdims=True)
        return cube

    def variance(values):
        full = np.broadcast_to(values, cube.shape)
        return float(mean_over((full - mean_over(full, ())) ** 2, ()).item())

    mains = {(j,): mean_over(cube, (j,)) for j in range(3)}
    found = {subset: variance(values) for subset, values in mains.items()}
    for i, j in itertools.combinations(range(3), 2):
        beyond = mean_over(cube, (i, j)) - mains[(i,)] - mains[(j,)] + mean_over(cube, ())
        found[i, j] = variance(beyond)
    return found, variance(cube)


def test_shares_are_those_of_enumerating_every_cell_of_every_tree():
    random = np.random.default_rng(3)
    category = random.integers(3, size=25)
    x = np.column_stack((random.random((25, 2)), category))
    y = x[:, 0] * (category == 1) + x[:, 1] + random.normal(0, 0.3, 25)
    forest = forest_by_hand(np.column_stack((x[:, :2], np.eye(3)[category])), y, seed=5)
    found = []
    for tree in forest.estimators_:
        variances, total = variances_by_enumeration(tree)
        found.append([value / total for value in variances.values()])
    parameters = [*UNIT[:2], Categorical("c", ("x", "y", "z"))]
    result = fanova(parameters, x, y, seed=5)
    assert list(shares(result).values()) == pytest.approx(np.mean(found, axis=0), abs=1e-6)
    assert result.effects[0].fit.r2 == pytest.approx(forest.oob_score_)


def test_a_linear_score_has_the_shares_of_its_squared_slopes():
    x = draws(400, count=2)
    found = shares(fanova(UNIT[:2], x, 2 * x[:, 0] + x[:, 1], seed=0))
    assert found[("a",)] == pytest.approx(4 / 5, abs=0.03)
    assert found[("b",)] == pytest.approx(1 / 5, abs=0.03)
    assert found["a", "b"] < 0.02


def test_a_product_of_centred_values_is_pure_interaction():
    x = draws(400, count=2)
    found = shares(fanova(UNIT[:2], x, (x[:, 0] - 0.5) * (x[:, 1] - 0.5), seed=0))
    assert found["a", "b"] > 0.9
    assert max(found[("a",)], found[("b",)]) < 0.05


def test_the_ishigami_function_has_about_its_published_indices():
    # Sobol' and Levitan, Computer Physics Communications 117 (1999): a = 7, b = 0.1. The surrogate is smoother.
    x = draws(1000)
    u = 2 * np.pi * x - np.pi
    y = np.sin(u[:, 0]) + 7 * np.sin(u[:, 1]) ** 2 + 0.1 * u[:, 2] ** 4 * np.sin(u[:, 0])
    found = shares(fanova(UNIT, x, y, seed=0))
    assert [found[(name,)] for name in "abc"] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.1)
    assert found["a", "c"] == pytest.approx(0.2437, abs=0.1)


def test_two_parameters_and_their_interaction_make_up_all_variance():
    x = draws(50, count=2)
    y = np.random.default_rng(2).normal(size=50)
    assert sum(shares(fanova(UNIT[:2], x, y, seed=0)).values()) == pytest.approx(1)


def test_a_shift_of_all_scores_changes_no_share():
    x = draws(50)
    y = x[:, 0] + x[:, 1] ** 2
    moved = shares(fanova(UNIT, x, y + 1000, seed=0))
    assert moved == pytest.approx(shares(fanova(UNIT, x, y, seed=0)), abs=0.01)


@pytest.mark.parametrize(
    ("x", "y"),
    [(draws(20), np.full(20, 0.9)), (draws(1), np.ones(1)), (draws(0), np.ones(0))],
    ids=["constant scores", "one trial", "no trial"],
)
def test_without_variance_shares_are_none_and_nothing_warns(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fanova(UNIT, x, y, seed=0)
    assert set(shares(result).values()) == {None}
    assert {effect.interval for effect in result.effects} == {None}
    assert {(effect.fit.trials, effect.fit.r2) for effect in result.effects} == {(len(y), None)}
    assert result.marginals == ()


def test_one_configuration_tried_often_has_no_shares():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fanova(UNIT, np.full((20, 3), 0.5), draws(20)[:, 0], seed=0)
    assert set(shares(result).values()) == {None}
    assert result.effects[0].fit.r2 is not None


def conditional_trials(trials):
    """The kind moves the score more than its strength, which only half of the trials have."""
    random = np.random.default_rng(4)
    strength = Numerical("strength", 0, 1, condition=Condition("kind", ("some",)))
    parameters = [Categorical("kind", ("none", "some")), strength, Numerical("rate", 0, 1)]
    configurations, scores = [], []
    for number in range(trials):
        one = {"kind": ("none", "some")[number % 2], "rate": float(random.random())}
        if one["kind"] == "some":
            one["strength"] = float(random.random())
        configurations.append(one)
        scores.append(10 * (one["kind"] == "some") + one.get("strength", 0.0) + 0.5 * one["rate"])
    return parameters, encode(parameters, configurations), np.array(scores)


def test_a_conditional_parameter_is_analysed_on_the_trials_that_have_it():
    parameters, x, y = conditional_trials(200)
    result = fanova(parameters, x, y, seed=0)
    effects = {effect.parameters: effect for effect in result.effects}
    assert list(effects) == [
        ("kind",),
        ("strength",),
        ("rate",),
        ("kind", "strength"),
        ("kind", "rate"),
        ("strength", "rate"),
    ]
    has = ~np.isnan(x[:, 1])
    alone = shares(fanova(parameters, x[has], y[has], seed=0))
    assert effects[("strength",)].share == pytest.approx(alone[("strength",)])
    assert alone[("strength",)] == pytest.approx(1 / 1.25, abs=0.05)
    assert (effects[("strength",)].fit.trials, effects[("kind",)].fit.trials) == (100, 200)
    assert effects["strength", "rate"].fit.trials == 100
    assert effects[("kind",)].share > 0.95
    assert [marginal.parameter for marginal in result.marginals] == ["kind", "strength", "rate"]


def test_a_parameter_that_no_trial_has_is_named_without_a_share():
    parameters, x, y = conditional_trials(20)
    without = np.isnan(x[:, 1])
    effects = {e.parameters: e for e in fanova(parameters, x[without], y[without], seed=0).effects}
    assert (effects[("strength",)].share, effects[("strength",)].fit.trials) == (None, 0)
    assert effects[("rate",)].share > 0.9


def test_intervals_hold_their_share_and_narrow_with_more_trials(monkeypatch):
    monkeypatch.setattr(module, "RESAMPLES", 15)
    widths = []
    for trials in (30, 300):
        x = draws(trials, count=2)
        y = x[:, 0] + 0.5 * x[:, 1] + np.random.default_rng(9).normal(0, 0.2, trials)
        result = fanova(UNIT[:2], x, y, seed=0)
        for effect in result.effects:
            low, high = effect.interval
            assert 0 <= low <= effect.share <= high <= 1
        low, high = result.effects[0].interval
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 0


def test_the_same_seed_gives_the_same_result_and_another_one_does_not():
    x = draws(40)
    y = x[:, 0] + x[:, 1] * x[:, 2]
    assert fanova(UNIT, x, y, seed=1) == fanova(UNIT, x, y, seed=1)
    assert shares(fanova(UNIT, x, y, seed=1)) != shares(fanova(UNIT, x, y, seed=2))


def test_many_trials_are_cut_to_a_drawn_part_and_the_result_says_so(monkeypatch):
    monkeypatch.setattr(forest_module, "MOST_TRIALS", 60)
    x = draws(500)
    result = fanova(UNIT, x, 2 * x[:, 0] + x[:, 1], seed=0)
    assert {(e.fit.trials, e.fit.available, e.fit.trees) for e in result.effects} == {(60, 500, 64)}
    assert (result.resamples, result.resample_trees) == (module.RESAMPLES, module.RESAMPLE_TREES)
    assert shares(result)[("a",)] == pytest.approx(0.8, abs=0.15)


def test_marginals_are_the_partial_dependence_over_uniform_draws():
    random = np.random.default_rng(6)
    category = random.integers(3, size=80)
    x = np.column_stack((random.random((80, 2)), category))
    y = np.sin(3 * x[:, 0]) + x[:, 1] * (category == 2)
    forest = forest_by_hand(np.column_stack((x[:, :2], np.eye(3)[category])), y, seed=8)
    background = np.column_stack((random.random((3000, 2)), np.eye(3)[random.integers(3, size=3000)]))
    parameters = [*UNIT[:2], Categorical("c", ("x", "y", "z"))]
    first, _, last = fanova(parameters, x, y, seed=8).marginals
    curves = np.array(
        [
            partial_dependence(
                tree, background, [0], custom_values={0: np.array(first.values)}, method="brute"
            )["average"][0]
            for tree in forest.estimators_
        ]
    )
    assert first.mean == pytest.approx(curves.mean(axis=0), abs=0.02)
    assert first.deviation == pytest.approx(curves.std(axis=0, ddof=1), abs=0.01)
    assert last.values == ("x", "y", "z")
    for index in range(3):
        background[:, 2:] = np.eye(3)[index]
        assert last.mean[index] == pytest.approx(forest.predict(background).mean(), abs=0.02)


def test_marginals_of_a_log_range_are_given_at_its_own_values():
    rate = Numerical("rate", 1e-5, 1e-1, log=True)
    x = draws(100, count=1)
    (marginal,) = fanova([rate], x, x[:, 0], seed=0).marginals
    assert marginal.values == pytest.approx(np.geomspace(1e-5, 1e-1, 50))
    assert marginal.mean == pytest.approx(np.linspace(0, 1, 50), abs=0.05)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        fanova(UNIT, draws(3), [0.1, np.nan, 0.2], seed=0)
