"""What the sections of a space file ask of each other, told to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from space_texts import GOOD, NAMED_PARAMETERS, NAMED_SCHEDULES, Faults, Load, parameters, replaced

from hpo.config.space import SpaceFileError

# Conditions and effects


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "dropout: {choices: [0, 0.1], when: {shedule: wsd}}",
            (
                "6:39: unknown key 'shedule' in parameters.dropout.when; "
                f"allowed: {NAMED_PARAMETERS}; did you mean schedule?"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {schedule: wds}}",
            (
                "6:49: parameters.dropout.when.schedule is 'wds'; "
                f"allowed: {NAMED_SCHEDULES}; did you mean wsd?"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {schedule: cosine}}",
            (
                "6:39: parameters.dropout never exists, as schedule "
                "is never cosine; allowed: what schedule can be, linear, wsd"
            ),
        ),
        (
            "epochs: {low: 1, high: 2}\ndropout: {choices: [0, 0.1], when: {epochs: 3}}",
            (
                "7:39: parameters.dropout never "
                "exists, as epochs is never 3; allowed: what epochs can be, 1 to 2"
            ),
        ),
        (
            "dropout: {choices: [0, 0.1], when: {dropout: 0.1}}",
            (
                "6:39: parameters.dropout.when goes round: dropout needs "
                "dropout; allowed: conditions that end at a parameter without one"
            ),
        ),
        (
            "augmentation: {choices: [none, random_swap], when: {augmentation_strength: 0.1}}\naugmentation_strength: 0.1",
            (
                "6:55: parameters.augmentation.when goes round: augmentation needs augmentation_strength "
                "needs augmentation; "
                "allowed: conditions that end at a parameter without one"
            ),
        ),
        (
            "schedule_cycles: 2",
            (
                "6:3: parameters.schedule_cycles has no effect, as schedule is only linear, wsd; allowed: "
                "schedule_cycles together with schedule: cosine_with_restarts"
            ),
        ),
        (
            "momentum: {low: 0.5, high: 0.9}",
            (
                "6:3: parameters.momentum has no effect, as optimizer is only adamw; "
                "allowed: momentum together with optimizer: sgd"
            ),
        ),
        (
            "augmentation_strength: 0.2",
            (
                "6:3: parameters.augmentation_strength has no effect, as augmentation is only "
                "none; allowed: augmentation_strength together with augmentation: synonym_replacement or "
                "masked_replacement or random_swap or random_deletion or random_insertion or punctuation_insertion or "
                "typing_errors or case or mention_replacement"
            ),
        ),
        (
            "schedule_decay_ratio: {low: 0.1, high: 0.3, when: {schedule: linear}}",
            (
                "6:3: parameters.schedule_decay_ratio "
                "has no effect, as schedule is only linear; allowed: schedule_decay_ratio together with schedule: wsd"
            ),
        ),
        (
            "warmup_slope: 1e-5",
            (
                "6:3: parameters.warmup_slope has no effect, as warmup is only ratio; "
                "allowed: warmup_slope together with warmup: slope"
            ),
        ),
        (
            "batch_size: 1\nwarmup: slope\nwarmup_ratio: 0.1",
            (
                "8:3: parameters.warmup_ratio has no effect, as warmup is only slope; "
                "allowed: warmup_ratio together with warmup: ratio"
            ),
        ),
        (
            "schedule: linear",
            "6:3: parameters has schedule, which is compared; allowed: one of parameters and compare",
        ),
    ],
)
def test_a_parameter_that_can_never_act_is_told(faults: Faults, lines: str, message: str) -> None:
    assert faults(parameters(lines)) == [message]


@pytest.mark.parametrize(
    "lines",
    [
        "schedule_decay_ratio: {low: 0.1, high: 0.3}",  # one compared value uses it
        "optimizer: {choices: [adamw, sgd]}\nmomentum: 0.5",
        "epochs: {low: 1, high: 2}\ndropout: {choices: [0, 0.1], when: {epochs: 2}}",
        "augmentation: random_swap\naugmentation_variants: 2",
        "schedule_decay_shape: {choices: [linear, cosine]}",
        "warmup: {choices: [ratio, slope]}\nwarmup_ratio: 0.1\nwarmup_slope: 1e-3",
    ],
)
def test_a_parameter_that_acts_in_some_trial_is_welcome(faults: Faults, lines: str) -> None:
    assert faults(parameters(lines)) == []


def test_a_recipe_s_parameter_without_effect_is_told(faults: Faults) -> None:
    assert faults(GOOD + "baseline: {optimizer: adam, momentum: 0.3}\n") == [
        "9:29: baseline.momentum has no effect, as optimizer is adam; allowed: momentum together with optimizer: sgd"
    ]
    assert faults(GOOD + "baseline: {optimizer: sgd, momentum: 0.3}\n") == []


# What is compared


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        (
            "{parameter: schedul, values: [linear, wsd]}",
            (
                f"4:22: compare.parameter is 'schedul'; allowed: {NAMED_PARAMETERS}, model; did you mean schedule?"
            ),
        ),
        ("{parameter: schedule, values: [linear]}", "4:40: compare.values has 1 value; allowed: at least 2"),
        (
            "{parameter: schedule, values: linear}",
            (f"4:40: compare.values is 'linear'; allowed: a list, each {NAMED_SCHEDULES}"),
        ),
        (
            "{parameter: schedule, values: [linear, wsd, linear]}",
            ("4:54: compare.values[2] is linear a second time; allowed: distinct values"),
        ),
        (
            "{parameter: schedule, values: [linear, wsd], reference: cosine}",
            ("4:66: compare.reference is cosine; allowed: linear, wsd"),
        ),
        ("{parameter: schedule}", "4:1: missing key 'values' in compare; allowed: a list"),
        (
            "{parameter: momentum, values: [0.5, 0.9]}",
            (
                "4:11: compare.parameter momentum has no effect, as optimizer is "
                "only adamw; allowed: momentum together with optimizer: sgd"
            ),
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_told(faults: Faults, compare: str, message: str) -> None:
    assert faults(replaced("{parameter: schedule, values: [linear, wsd]}", compare)) == [message]


def test_numbers_and_lists_can_be_compared(load: Load) -> None:
    old = "{parameter: schedule, values: [linear, wsd]}"
    layers = load(replaced(old, "{parameter: frozen_layers, values: [0, 2], reference: 2}")).experiment
    heads = load(
        replaced(old, "{parameter: head_hidden_sizes, values: [[], [64]], reference: []}")
    ).experiment
    assert (layers.strategies(), layers.reference()) == (
        ("frozen_layers=0", "frozen_layers=2"),
        "frozen_layers=2",
    )
    assert heads.reference() == "head_hidden_sizes=[]"


# The budget


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (
            "{replicates: 2, trials: 4, rungs: [50]}",
            ("8:10: budget.replicates is 2, which cannot separate strategies; allowed: 1, or at least 3"),
        ),
        (
            "{trials: 1, rungs: [50]}",
            ("8:10: budget.trials is 1, which searches nothing of learning_rate; allowed: at least 2"),
        ),
        (
            "{trials: 4}",
            (
                "8:1: budget has the pruner successive_halving and no rungs; allowed: rungs at which it can stop "
                "a trial, or pruner: none"
            ),
        ),
        (
            "{trials: 4, pruner: median}",
            (
                "8:21: budget has the pruner median and no rungs; allowed: rungs at which it can "
                "stop a trial, or pruner: none"
            ),
        ),
        (
            "{trials: 4, rungs: [50, 100], device_seconds: 0}",
            "8:55: budget.device_seconds is 0; allowed: a number above 0",
        ),
        (
            "{trials: 4, rungs: [50, 100], money: 2}",
            "8:39: budget has money and no price_per_hour; allowed: money together with budget.price_per_hour",
        ),
        (
            "{trials: 4, rungs: [50, 100], total: {money: 2}}",
            "8:47: budget has total.money and no price_per_hour; allowed: money together with budget.price_per_hour",
        ),
        (
            "{trials: 4, rungs: [50, 100], total: {wall_seconds: 2}, examples: 900}",
            (
                "8:39: budget has examples and total, which ends all searches after the same number of draws; "
                "allowed: one of them; examples bounds each search, and by that all of them"
            ),
        ),
        (
            "{trials: 4, rungs: [50, 100], total: {hours: 2}}",
            "8:47: unknown key 'hours' in budget.total; allowed: trials, examples, device_seconds, wall_seconds, money",
        ),
        (
            "{trials: 4, rungs: [50, 100], total: {}}",
            "8:46: budget.total is empty; allowed: a mapping of trials, examples, device_seconds, wall_seconds, money",
        ),
        (
            "{replicates: 3, trials: 4, rungs: [50, 100], stop_decided: true, examples: 900}",
            "8:54: budget has stop_decided and examples; allowed: one of them: it counts trials",
        ),
        (
            "{replicates: 1, trials: 4, rungs: [50, 100], stop_decided: true}",
            "8:54: budget has stop_decided and replicates 1; allowed: at least 3 replicates",
        ),
        (
            "{rungs: [50, 100], device_seconds: 60}",
            "8:1: missing key 'trials' in budget; allowed: a whole number of at least 1",
        ),
        (
            "{trials: 4, rungs: [100, 50]}",
            "8:34: budget.rungs[1] is 50; allowed: more than the rung before it, 100",
        ),
        (
            "{trials: 4, rungs: [50, 201]}",
            (
                "8:33: budget.rungs[1] is 201; allowed: at most 200, the examples of the "
                "shortest training (100 texts x 2 epochs)"
            ),
        ),
        (
            "{trials: 4, rungs: [50], sampler: grid}",
            (
                "6:3: parameters.learning_rate is a range without a step under "
                "sampler: grid; allowed: a step, or choices"
            ),
        ),
    ],
)
def test_a_budget_too_small_for_the_question_is_told(faults: Faults, budget: str, message: str) -> None:
    assert faults(replaced("{trials: 4, rungs: [50, 100]}", budget)) == [message]


def test_the_budget_may_be_small_where_little_is_asked(faults: Faults) -> None:
    compared = "compare: {parameter: schedule, values: [linear, wsd]}\n"
    two = replaced("{trials: 4", "{replicates: 2, trials: 4").replace(compared, "")
    fixed = parameters("epochs: 2").replace("{trials: 4, rungs: [50, 100]}", "{trials: 1}")
    assert faults(two) == []
    assert faults(fixed) == []


def test_a_grid_counts_the_points_that_act_in_the_largest_strategy(faults: Faults) -> None:
    lines = """
        batch_size: {choices: [8, 16]}
        frozen_layers: {low: 0, high: 2}
        schedule_decay_ratio: {low: 0.1, high: 0.3, step: 0.1}
        warmup_ratio: {choices: [0, 0.1], when: {schedule: linear}}
        epochs: 2
        """
    text = parameters(lines).replace(
        "{trials: 4, rungs: [50, 100]}", "{trials: %d, rungs: [50], sampler: grid}"
    )
    assert faults(text % 17) == [
        (
            "11:10: budget.trials is 17 under sampler: grid; allowed: at least 18, the points of the grid of schedule: wsd "
            "(2 x 3 x 3)"
        )
    ]
    assert faults(text % 18) == []


def test_rungs_must_lie_within_the_shortest_training(faults: Faults) -> None:
    text = parameters("epochs: {low: 0.505, high: 3}")
    assert faults(text.replace("[50, 100]", "[50, 51]")) == []
    assert faults(text.replace("[50, 100]", "[50, 52]")) == [
        (
            "7:33: budget.rungs[1] is 52; allowed: at most 51, the examples of the shortest training "
            "(100 texts x 0.505 epochs)"
        )
    ]


SLOPE = """
warmup: slope
warmup_slope: %s
learning_rate: {choices: [1e-4, 1e-3]}
epochs: {choices: [1, 2]}
batch_size: {choices: [8, 10]}
"""


def test_a_warmup_by_slope_must_reach_its_highest_peak_in_the_shortest_training(faults: Faults) -> None:
    fault = (
        "7:3: parameters.warmup_slope is 0.0001, with which a rate of 0.001 is reached after 10 steps; "
        "allowed: fewer than 10, the steps of the shortest training (100 texts x 1 epochs, 10 a step)"
    )
    assert faults(parameters(SLOPE % "1e-4")) == [fault]
    assert faults(parameters(SLOPE % "{low: 1e-4, high: 1e-3}")) == [fault]
    assert faults(parameters(SLOPE % "1.2e-4")) == []
    assert faults(parameters((SLOPE % "1e-4").replace("8, 10", "8, 9"))) == []


def test_the_default_slope_and_a_recipe_s_must_reach_their_peaks_too(faults: Faults) -> None:
    assert faults(parameters("warmup: slope")) == [
        (
            "5:1: parameters.warmup_slope is 1e-06, with which a rate of 5e-05 is reached after 50 steps; "
            "allowed: fewer than 10, the steps of the shortest training (100 texts x 3 epochs, 32 a step)"
        )
    ]
    recipe = "baseline: {warmup: slope, learning_rate: 1e-3, epochs: 1, warmup_slope: %s}\n"
    assert faults(GOOD + recipe % "1e-3") == []
    assert faults(GOOD + recipe % "1e-4") == [
        (
            "9:59: baseline.warmup_slope is 0.0001, with which a rate of 0.001 is reached after 10 steps; "
            "allowed: fewer than 4, the steps of the shortest training (100 texts x 1 epochs, 32 a step)"
        )
    ]


@pytest.mark.parametrize("setting", ["schedule_cycles", "augmentation_variants"])
def test_a_count_beyond_a_thousand_is_a_slip(faults: Faults, setting: str) -> None:
    acting = "schedule: cosine_with_restarts\naugmentation: random_swap\n"
    compared = "compare: {parameter: schedule, values: [linear, wsd]}\n"
    text = parameters(f"{acting}{setting}: %d").replace(compared, "").replace("{trials: 4", "{trials: 1")
    text = text.replace(", rungs: [50, 100]", "")
    assert faults(text % 1000) == []
    assert faults(text % 1001) == [
        f"7:{len(setting) + 5}: parameters.{setting} is 1001; allowed: a whole number of at least 1 and at most 1000"
    ]


# All of it at once


def test_all_errors_of_a_file_are_told_at_once_in_the_order_of_its_lines(load: Load, tmp_path: Path) -> None:
    text = """\
