"""The space files that come with hpo, and the JSON Schema beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from hpo.config.experiment import Choices, DataSource, Experiment, Fixed, Range
from hpo.config.fragments import fits, parameter_fragment
from hpo.config.parameters import AUGMENTATIONS, DECAY_SHAPES, OPTIMIZERS, PARAMETERS
from hpo.config.schema import schema
from hpo.config.space import load_space, shipped_spaces
from hpo.search.draws import configuration
from hpo.search.plan import forks

FOLDER = Path(__file__).parents[2] / "search_spaces"
SPACES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
DATA = ("movie", "amazon", "tweets", "nyt", "conll-2003", "privacy-qa")


def experiment(name: str) -> Experiment:
    models = ["all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"]
    return load_space(str(FOLDER / f"{name}.yaml"), models, list(DATA)).experiment


def plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def errors(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema()).iter_errors(document)]


def test_the_shipped_spaces_are_these() -> None:
    assert SPACES == [
        "augmentation", "choosing_a_model", "cooldown", "does_it_generalize", "entities", "frozen_layers", "label_sets",
        "lr_schedules", "optimizers", "pairs", "private", "what_to_train",
    ]  # fmt: skip
    assert sorted(shipped_spaces()) == SPACES


@pytest.mark.parametrize("name", SPACES)
def test_a_shipped_space_is_a_good_file_by_hpo_and_by_the_schema(name: str) -> None:
    assert experiment(name).name == name
    assert errors(plain((FOLDER / f"{name}.yaml").read_text())) == []


@pytest.mark.parametrize("name", SPACES)
def test_a_shipped_space_opens_with_the_schema_the_command_and_how_to_scale(name: str) -> None:
    first, second, third, *_ = (FOLDER / f"{name}.yaml").read_text().splitlines()
    assert first == "# yaml-language-server: $schema=space.schema.json"
    assert second == f"# Run it:       hpo run --space {name}.yaml"
    assert third.startswith("# Scale it up: ")


def test_the_schedules_are_compared_over_all_five_axes() -> None:
    space = experiment("lr_schedules")
    assert space.strategies() == ("constant", "linear", "cosine", "inverse_sqrt", "wsd")
    searched = {name: setting for name, setting in space.parameters.items() if not isinstance(setting, Fixed)}
    assert sorted(searched) == [
        "augmentation_strength", "frozen_layers", "head_hidden_sizes", "learning_rate", "warmup_ratio",
    ]  # fmt: skip
    assert isinstance(searched["learning_rate"], Range)
    assert searched["learning_rate"].log
    assert isinstance(searched["head_hidden_sizes"], Choices)
    assert searched["head_hidden_sizes"].choices == ((), (128,))


def test_the_baseline_is_the_textbook_s_recipe_over_the_same_epochs() -> None:
    space = experiment("lr_schedules")
    assert space.baseline == {
        "optimizer": "adam",
        "learning_rate": 2e-5,
        "batch_size": 32,
        "schedule": "constant",
        "frozen_layers": 0,
        "augmentation": "none",
        "weight_decay": 0.0,
        "epochs": 2.0,
    }
    assert space.parameters["epochs"] == Fixed(value=space.baseline["epochs"])


def test_every_optimizer_is_compared_over_one_range_of_rates_with_a_schedule_where_it_has_one() -> None:
    space = experiment("optimizers")
    assert space.strategies() == OPTIMIZERS
    searched = {name: setting for name, setting in space.parameters.items() if not isinstance(setting, Fixed)}
    assert list(searched) == ["learning_rate"]
    trained = [configuration(space, name, {"learning_rate": 1e-3}) for name in space.strategies()]
    assert [one.get("schedule") for one in trained] == ["linear", "linear", "linear", "linear", None]


def test_no_augmentation_is_compared_with_each_that_this_model_can_tell_and_needs_no_other_model() -> None:
    space = experiment("augmentation")
    assert set(space.strategies()) == set(AUGMENTATIONS) - {
        "masked_replacement",
        "case",
        "mention_replacement",
    }
    assert space.reference() == "none"


def test_what_generalizes_is_asked_of_three_domains_that_nothing_is_trained_on() -> None:
    space = experiment("does_it_generalize")
    assert space.task.data == DataSource(asset="movie")
    assert tuple(space.task.shift) == ("amazon", "tweets", "nyt")
    assert {source.asset for source in space.task.shift.values()} == {"amazon", "tweets", "nyt"}


def test_all_shapes_of_a_cool_down_are_compared_over_the_whole_grid_of_peaks_and_horizons() -> None:
    space = experiment("cooldown")
    assert set(space.strategies()) == set(DECAY_SHAPES)
    assert {n: s.choices for n, s in space.parameters.items() if isinstance(s, Choices)} == {
        "learning_rate": (3e-4, 6e-4),
        "epochs": (1.0, 2.0, 3.0, 4.0),
    }
    assert (space.budget.sampler, space.budget.trials, space.budget.pruner) == ("grid", 8, "none")
    assert forks(space) == ((1.0, 0.2), (2.0, 0.2), (3.0, 0.2), (4.0, 0.2))


def test_full_and_partial_fine_tuning_the_head_and_adapters_are_compared() -> None:
    space = experiment("what_to_train")
    assert space.strategies() == ("full", "top_layers", "head", "lora")
    trained = {
        tuple(one.items()) for one in space.combinations(("fine_tuning", "frozen_layers", "adapter_rank"))
    }
    assert len(trained) == 1 + 3 + 1 + 3
    assert space.budget.device_seconds is not None  # each at the same cost
    assert space.budget.trials >= 10


def test_an_encoder_its_lower_half_and_a_decoder_s_lowest_layers_are_compared() -> None:
    space = experiment("choosing_a_model")
    assert space.strategies() == (
        "all-MiniLM-L6-v2",
        "all-MiniLM-L6-v2 (3 layers)",
        "SmolLM2-135M-Instruct (6 layers)",
    )
    assert space.reference() == "all-MiniLM-L6-v2"


def test_every_kind_of_task_has_a_space_of_its_own() -> None:
    kinds = {experiment(name).task.kind for name in SPACES}
    assert kinds >= {"text-classification", "pair", "multi-label", "token-classification"}


@pytest.mark.parametrize("name", SPACES)
def test_a_shipped_space_asks_enough_for_a_verdict(name: str) -> None:
    space = experiment(name)
    assert space.budget.replicates >= 3
    assert space.task.test >= 1000


def test_the_schema_beside_the_shipped_spaces_is_the_one_that_hpo_prints() -> None:
    assert json.loads((FOLDER / "space.schema.json").read_text()) == schema()


def test_the_schema_is_itself_valid_and_its_references_resolve() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    defined = set(schema()["$defs"])
    assert defined == {*PARAMETERS, "when"}


GOOD = """
question: Which?
task: {data: movie, train: 10, validation: 10, test: 10}
model: m
compare: {parameter: schedule, values: [linear, wsd], reference: wsd}
parameters: {learning_rate: {low: 1e-5, high: 1e-3, log: true}, head_hidden_sizes: {choices: [[], [8]]}}
budget: {trials: 4, rungs: [5]}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("question: Which?\n", ""),
        ("question:", "qestion:"),
        ("train: 10", 'train: "10"'),
        ("train: 10", "train: 0"),
        ("test: 10}", "test: 10, shift: movie}"),
        ("data: movie", "data: {file: f.csv}"),
        ("{trials: 4", "{trails: 4"),
        ("rungs: [5]", "rungs: [0]"),
        ("rungs: [5]", "sampler: tp"),
        ("[linear, wsd]", "[linear]"),
        ("[linear, wsd]", "[linear, linear]"),
        ("[linear, wsd]", "[linear, wds]"),
        ("reference: wsd", "reference: 3"),
        ("low: 1e-5", "low: 0"),
        ("log: true", "log: 1"),
        ("log: true", "lgo: true"),
        ("log: true", "when: {shedule: linear}"),
        ("log: true", "when: {schedule: linaer}"),
        ("[[], [8]]", "[[], [0]]"),
        ("{low: 1e-5, high: 1e-3, log: true}", "[1e-5, 1e-3]"),
        ("learning_rate:", "learnin_rate:"),
        ("rungs: [5]}", "rungs: [5]}\nstore_limit: 2G"),
        ("rungs: [5]}", "rungs: [5]}\nstore_limit: -1"),
    ],
)
def test_the_schema_refuses_what_an_editor_can_see(old: str, new: str) -> None:
    assert GOOD.count(old) == 1
    assert errors(plain(GOOD)) == []
    assert errors(plain(GOOD.replace(old, new))) != []


@pytest.mark.parametrize("name", PARAMETERS)
def test_hpo_and_a_json_schema_validator_agree_on_every_scalar(name: str) -> None:
    fragment = parameter_fragment(PARAMETERS[name])
    validator = jsonschema.Draft202012Validator(fragment)
    scalars = [
        None,
        True,
        False,
        -1,
        0,
        1,
        2.0,
        0.5,
        1.5,
        1e-9,
        10**6,
        "",
        "1",
        "linear",
        "adam",
        "none",
        "cls",
    ]
    assert [fits(value, fragment) for value in scalars] == [validator.is_valid(value) for value in scalars]


def test_the_price_of_privacy_is_asked_of_a_search_that_is_tuned_without_it_as_well() -> None:
    space = experiment("private")
    assert space.compare is not None
    assert space.compare.values == (0.0, 8.0, 3.0, 1.0)
    assert space.reference() == "privacy_epsilon=0.0"
    assert space.privacy is not None
    assert space.privacy.delta < 1 / space.task.train
