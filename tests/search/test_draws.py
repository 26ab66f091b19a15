from __future__ import annotations

import json
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.config.experiment import Choices, Compare, Experiment, Range
from hpo.search.draws import Drawn, Draws, configuration, strategy_values
from hpo.search.storage import MEMORY
from tests.search.search_space import experiment

LINEAR, RESTARTS = "linear", "cosine_with_restarts"


def draws(
    e: Experiment, strategy: str, replicate: int, count: int, scores: Any = None
) -> list[dict[str, Any]]:
    study = Draws(e, strategy, replicate)
    earlier: list[FrozenTrial] = []
    for number in range(count):
        params, distributions = study.draw(number, earlier)
        score = 0.5 if scores is None else scores(params)
        earlier.append(
            create_trial(state=TrialState.COMPLETE, value=score, params=params, distributions=distributions)
        )
    return [t.params for t in earlier]


def without_cycles(params: dict[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in params.items() if n != "schedule_cycles"}


def test_the_first_draw_is_the_default_configuration() -> None:
    first = draws(experiment(), RESTARTS, 0, 1)[0]
    assert first == {
        "learning_rate": 3e-3,
        "warmup_ratio": 0.1,
        "head_hidden_sizes": "[]",
        "frozen_layers": 1,
        "schedule_cycles": 2,
    }


def test_a_parameter_is_drawn_only_under_its_condition() -> None:
    assert all("schedule_cycles" not in p for p in draws(experiment(), LINEAR, 0, 4))
    assert all("schedule_cycles" in p for p in draws(experiment(), RESTARTS, 0, 4))


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_draws_are_paired_between_strategies_whatever_the_results(sampler: str) -> None:
    parameters = dict(
        reversed(experiment().parameters.items())
    )  # the conditional one stands before the others
    e = experiment(parameters=parameters, budget={"sampler": sampler, "trials": 6})
    first = draws(e, LINEAR, 1, 6, scores=lambda p: p["learning_rate"])
    second = draws(e, RESTARTS, 1, 6, scores=lambda p: -p["learning_rate"])
    assert first == [without_cycles(p) for p in second]
    assert len({p["schedule_cycles"] for p in second}) > 1
    assert len({str(p) for p in first}) == 6


def test_the_startup_draws_of_tpe_are_paired_and_its_later_ones_look_at_results() -> None:
    e = experiment(budget={"trials": 8, "startup_trials": 4})
    first = draws(e, LINEAR, 1, 8, scores=lambda p: p["learning_rate"])
    second = draws(e, LINEAR, 1, 8, scores=lambda p: -p["learning_rate"])
    assert first[:4] == second[:4]
    assert first[4:] != second[4:]
    other = draws(e, RESTARTS, 1, 4)
    assert [without_cycles(p) for p in other] == first[:4]


def test_a_recorded_draw_is_as_it_was_with_what_had_no_effect_and_is_in_no_record() -> None:
    """Cycles of a schedule are searched here in every strategy, and recorded in the one that has them."""
    asked = experiment(
        parameters={
            **experiment().parameters,
            "schedule_cycles": Range(low=1, high=9, integer=True, default=2),
        }
    )
    study = Draws(asked, LINEAR, 0)
    drawn, other = study.draw(1, ()), study.draw(2, ())
    recorded = json.loads(json.dumps(configuration(asked, LINEAR, drawn[0])))
    assert "schedule_cycles" not in recorded
    assert study.as_recorded(recorded, drawn) == drawn
    found = study.as_recorded(recorded, other)
    assert found is not None
    assert found[0] == {**drawn[0], "schedule_cycles": other[0]["schedule_cycles"]}
    assert study.as_recorded({**recorded, "learning_rate": 7.0}, drawn) is None


def test_replicates_draw_differently() -> None:
    assert draws(experiment(), LINEAR, 0, 3)[1:] != draws(experiment(), LINEAR, 1, 3)[1:]


def ended(number: int, drawn: Drawn) -> FrozenTrial:
    """Some trial of each kind of end."""
    params, distributions = drawn
    state = (TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)[number % 4]
    return create_trial(
        state=state,
        value=params["learning_rate"] if state == TrialState.COMPLETE else None,
        params=params,
        distributions=distributions,
        intermediate_values={32: params["warmup_ratio"]},
    )


@pytest.mark.parametrize(
    ("sampler", "count"), [("tpe", 24), ("random", 10), ("qmc", 10), ("gp", 6), ("grid", 10)]
)
def test_a_run_resumed_at_any_draw_draws_on_as_one_undisturbed(sampler: str, count: int) -> None:
    changes = {}
    if sampler == "grid":
        changes["parameters"] = experiment().parameters | {
            "learning_rate": Choices(choices=(1e-4, 1e-3), default=1e-3),
            "warmup_ratio": Range(low=0.0, high=0.2, step=0.1, default=0.0),
        }
    e = experiment(budget={"sampler": sampler, "trials": count, "startup_trials": 3}, **changes)
    undisturbed = Draws(e, RESTARTS, 0)
    trials: list[FrozenTrial] = []
    for number in range(count):
        drawn = undisturbed.draw(number, trials)
        assert Draws(e, RESTARTS, 0).draw(number, trials) == drawn
        trials.append(ended(number, drawn))
    resumed = Draws(e, RESTARTS, 0)
    for number in range(count // 2, count):
        assert resumed.draw(number, trials)[0] == trials[number].params


def test_the_grid_visits_every_point_once_in_the_same_order_for_each_strategy() -> None:
    parameters = {
        "frozen_layers": Choices(choices=(0, 1), default=0),
        "warmup_ratio": Range(low=0.0, high=0.2, step=0.1, default=0.0),
        "head_hidden_sizes": Choices(choices=((), (8,)), default=()),
    }
    e = experiment(parameters=parameters, budget={"sampler": "grid", "trials": 12})
    points = draws(e, LINEAR, 0, 12)
    assert len({str(p) for p in points}) == 12
    assert points == draws(e, RESTARTS, 0, 12)


def test_a_grid_walks_the_points_of_the_strategy_alone_and_begins_with_the_default() -> None:
    parameters = {
        "schedule_decay_ratio": Range(low=0.1, high=0.3, step=0.1, default=0.2),
        "schedule_power": Choices(choices=(1.0, 2.0, 3.0), default=1.0),
    }
    compare = Compare(parameter="schedule", values=("wsd", "polynomial"))
    e = experiment(parameters=parameters, compare=compare, budget={"sampler": "grid", "trials": 3})
    ratios = [p["schedule_decay_ratio"] for p in draws(e, "wsd", 0, 3)]
    powers = [p["schedule_power"] for p in draws(e, "polynomial", 0, 3)]
    assert ratios[0] == 0.2
    assert sorted(ratios) == [0.1, 0.2, 0.3]
    assert powers[0] == 1.0
    assert sorted(powers) == [1.0, 2.0, 3.0]


def test_a_configuration_has_every_active_parameter_and_no_other() -> None:
    params = draws(experiment(), LINEAR, 0, 2)[1]
    full = configuration(experiment(), LINEAR, params)
    assert full["schedule"] == "linear"
    assert full["batch_size"] == 16
    assert full["optimizer"] == "adamw"
    assert isinstance(full["head_hidden_sizes"], tuple)
    assert {"schedule_cycles", "momentum", "augmentation_strength"}.isdisjoint(full)


def test_a_space_that_compares_nothing_has_one_strategy() -> None:
    e = experiment(compare=None)
    assert strategy_values(e) == {"all": None}
    assert configuration(e, None, {})["schedule"] == "linear"


def test_drawing_leaves_optunas_verbosity_alone() -> None:
    before = optuna.logging.get_verbosity()
    draws(experiment(), LINEAR, 0, 1)
    assert optuna.logging.get_verbosity() == before


def after_ten(sampler: str, state: TrialState, constraints: dict[str, float] | None, times: int) -> list[int]:
    """``frozen_layers`` of the draw, with so many seeds, after ten trials: two of 0, and eight of 2 that ended so."""
    space = experiment(budget={"sampler": "random", "trials": 10})
    earlier = []
    for number in range(10):
        params, distributions = Draws(space, LINEAR, 0).draw(number, ())
        short = number > 1
        params["frozen_layers"] = 2 if short else 0
        value = None if short else 0.5 + params["learning_rate"]
        held = constraints if short else None
        earlier.append(
            create_trial(
                state=state if short else TrialState.COMPLETE,
                value=value,
                params=params,
                distributions=distributions,
                constraints=held,
            )
        )
    found = []
    for seed in range(times):
        e = experiment(budget={"sampler": sampler, "trials": 40, "startup_trials": 3}, seed=seed)
        found.append(Draws(e, LINEAR, 0).draw(10, earlier)[0]["frozen_layers"])
    return found


def test_tpe_draws_less_of_what_did_not_fit_the_memory_than_of_what_it_knows_nothing_of() -> None:
    infeasible = after_ten("tpe", TrialState.PRUNED, {MEMORY: 1.0}, 60)
    unseen = after_ten("tpe", TrialState.FAIL, None, 60)
    assert unseen.count(2) > 10 > 2 * infeasible.count(2)


def test_gp_draws_none_of_what_did_not_fit_the_memory() -> None:
    assert after_ten("gp", TrialState.PRUNED, {MEMORY: 1.0}, 6).count(2) == 0


def test_a_metric_that_is_minimised_is_searched_as_its_negative_is_maximised() -> None:
    task = experiment().task
    count = 12
    budget = {"sampler": "tpe", "trials": count, "startup_trials": 3}
    high = experiment(budget=budget, task=task.model_copy(update={"metric": "accuracy"}))
    low = experiment(budget=budget, task=task.model_copy(update={"metric": "log_loss"}))
    first = draws(high, RESTARTS, 0, count, scores=lambda p: -p["learning_rate"])
    second = draws(low, RESTARTS, 0, count, scores=lambda p: p["learning_rate"])
    assert first == second


@pytest.mark.parametrize(("sampler", "count"), [("tpe", 10), ("gp", 6)])
def test_draws_after_one_that_did_not_fit_are_the_same_when_a_run_is_resumed(
    sampler: str, count: int
) -> None:
    e = experiment(budget={"sampler": sampler, "trials": count, "startup_trials": 3})
    undisturbed = Draws(e, RESTARTS, 0)
    trials: list[FrozenTrial] = []
    for number in range(count):
        drawn = undisturbed.draw(number, trials)
        assert Draws(e, RESTARTS, 0).draw(number, trials) == drawn
        short = number % 3 == 2
        trials.append(
            create_trial(
                state=TrialState.PRUNED if short else TrialState.COMPLETE,
                value=None if short else drawn[0]["learning_rate"],
                params=drawn[0],
                distributions=drawn[1],
                constraints={MEMORY: 1.0} if short else None,
            )
        )
