"""Whole runs on the tiny model where the memory is too small, simulated: none ends by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from torch import Tensor

from hpo.config.experiment import Experiment
from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.files import is_finished, read_records
from hpo.records.selection import auditable
from hpo.records.trainings import Audited, Trial
from hpo.report.writing import write_report
from hpo.runtime import engine
from hpo.runtime.loading import load
from hpo.search import coordinator
from hpo.search.audit import Audit
from hpo.search.export import Export
from hpo.search.journal import journal_path
from hpo.search.plan import forks
from hpo.search.verify import Verification
from hpo.training.backward import Backward
from hpo.training.keys import segment_key
from hpo.training.store import Store
from tests.search.test_run import Nobody, run

SPACE = """\
question: Which learning rate, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
parameters:
  learning_rate: {{choices: [1e-3, 9e-3]}}
  frozen_layers: {{choices: [0, 2], default: 2}}
  batch_size: 16
  epochs: 2
{more}
baseline: {{optimizer: adam, learning_rate: 2e-5, frozen_layers: 2, batch_size: 16, epochs: 2{also}}}
budget: {{replicates: 1, trials: 6, rungs: [32, 64, 96], sampler: random, pruner: {pruner}}}
confirmation: {{seeds: 2}}
"""


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    monkeypatch.setattr(coordinator, "write_report", unwritten)


def unwritten(folder: Path) -> SimpleNamespace:
    """In place of a report, which takes longer than the run."""
    (folder / "tables").mkdir()
    (folder / "tables" / "main.md").touch()
    return SimpleNamespace(verdict=SimpleNamespace(sentences=()), tables=(), html=None, markdown=None)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def space(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> Callable[..., Space]:
    def made(name: str, pruner: str = "none", more: str = "", also: str = "") -> Space:
        path = tmp_path / f"{name}.yaml"
        text = SPACE.format(data=tiny_data, model=tiny_model, pruner=pruner, more=more, also=also)
        path.write_text(text.replace("\n\n", "\n"))
        return load_space(str(path), [], [])

    return made


@contextmanager
def memory(fits: Callable[[Backward, int], bool]) -> Iterator[None]:
    """Have a step of so many texts fail where it does not fit."""
    whole = Backward.__call__

    def call(self: Backward, batch: Any, share: float = 1.0) -> Tensor:
        if not fits(self, len(batch[0])):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return whole(self, batch, share)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backward, "__call__", call)
        yield


def trained_parameters(backward: Backward) -> int:
    return sum(parameter.numel() for parameter in backward.model.trained().values())


IN_PARTS = "; in 4 parts a step, for the memory"


def test_what_does_not_fit_is_trained_as_a_run_that_asks_for_parts_would(
    space: Callable[..., Space], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with memory(lambda _, texts: texts <= 4):
        run(space("short"), results)
    found = read_records(results / "short")
    assert {t.reason for t in found.trials if t.duplicate_of is None} == {f"trained to its end{IN_PARTS}"}
    assert {t.parameters["accumulation"] for t in found.trials} == {1}, "records tell what was drawn"
    assert {t.retrained_seconds for t in found.trials} == {0.0}, "no step was taken before it failed"
    asked = space("asked", more="  accumulation: 4", also=", accumulation: 4")
    assert run(asked, results).trained == 0
    wanted = read_records(results / "asked")
    for ours, theirs in ((found.trials, wanted.trials), (found.confirmations, wanted.confirmations)):
        assert [[s.key for s in item.segments] for item in ours] == [
            [s.key for s in item.segments] for item in theirs
        ]
        assert [item.rungs for item in ours] == [item.rungs for item in theirs]
    assert [c.test_score for c in found.confirmations] == [c.test_score for c in wanted.confirmations]
    for name in ("short", "asked"):
        Export(results / name, "all").write(tmp_path / f"{name} model")
    ours, theirs = (tmp_path / f"{name} model" / "model.safetensors" for name in ("short", "asked"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_its_segments_are_verified_to_the_bit_where_there_is_memory_enough(
    space: Callable[..., Space], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with memory(lambda _, texts: texts <= 8):
        run(space("short"), results)
    compared = list(Verification(results / "short", results / ".store", 6).compare())
    assert len(compared) == 6
    assert all(c.exact and c.same_state and c.equal for c in compared)


def test_memory_that_ends_in_the_midst_of_a_training_begins_it_anew(
    space: Callable[..., Space], tmp_path: Path
) -> None:
    """Whole batches fit at first; what was trained before the first that did not is spent, and charged to nobody."""
    calls: dict[int, int] = {}

    def fits(backward: Backward, texts: int) -> bool:
        calls[id(backward)] = calls.get(id(backward), 0) + 1
        return texts <= 8 or calls[id(backward)] <= 3

    results = tmp_path / "results"
    with memory(fits):
        run(space("midst"), results)
    records = read_records(results / "midst")
    alone = [t for t in records.trials if t.duplicate_of is None]
    assert all(t.reason.endswith("; in 2 parts a step, for the memory") for t in alone)
    assert any(t.retrained_seconds > 0 for t in alone)
    assert all([r.examples for r in t.rungs] == [32, 64, 96, 128] for t in alone)
    study = stored(results / "midst", "all/r0")
    for trial in records.trials:
        told = study[trial.draw].intermediate_values
        assert [told[r.examples] for r in trial.rungs] == [r.score for r in trial.rungs]


def stored(folder: Path, name: str) -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(journal_path(folder))))
    return optuna.load_study(study_name=name, storage=storage).trials


def test_what_fits_in_no_part_is_infeasible_and_the_searches_go_on(
    space: Callable[..., Space], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with memory(lambda backward, _: trained_parameters(backward) < 15_000):  # two of three layers frozen
        run(space("large"), results)
    folder = results / "large"
    assert is_finished(folder)
    records = read_records(folder)
    short = [t for t in records.trials if t.parameters["frozen_layers"] == 0]
    others = [t for t in records.trials if t.parameters["frozen_layers"] == 2]
    assert short
    assert {t.state for t in short} == {"failed"}
    assert {t.state for t in others} == {"complete"}
    reason = "out of memory with one text at a time: this machine has no memory left"
    assert {t.reason for t in short if t.duplicate_of is None} == {reason}
    assert {c.parameters["frozen_layers"] for c in records.confirmations} == {2}
    assert len(records.confirmations) == 2 + 2
    for trial in stored(folder, "all/r0"):
        infeasible = trial.params["frozen_layers"] == 0
        assert trial.constraints == ({"memory": 1.0} if infeasible else {})
        assert trial.state == (TrialState.PRUNED if infeasible else TrialState.COMPLETE)
    assert "out of memory" in write_report(folder).html.read_text()


def test_a_pruned_trial_that_was_trained_in_parts_is_audited_in_as_many(
    space: Callable[..., Space], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    with memory(lambda _, texts: texts <= 4):
        run(space("pruned", pruner="successive_halving"), results)
    records = read_records(results / "pruned")
    assert auditable(records)
    monkeypatch.setattr(engine, "cores", lambda: 1)
    told: list[tuple[Trial, Audited]] = []
    Audit(results / "pruned", 1, 0).finish(lambda *ended: told.append(ended))
    ((trial, audited),) = told
    experiment = Experiment.model_validate(records.run.experiment)
    recall = load(experiment, "cpu", 1).recall(Store(results / ".store"), forks(experiment))
    course = recall.course({**trial.parameters, "accumulation": 4}, trial.seed)
    keys = [segment_key(*course.keys[i : i + 2]) for i in range(len(course.cuts))]
    assert [s.key for s in (*trial.segments, *audited.segments)] == keys


def test_a_confirmation_that_fits_in_no_part_stops_the_run_and_it_goes_on_where_there_is_memory(
    space: Callable[..., Space], tmp_path: Path
) -> None:
    class Counts(Nobody):
        ended = 0

        def trial(self, *_: Any) -> None:
            self.ended += 1

    observer, results = Counts(), tmp_path / "results"
    with memory(lambda *_: observer.ended < 6), pytest.raises(UserError) as caught:
        run(space("stops"), results, observer=observer)
    assert "confirmation 0: out of memory with one text at a time" in caught.value.message
    assert "it goes on where it stopped" in caught.value.hint
    assert not is_finished(results / "stops")
    run(space("stops"), results)
    assert is_finished(results / "stops")
    assert len(read_records(results / "stops").confirmations) == 2 + 2
