import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.stats.parameters import Categorical, Condition, Numerical, encode
from hpo.stats.ped_anova import ped_anova

SPACE = [
    (Numerical("dropout", 0, 0.5), FloatDistribution(0, 0.5)),
    (Numerical("rate", 1e-5, 1e-1, log=True), FloatDistribution(1e-5, 1e-1, log=True)),
    (Numerical("layers", 2, 9, step=1), IntDistribution(2, 9)),
    (Numerical("epochs", 0, 200, step=1), IntDistribution(0, 200)),
    (Numerical("batch", 1, 64, log=True, step=1), IntDistribution(1, 64, log=True)),
    (Categorical("kind", ("none", "swap", "drop")), CategoricalDistribution(("none", "swap", "drop"))),
    (
        Numerical("strength", 0.1, 0.9, condition=Condition("kind", ("swap", "drop"))),
        FloatDistribution(0.1, 0.9),
    ),
]
PARAMETERS = [parameter for parameter, _ in SPACE]
UNIT = [Numerical(name, 0, 1) for name in "abc"]


def draws(trials, seed=0):
    return np.random.default_rng(seed).random((trials, 3))


def values(result):
    return [importance.value for importance in result.importances]


def random_study(trials):
    """Optuna's study of random trials of the space; strength exists under two of the three kinds."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=trials))
    noise = np.random.default_rng(trials)
    always = {parameter.name: distribution for parameter, distribution in SPACE[:-1]}
    for _ in range(trials):
        trial = study.ask(always)
        score = trial.params["dropout"] + 0.2 * np.log10(trial.params["rate"]) + noise.normal(0, 0.1)
        if trial.params["kind"] != "none":
            score += trial.suggest_float("strength", 0.1, 0.9)
        study.tell(trial, round(float(score), 2))
    return study


@pytest.mark.parametrize("trials", [20, 80, 300])
@pytest.mark.parametrize("quantile", [0.1, 0.25])
def test_values_are_those_of_optuna(trials, quantile):
    study = random_study(trials)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    theirs = evaluator.evaluate(study)
    codes = encode(PARAMETERS, [trial.params for trial in study.trials])
    result = ped_anova(PARAMETERS, codes, [trial.value for trial in study.trials], seed=0, quantile=quantile)
    for importance in result.importances:
        assert importance.value == pytest.approx(theirs[importance.parameter], rel=1e-6, abs=1e-12)
    assert result.importances[-1].trials == sum("strength" in trial.params for trial in study.trials)


def test_an_irrelevant_parameter_is_near_zero_and_a_monotone_one_highest():
    x = draws(1000)
    y = np.exp(x[:, 0]) + 0.3 * x[:, 1]
    strong, weak, irrelevant = values(ped_anova(UNIT, x, y, seed=0))
    assert strong > 3 * weak > 0
    assert irrelevant < 0.02 * strong


def test_a_copy_of_a_parameter_takes_nothing_from_it_as_a_share_of_variance_would():
    x = draws(200)
    copied = np.column_stack((x[:, 0], x[:, 0], x[:, 0]))
    alone = values(ped_anova(UNIT[:1], x[:, :1], x[:, 0], seed=0))[0]
    result = ped_anova(UNIT, copied, x[:, 0], seed=0)
    assert values(result) == pytest.approx([alone] * 3)


def test_parameters_that_the_sampler_favoured_are_not_important_for_it():
    random = np.random.default_rng(5)
    x = np.column_stack((random.beta(8, 1, 500), random.random((500, 2))))
    favoured, wanted, _ = values(ped_anova(UNIT, x, x[:, 1], seed=0))
    assert favoured < 0.02 * wanted


def test_constant_scores_leave_no_importance_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ped_anova(UNIT, draws(30), np.full(30, 0.9), seed=0)
    assert values(result) == pytest.approx([0, 0, 0])
    assert result.top == 30


def test_ties_with_the_last_of_the_best_are_among_the_best():
    scores = [0.9, 0.8, 0.8, 0.8, *[0.1] * 16]
    result = ped_anova(UNIT, draws(20), scores, seed=0)
    assert (result.quantile, result.top, result.trials) == (0.1, 4, 20)


def test_a_parameter_that_no_trial_has_is_named_without_a_value():
    x = draws(30)
    x[:, 1] = np.nan
    result = ped_anova(UNIT, x, x[:, 0], seed=0)
    assert (result.importances[1].value, result.importances[1].trials) == (None, 0)
    assert result.importances[1].interval is None
    assert result.importances[0].value > 0


def test_intervals_hold_their_value_and_narrow_with_more_trials():
    widths = []
    for trials in (50, 1000):
        x = draws(trials)
        result = ped_anova(UNIT, x, x[:, 0] + 0.5 * x[:, 1], seed=0)
        for importance in result.importances:
            low, high = importance.interval
            assert 0 <= low <= importance.value <= high
        low, high = result.importances[0].interval
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 0


def test_intervals_are_as_wide_as_fresh_trials_vary():
    fresh, halves = [], []
    for seed in range(40):
        x = draws(300, seed)
        result = ped_anova(UNIT, x, x[:, 0] + 0.5 * x[:, 1], seed=seed)
        fresh.append(values(result)[0])
        halves.append(result.importances[0].interval[1] - values(result)[0])
    assert np.mean(halves) == pytest.approx(1.96 * np.std(fresh, ddof=1), rel=0.5)


def test_the_same_seed_gives_the_same_result():
    x = draws(40)
    assert ped_anova(UNIT, x, x[:, 0], seed=1) == ped_anova(UNIT, x, x[:, 0], seed=1)


@pytest.mark.parametrize(("quantile", "trials"), [(0, 5), (1, 5), (0.1, 0)])
def test_a_quantile_without_trials_is_refused(quantile, trials):
    with pytest.raises(ValueError, match="a quantile in"):
        ped_anova(UNIT, draws(trials), np.ones(trials), seed=0, quantile=quantile)
