"""Which parameters act together, and what stands in for one that a space does not name."""

from __future__ import annotations

from typing import Any

import pytest
from space_texts import GOOD, Faults, Load, parameters

from hpo.config.parameters import PARAMETERS, complete

STRUCTURE = {
    "frozen_layers",
    "embeddings",
    "layer_decay",
    "unfreezing",
    "reinitialised_layers",
    "adapter_rank",
    "adapter_alpha",
    "adapter_targets",
}


@pytest.mark.parametrize(
    ("method", "active"),
    [
        ("full", {"embeddings", "layer_decay", "unfreezing", "reinitialised_layers"}),
        ("top_layers", {"frozen_layers", "layer_decay", "unfreezing", "reinitialised_layers"}),
        ("head", set()),
        ("lora", {"frozen_layers", "layer_decay", "adapter_rank", "adapter_alpha", "adapter_targets"}),
        ("dora", {"frozen_layers", "layer_decay", "adapter_rank", "adapter_alpha", "adapter_targets"}),
    ],
)
def test_each_way_of_fine_tuning_has_parameters_of_its_own(method: str, active: set[str]) -> None:
    given: dict[str, Any] = {name: PARAMETERS[name].default for name in STRUCTURE}
    assert STRUCTURE & set(complete({"fine_tuning": method, **given})) == active


def test_a_space_without_a_way_of_fine_tuning_trains_what_lies_above_its_frozen_layers() -> None:
    assert complete({"frozen_layers": 4})["fine_tuning"] == "top_layers"
    assert complete({"frozen_layers": 4})["frozen_layers"] == 4


def test_the_head_s_dropout_is_that_of_the_layers_unless_it_is_given() -> None:
    assert complete({})["head_dropout"] == 0.1
    assert complete({"dropout": 0.4})["head_dropout"] == 0.4
    assert complete({"dropout": 0.4, "head_dropout": 0.0})["head_dropout"] == 0.0


def test_a_linear_head_has_no_activation() -> None:
    assert "head_activation" not in complete({"head_activation": "relu"})
    assert complete({"head_hidden_sizes": []}) == complete({}), "as another process or a record has it"
    assert complete({"head_activation": "relu", "head_hidden_sizes": (8,)})["head_activation"] == "relu"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "head_activation: relu",
            (
                "6:3: parameters.head_activation has no effect, as head_hidden_sizes is only []; "
                "allowed: head_activation together with head_hidden_sizes other than []"
            ),
        ),
        (
            (
                "head_hidden_sizes: {choices: [[], [8]]}\n"
                "head_activation: {choices: [relu, tanh], when: {head_hidden_sizes: [[]]}}"
            ),
            (
                "7:3: parameters.head_activation has no effect, as head_hidden_sizes is only []; "
                "allowed: head_activation together with head_hidden_sizes other than []"
            ),
        ),
        (
            "fine_tuning: head\nfrozen_layers: 2",
            (
                "7:3: parameters.frozen_layers has no effect, as fine_tuning is only head; "
                "allowed: frozen_layers together with fine_tuning: top_layers or lora or dora"
            ),
        ),
        (
            "embeddings: frozen",
            (
                "6:3: parameters.embeddings has no effect, as fine_tuning is only top_layers; "
                "allowed: embeddings together with fine_tuning: full"
            ),
        ),
        (
            "head_hidden_sizes: {choices: [[], [8]], when: {head_activation: relu}}\nhead_activation: relu",
            (
                "6:50: parameters.head_hidden_sizes.when goes round: head_hidden_sizes needs head_activation "
                "needs head_hidden_sizes; allowed: conditions that end at a parameter without one"
            ),
        ),
    ],
)
def test_a_parameter_of_structure_that_can_never_act_is_told(
    faults: Faults, lines: str, message: str
) -> None:
    assert faults(parameters(lines)) == [message]


@pytest.mark.parametrize(
    "lines",
    [
        "head_hidden_sizes: {choices: [[], [8]]}\nhead_activation: {choices: [relu, tanh]}",
        "fine_tuning: {choices: [full, head]}\nembeddings: frozen",
        "fine_tuning: {choices: [head, lora]}\nfrozen_layers: {choices: [0, 2], when: {fine_tuning: lora}}",
    ],
)
def test_a_parameter_of_structure_that_acts_in_some_trial_is_welcome(faults: Faults, lines: str) -> None:
    assert faults(parameters(lines)) == []


def test_a_recipe_s_activation_wants_a_hidden_layer(faults: Faults) -> None:
    assert faults(GOOD + "baseline: {head_activation: relu, head_hidden_sizes: [8]}\n") == []
    assert faults(GOOD + "baseline: {head_activation: relu}\n") == [
        (
            "9:12: baseline.head_activation has no effect, as head_hidden_sizes is []; "
            "allowed: head_activation together with head_hidden_sizes other than []"
        )
    ]


NAMES = ("fine_tuning", "num_layers", "frozen_layers")


def combinations(load: Load, text: str) -> list[tuple[Any, ...]]:
    found = load(text).experiment.combinations(NAMES)
    assert all(one == complete(one) for one in found)
    return [tuple(one.get(name) for name in NAMES) for one in found]


def test_the_combinations_of_some_parameters_are_those_that_trials_can_have(load: Load) -> None:
    assert combinations(load, GOOD) == [("top_layers", 0, 0)]
    assert combinations(load, parameters("frozen_layers: {low: 1, high: 4}")) == [
        ("top_layers", 0, frozen) for frozen in (1, 2, 3, 4)
    ]
    conditional = """
        fine_tuning: {choices: [head, top_layers]}
        num_layers: {choices: [3, 6]}
        frozen_layers: {choices: [4, 5], when: {fine_tuning: top_layers, num_layers: 6}}
    """
    assert set(combinations(load, parameters(conditional))) == {
        ("head", 3, None),
        ("head", 6, None),
        ("top_layers", 3, 0),
        ("top_layers", 6, 4),
        ("top_layers", 6, 5),
    }


def test_the_baseline_is_one_of_the_combinations(load: Load) -> None:
    assert combinations(load, GOOD + "baseline: {frozen_layers: 2}\n") == [
        ("top_layers", 0, 0),
        ("top_layers", 0, 2),
    ]