question: Which?
task: {data: movies, train: "1", validation: 50, test: 50}
model: all-MiniLM-L6-v2
parameters:
  learning_rate: {low: 1e-3, high: 1e-5, log: true}
  schedule_cycles: 3
budget: {trials: 4, rungs: [50], sampler: tp}
extra: 1
"""
    with pytest.raises(SpaceFileError) as error:
        load(text)
    file = tmp_path / "s.yaml"
    assert error.value.message == "\n".join(
        f"{file}:{line}"
        for line in [
            (
                "2:14: task.data is 'movies'; allowed: movie, amazon, bbc-news, an existing path, or owner/name of the "
                "Hugging Face hub; did you mean movie?"
            ),
            "2:29: task.train is '1'; allowed: a whole number of at least 1",
            "5:24: parameters.learning_rate.low is 0.001; allowed: less than high, which is 1e-05",
            (
                "6:3: parameters.schedule_cycles has no effect, as schedule is only linear; allowed: schedule_cycles "
                "together with schedule: cosine_with_restarts"
            ),
            "7:43: budget.sampler is 'tp'; allowed: tpe, random, qmc, gp, grid; did you mean tpe?",
            (
                "8:1: unknown key 'extra'; allowed: question, task, tasks, model, augmentation_model, compare, parameters, "
                "baseline, budget, "
                "confirmation, privacy, from, seed, store_limit"
            ),
        ]
    )
    assert error.value.hint == f"Correct the file, then try it with `hpo check --space {file}`."
