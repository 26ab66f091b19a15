"""What a space file says of pretrained models: one for all trainings, or several that are compared."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from space_texts import GOOD, Faults, Load

from hpo.config.experiment import Experiment, ModelSource
from hpo.config.parameters import complete
from hpo.config.schema import schema
from hpo.search.draws import configuration, strategy_values

MINILM = "all-MiniLM-L6-v2"
COMPARE = "compare: {parameter: schedule, values: [linear, wsd]}\n"


def comparing(values: str, rest: str = "") -> str:
    """The good file comparing models, which are named in its third line."""
    line = f"compare: {{parameter: model, values: {values}{rest}}}\n"
    return GOOD.replace(f"model: {MINILM}\n", "").replace(COMPARE, line)


def test_models_can_be_compared(load: Load, tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    shortened = f"{{name: {MINILM}, num_layers: 3}}"
    text = comparing(
        f"[{MINILM}, {shortened}, {{name: encoder, num_layers: 1}}, owner/name]", f", reference: {shortened}"
    )
    experiment = load(text).experiment
    assert experiment.model is None
    assert experiment.strategies() == (MINILM, f"{MINILM} (3 layers)", "encoder (1 layer)", "owner/name")
    assert experiment.reference() == f"{MINILM} (3 layers)"
    assert experiment.sources() == {
        MINILM: ModelSource(name=MINILM),
        f"{MINILM} (3 layers)": ModelSource(name=MINILM, num_layers=3),
        "encoder (1 layer)": ModelSource(name=str(tmp_path / "encoder"), num_layers=1),
        "owner/name": ModelSource(name="owner/name"),
    }
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_one_model_is_that_of_all_trainings(load: Load) -> None:
    experiment = load(GOOD).experiment
    assert experiment.sources() == {None: ModelSource(name=MINILM)}
    assert "model" not in configuration(experiment, "wsd", {})
    assert experiment.recipe() == complete({})


def test_a_training_carries_the_model_of_its_strategy(load: Load) -> None:
    experiment = load(comparing(f"[{MINILM}, owner/name]") + "baseline: {epochs: 1}\n").experiment
    values = strategy_values(experiment)
    assert [configuration(experiment, v, {})["model"] for v in values.values()] == [MINILM, "owner/name"]
    assert experiment.recipe() == complete({"epochs": 1.0}) | {"model": MINILM}
    other = load(comparing(f"[{MINILM}, owner/name]", ", reference: owner/name")).experiment
    assert other.recipe()["model"] == "owner/name"


@pytest.mark.parametrize(
    ("values", "at", "message"),
    [
        (
            f"[nope, {MINILM}]",
            "nope",
            f"compare.values[0] is 'nope'; allowed: {MINILM}, an existing path, or owner/name of the Hugging Face hub",
        ),
        (
            f"[{MINILM}, {{name: nope}}]",
            "nope",
            (
                f"compare.values[1].name is 'nope'; allowed: {MINILM}, an existing path, or owner/name of the Hugging "
                "Face hub"
            ),
        ),
        (
            f"[owner/a, {MINILM}, owner/a ]",
            "owner/a ]",
            "compare.values[2] is owner/a a second time; allowed: distinct models",
        ),
        (
            f"[owner/a, {{name: {MINILM}, num_layers: 0}}]",
            "0}",
            "compare.values[1].num_layers is 0; allowed: a whole number of at least 1",
        ),
        (
            "[owner/a, {num_layers: 3}]",
            "{num_layers",
            "missing key 'name' in compare.values[1]; allowed: a text",
        ),
        (
            f"[owner/a, {{name: {MINILM}, layers: 3}}]",
            "layers",
            "unknown key 'layers' in compare.values[1]; allowed: name, num_layers; did you mean num_layers?",
        ),
        (
            MINILM,
            MINILM,
            f"compare.values is '{MINILM}'; allowed: a list, each a text or a mapping of name, num_layers",
        ),
        (f"[{MINILM}]", f"[{MINILM}", "compare.values has 1 value; allowed: at least 2"),
        (
            f"[owner/a, {MINILM}], reference: owner/b",
            "owner/b",
            f"compare.reference is owner/b; allowed: owner/a, {MINILM}",
        ),
    ],
)
def test_models_that_cannot_be_compared_are_told(faults: Faults, values: str, at: str, message: str) -> None:
    text = comparing(values)
    line = text.splitlines()[2]
    assert faults(text) == [f"3:{line.index(at) + 1}: {message}"]


def test_a_file_names_one_model_or_compares_several(faults: Faults) -> None:
    both = comparing(f"[{MINILM}, owner/name]") + f"model: {MINILM}\n"
    assert faults(both) == [
        "8:1: the file has model, and compare.parameter is model; allowed: one of model and compare"
    ]
    neither = GOOD.replace(f"model: {MINILM}\n", "")
    assert faults(neither) == ["1:1: missing key 'model'; allowed: a text"]


def test_the_schema_says_the_same() -> None:
    several = comparing(f"[{MINILM}, {{name: {MINILM}, num_layers: 3}}]")
    for text, good in (
        (GOOD, True),
        (several, True),
        (several + f"model: {MINILM}\n", False),
        (GOOD.replace(f"model: {MINILM}\n", ""), False),
        (comparing(f"[{MINILM}, {{name: {MINILM}, num_layers: 0}}]"), False),
        (comparing(f"[{MINILM}, {{num_layers: 3}}]"), False),
    ):
        document = YAML(typ="safe", pure=True).load(text)
        assert jsonschema.Draft202012Validator(schema()).is_valid(document) is good, text
