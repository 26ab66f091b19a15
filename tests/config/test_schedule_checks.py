"""What a schedule of a space file needs and does not go with, told to the letter."""

from __future__ import annotations

import pytest
from space_texts import GOOD, NAMED_SCHEDULES, Faults, Load, parameters, replaced

from hpo.config.parameters import SCHEDULED, complete
from hpo.search.draws import configuration

COMPARED = "compare: {parameter: schedule, values: [linear, wsd]}\n"


def fixed(lines: str) -> str:
    """The good file with nothing compared and these lines as its parameters, which start in line 5."""
    return parameters(f"learning_rate: {{low: 1e-5, high: 1e-3}}\n{lines}").replace(COMPARED, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("constant_with_warmup", "which is constant with a warmup_ratio"),
        ("warmup_stable_decay", "which is wsd"),
        (
            "reduce_lr_on_plateau",
            (
                "which waits for results of evaluations, while a training is planned before its first step; "
                "wsd and cosine_with_min_lr lower the rate by plan"
            ),
        ),
        (
            "greedy",
            (
                "which waits for results of evaluations, while a training is planned before its first step; "
                "wsd and cosine_with_min_lr lower the rate by plan"
            ),
        ),
    ],
)
def test_a_schedule_of_transformers_that_has_another_name_or_no_plan_is_told(
    faults: Faults, name: str, reason: str
) -> None:
    assert faults(fixed(f"schedule: {name}")) == [
        f"6:13: parameters.schedule is '{name}', {reason}; allowed: {NAMED_SCHEDULES}"
    ]
    assert faults(replaced("[linear, wsd]", f"[linear, {name}]")) == [
        f"4:49: compare.values[1] is '{name}', {reason}; allowed: {NAMED_SCHEDULES}"
    ]


def test_every_other_schedule_of_transformers_is_offered() -> None:
    from transformers.trainer_utils import SchedulerType

    from hpo.config.parameters import OTHER_SCHEDULES, SCHEDULES

    theirs = {kind.value for kind in SchedulerType}
    assert theirs - set(SCHEDULES) == set(OTHER_SCHEDULES)
    assert set(SCHEDULES) - theirs == {"wsd", "one_cycle"}


@pytest.mark.parametrize(
    ("schedule", "message", "line"),
    [
        (
            "cosine_with_min_lr",
            (
                "schedule cosine_with_min_lr has no schedule_min_ratio, without which it is cosine; "
                "allowed: cosine_with_min_lr together with schedule_min_ratio"
            ),
            "schedule_min_ratio: 0.1",
        ),
        (
            "one_cycle",
            (
                "schedule one_cycle has no warmup_ratio, without which it never rises; "
                "allowed: one_cycle together with warmup_ratio"
            ),
            "warmup_ratio: {low: 0.1, high: 0.4}",
        ),
    ],
)
def test_a_schedule_without_what_makes_it_one_is_told(
    faults: Faults, schedule: str, message: str, line: str
) -> None:
    assert faults(fixed(f"schedule: {schedule}")) == [f"6:3: {message}"]
    assert faults(fixed(f"schedule: {schedule}\n{line}")) == []
    compared = replaced("[linear, wsd]", f"[linear, {schedule}]")
    assert faults(compared) == [f"4:32: {message}"]
    assert faults(compared.replace("  epochs: 2", f"  epochs: 2\n  {line}")) == []
    recipe = "baseline: {schedule: %s}\n"
    assert faults(GOOD + recipe % schedule) == [f"9:12: {message}"]


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine_warmup_with_min_lr"])
def test_a_schedule_with_a_rise_of_its_own_is_not_warmed_up_by_slope(faults: Faults, schedule: str) -> None:
    lines = (
        f"schedule: {schedule}\nwarmup: {{choices: [ratio, slope]}}\nwarmup_ratio: 0.1\nwarmup_slope: 1e-3"
    )
    fault = (
        f"schedule {schedule} has a rise of its own, and warmup can be slope; "
        f"allowed: {schedule} together with warmup: ratio alone"
    )
    assert faults(fixed(lines)) == [f"6:3: {fault}"]
    assert (
        faults(fixed(lines.replace("{choices: [ratio, slope]}", "ratio").replace("warmup_slope: 1e-3", "")))
        == []
    )
    recipe = f"baseline: {{schedule: {schedule}, warmup: slope, warmup_slope: 1e-3}}\n"
    assert f"9:12: {fault}" in faults(GOOD + recipe)


def test_schedule_free_adamw_has_no_schedule(faults: Faults) -> None:
    assert faults(fixed("optimizer: schedule_free_adamw\nschedule: cosine")) == [
        (
            "7:3: parameters.schedule has no effect, as optimizer is only schedule_free_adamw; "
            "allowed: schedule together with optimizer: adamw or adam or sgd or adafactor"
        )
    ]
    assert faults(fixed("optimizer: schedule_free_adamw\nwarmup_ratio: 0.1")) == []
    assert faults(GOOD + "baseline: {optimizer: schedule_free_adamw, schedule: linear}\n") == [
        (
            "9:44: baseline.schedule has no effect, as optimizer is schedule_free_adamw; "
            "allowed: schedule together with optimizer: adamw or adam or sgd or adafactor"
        )
    ]
    deeper = "baseline: {optimizer: schedule_free_adamw, schedule_power: 2}\n"
    assert faults(GOOD + deeper)[0].startswith(
        "9:44: baseline.schedule_power has no effect, as schedule is linear and optimizer is schedule_free_adamw;"
    )


def test_schedules_are_not_compared_where_a_trial_may_have_none(faults: Faults) -> None:
    lines = "learning_rate: 1e-3\noptimizer: {choices: [adamw, schedule_free_adamw]}"
    assert faults(parameters(lines)) == [
        (
            "7:3: optimizer can be schedule_free_adamw, which has no schedule, while schedule is compared; "
            "allowed: adamw, adam, sgd, adafactor"
        )
    ]
    assert (
        len(
            faults(
                parameters(lines.replace("{choices: [adamw, schedule_free_adamw]}", "schedule_free_adamw"))
            )
        )
        == 1
    )


def test_compared_with_optimizers_that_have_one_it_trains_without(load: Load) -> None:
    text = replaced(
        "{parameter: schedule, values: [linear, wsd]}",
        "{parameter: optimizer, values: [adamw, schedule_free_adamw]}",
    ).replace("  epochs: 2", "  epochs: 2\n  schedule: polynomial\n  schedule_power: 2")
    space = load(text).experiment
    with_one, without = (configuration(space, name, {"learning_rate": 1e-4}) for name in space.strategies())
    assert (with_one["schedule"], with_one["schedule_power"]) == ("polynomial", 2.0)
    assert not [name for name in without if name.startswith("schedule")]
    assert "warmup_ratio" in without


def test_a_parameter_acts_where_all_that_it_hangs_on_acts() -> None:
    given = {"schedule": "polynomial", "schedule_power": 3.0}
    for optimizer in SCHEDULED:
        assert complete({**given, "optimizer": optimizer})["schedule_power"] == 3.0
    assert "schedule_power" not in complete({**given, "optimizer": "schedule_free_adamw"})
