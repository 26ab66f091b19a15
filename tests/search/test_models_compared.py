"""Models as strategies: each trains its own, reads its own tokens, and shares what a run of it alone would share."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2Model

from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.runtime import engine
from hpo.search import coordinator
from hpo.search.check import check_experiment
from hpo.search.coordinator import Outcome, run_experiment
from hpo.search.prepare import prepare
from hpo.search.verify import Verification
from tests.e2e.runs import facts
from tests.search.test_kinds import entities

TASK = "task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}"
REST = """\
parameters:
  learning_rate: {choices: [1e-3, 9e-3]}
  frozen_layers: {choices: [0, 2], default: 2}
  pooling: mean
  batch_size: 16
  epochs: 2
budget: {replicates: 3, trials: 3, rungs: [64], sampler: random, pruner: none}
"""
BASELINE = "baseline: {learning_rate: 2e-5, pooling: mean, epochs: 2}\n"
LABELS = ("model", "model (2 layers)", "decoder")


class Nobody:
    """In place of the tracker, and as an observer: says and hears nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


@pytest.fixture(scope="module")
def decoder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 of four layers with the words of the tiny encoder."""
    folder = tmp_path_factory.mktemp("models") / "decoder"
    torch.manual_seed(1)
    ends = {"bos_token_id": 2, "eos_token_id": 3}
    config = GPT2Config(vocab_size=40, n_embd=16, n_layer=4, n_head=2, n_positions=64, **ends)
    GPT2Model(config).save_pretrained(folder)
    for path in tiny_model.glob("token*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def written(folder: Path, name: str, data: Path, what: str, rest: str = REST) -> Space:
    path = folder / f"{name}.yaml"
    path.write_text(f"question: Which model, in small?\n{TASK.format(data=data)}\n{what}\n{rest}")
    return load_space(str(path), [], [])


def comparison(folder: Path, data: Path, model: Path, decoder: Path, rest: str = REST + BASELINE) -> Space:
    values = f"[{model}, {{name: {model}, num_layers: 2}}, {decoder}]"
    what = f"compare: {{parameter: model, values: {values}, reference: {model}}}"
    return written(folder, "models", data, what, rest)


@pytest.fixture(scope="module")
def space(
    tiny_data: Path, tiny_model: Path, decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Space:
    return comparison(tmp_path_factory.mktemp("space"), tiny_data, tiny_model, decoder)


def run(space: Space, results: Path, workers: int = 1) -> Outcome:
    """With one thread a worker, so that all runs are of one class of numerics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "cores", lambda: workers)
        patch.setattr(coordinator, "Tracker", Nobody)
        return run_experiment(space, results, None, "cpu", Nobody(), workers)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def results(space: Space, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    run(space, folder)
    return folder


def segments(records: Records, strategy: str) -> set[str]:
    items = (*records.trials, *records.confirmations)
    return {segment.key for item in items if item.strategy == strategy for segment in item.segments}


def test_each_strategy_trains_its_own_model(results: Path) -> None:
    records = read_records(results / "models")
    assert records.run.strategies == LABELS
    assert records.run.reference == "model"
    for item in (*records.trials, *records.confirmations):
        assert item.parameters["model"] == ("model" if item.strategy == "baseline" else item.strategy)
    for one, other in combinations(LABELS, 2):
        assert segments(records, one)
        assert not segments(records, one) & segments(records, other)
    assert {t.strategy for t in records.trials if t.passes} == set(LABELS)  # each begins at a depth


def test_draws_of_the_models_are_paired(results: Path) -> None:
    drawn: dict[tuple[int, int], set[str]] = {}
    for trial in read_records(results / "models").trials:
        shared = {name: value for name, value in trial.parameters.items() if name != "model"}
        drawn.setdefault((trial.replicate, trial.draw), set()).add(str((shared, trial.seed)))
    assert all(len(found) == 1 for found in drawn.values())


def test_two_workers_leave_the_records_of_one(space: Space, results: Path, tmp_path: Path) -> None:
    run(space, tmp_path, workers=2)
    one, two = facts(results / "models"), facts(tmp_path / "models")
    for records in (one, two):
        records["run"]["device"].pop("workers")
    assert one == two


@pytest.mark.parametrize("which", ["model", "decoder"])
def test_a_run_of_one_model_alone_finds_all_its_trainings_done(
    results: Path, tmp_path: Path, tiny_data: Path, tiny_model: Path, decoder: Path, which: str
) -> None:
    folder = {"model": tiny_model, "decoder": decoder}[which]
    alone = written(tmp_path, f"alone_{which}", tiny_data, f"model: {folder}")
    assert run(alone, results).trained == 0
    records = read_records(results / f"alone_{which}")
    assert records.run.models == {}
    compared = [t for t in read_records(results / "models").trials if t.strategy == which]
    assert [t.score for t in records.trials] == [t.score for t in compared]


def test_trainings_of_each_model_can_be_verified(results: Path) -> None:
    compared = list(Verification(results / "models", results / ".store", 9).compare())
    assert {one.sampled.item.strategy for one in compared} >= set(LABELS)
    assert all(one.equal for one in compared)


def test_what_is_checked_and_recorded_tells_each_model(space: Space, results: Path) -> None:
    checked = check_experiment(space, results, "cpu", probe=False)
    assert [(info.source, info.layers) for info in checked.models] == [
        ("folder model", 3),
        ("folder model, lowest 2 layers", 2),
        ("folder decoder", 4),
    ]
    assert checked.notes == ()
    run = read_records(results / "models").run
    assert run.model.source == "folder model; folder model, lowest 2 layers; folder decoder"
    assert {name: info.layers for name, info in run.models.items()} == dict(
        zip(LABELS, (3, 2, 4), strict=True)
    )
    assert len({info.sha256 for info in run.models.values()}) == 3


def test_what_one_of_the_models_cannot_do_is_told_with_its_name(
    tmp_path: Path, tiny_data: Path, tiny_model: Path, decoder: Path
) -> None:
    rest = REST.replace("[0, 2], default: 2", "[0, 3]").replace("pooling: mean", "pooling: cls")
    space = comparison(tmp_path, tiny_data, tiny_model, decoder, rest)
    with pytest.raises(UserError) as caught:
        prepare(space, "cpu")
    assert caught.value.message.splitlines() == [
        (
            f"{space.path}:6:3: frozen_layers: model (2 layers): 3 was found; the model has 2 layers, all of which may "
            "be frozen"
        ),
        (
            f"{space.path}:7:3: pooling: decoder: cls was found; the first token of this model sees no other; "
            "allowed are last, mean and max"
        ),
    ]


STRUCTURES = """\
question: Which model finds entities, in small?
task: {{kind: token-classification, data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
compare: {{parameter: model, values: [{model}, {decoder}]}}
parameters:
  learning_rate: 5e-3
  num_layers: {{choices: [0, 2]}}
  fine_tuning: {{choices: [top_layers, lora]}}
  frozen_layers: 1
  batch_size: 16
  epochs: 2
budget: {{replicates: 3, trials: 4, sampler: grid, pruner: none}}
"""


def test_layers_kept_and_adapters_are_searched_within_each_model_of_a_comparison(
    tmp_path: Path, tiny_model: Path, decoder: Path
) -> None:
    path = tmp_path / "structures.yaml"
    path.write_text(STRUCTURES.format(data=entities(tmp_path), model=tiny_model, decoder=decoder))
    run(load_space(str(path), [], []), tmp_path / "results")
    records = read_records(tmp_path / "results" / "structures")
    assert records.run.metric.name == "entity F1"
    for label in ("model", "decoder"):
        first = [t for t in records.trials if (t.strategy, t.replicate) == (label, 0)]
        drawn = {(t.parameters["num_layers"], t.parameters["fine_tuning"]) for t in first}
        assert drawn == {(0, "top_layers"), (2, "top_layers"), (0, "lora"), (2, "lora")}
        assert all(t.state == "complete" and t.passes for t in first)
        assert len({t.segments[-1].key for t in first}) == 4
        # Hidden states before a layer are the same however many layers follow, and whatever is trained of these.
        assert len({tuple(work.key for work in t.passes) for t in first}) == 1


def test_a_model_that_cannot_be_loaded_is_told_with_its_line(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    space = written(
        tmp_path,
        "models",
        tiny_data,
        f"compare:\n  parameter: model\n  values:\n  - {tiny_model}\n"
        f"  - {{name: {tiny_model}, num_layers: 9}}",
    )
    with pytest.raises(UserError) as caught:
        prepare(space, "cpu")
    assert caught.value.message == (
        f"{space.path}:7:5: model '{tiny_model}' has 3 layers, of which the lowest 9 are asked for"
    )
    alone = written(tmp_path, "alone", tiny_data, f"model: {tmp_path}")
    with pytest.raises(UserError, match=rf"^{alone.path}:3:1: model '{tmp_path}' cannot be loaded: "):
        prepare(alone, "cpu")
