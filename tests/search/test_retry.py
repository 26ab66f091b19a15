"""Failed trials of a run on the tiny model that are tried again: what came of them, and when that is refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.cli.main import execute
from hpo.config.space import Space, load_space
from hpo.records.files import mark_test_opened, read_records, write_trial
from hpo.records.retried import after
from hpo.records.selection import selected_trials
from hpo.records.trainings import Trial
from hpo.runtime import worker
from hpo.search import stopping
from hpo.search.journal import journal_path
from hpo.search.stopping import Stopped, request_stop
from hpo.search.storage import INFEASIBLE
from hpo.search.trials import OUT_OF_MEMORY
from hpo.search.trials import _state as state_of
from tests.cli import cli_events
from tests.postgres import Postgres
from tests.search import test_out_of_memory as short
from tests.search.test_out_of_memory import memory, stored, trained_parameters
from tests.search.test_run import Nobody, run, told

TPE = """\
question: Which learning rate, tried again?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
parameters:
  learning_rate: {{low: 1e-3, high: 1e-2, log: true}}
  batch_size: 16
  epochs: 2
budget: {{replicates: 1, trials: 7, sampler: tpe, startup_trials: 2, pruner: none{more}}}
confirmation: {{seeds: 1}}
"""

space, threads, untracked = short.space, short.threads, short.untracked  # fixtures


class StopsAtFailure(Nobody):
    """Asks the run to stop when a trial has failed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def trial(self, trial: Trial) -> None:
        if trial.state == "failed":
            request_stop(self.folder, now=False)
            stopped.wait(0.2)


stopped = stopping.threading.Event()  # never set: a pause in which the request is looked at


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "PAUSE", 0.01)


@pytest.fixture
def undisturbed(space: Callable[..., Space], tmp_path: Path) -> Any:
    asked = space("whole", pruner="successive_halving")
    run(asked, tmp_path / "undisturbed")
    return told(tmp_path / "undisturbed" / "whole")


def once(monkeypatch: pytest.MonkeyPatch, name: str, call: int, **lost: Any) -> None:
    """Have one call of a function of the worker lose its numbers, as memory that is at fault does."""
    whole, calls = getattr(worker, name), []

    def faulty(*args: Any, **more: Any) -> Any:
        calls.append(name)
        found = whole(*args, **more)
        return dataclasses.replace(found, **lost) if len(calls) == call else found

    monkeypatch.setattr(worker, name, faulty)


def stopped_at_failure(asked: Space, results: Path, storage: str | None = None) -> list[Trial]:
    """The failed trials of a run that was stopped at the first of them."""
    with pytest.raises(Stopped):
        run(asked, results, observer=StopsAtFailure(results / "whole"), storage=storage)
    return [trial for trial in read_records(results / "whole").trials if trial.state == "failed"]


def without_notes(records: Any) -> Any:
    for trial in records["trials"]:
        trial["reason"] = trial["reason"].partition("; tried again after: ")[0]
    return records


@pytest.mark.parametrize(
    ("function", "lost", "what"),
    [
        ("train_segment", {"loss": math.nan}, "the training loss or its gradient"),
        ("predict_within", {"losses": np.full(40, np.nan)}, "the validation loss"),
    ],
)
def test_what_a_fault_of_the_machine_ended_is_trained_again_as_if_it_had_not(
    space: Callable[..., Space],
    tmp_path: Path,
    undisturbed: Any,
    capsys: pytest.CaptureFixture[str],
    function: str,
    lost: dict[str, Any],
    what: str,
) -> None:
    results = tmp_path / "results"
    asked = space("whole", pruner="successive_halving")
    with pytest.MonkeyPatch.context() as patch:
        once(patch, function, 6, **lost)
        (failed,) = stopped_at_failure(asked, results)
    folder = results / "whole"
    assert failed.reason.startswith(f"diverged: {what} was not finite by")
    assert execute(["retry", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"all, replicate 0, draw {failed.draw}: {failed.reason}\n" in printed
    assert "1 failed trial is trained again by the next `hpo run`\n" in printed
    run(asked, results)
    again = next(t for t in read_records(folder).trials if t.draw == failed.draw)
    assert (
        again.reason == f"trained to its end; tried again after: {failed.reason}" or again.state == "pruned"
    )
    assert again.retrained_seconds == pytest.approx(failed.segments[-1].seconds)
    assert without_notes(told(folder)) == undisturbed
    states = [trial.state for trial in stored(folder, "all/r0~2")]
    wanted = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    assert states == [wanted[t["state"]] for t in undisturbed["trials"]]


def test_what_failed_in_a_run_with_studies_in_postgresql_is_trained_again_as_if_it_had_not(
    space: Callable[..., Space],
    tmp_path: Path,
    undisturbed: Any,
    postgres: Postgres,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server restarts while the study is written again, before what stood there is taken away."""
    results, url = tmp_path / "results", postgres.make("retried")
    folder = results / "whole"
    asked = space("whole", pruner="successive_halving")
    with pytest.MonkeyPatch.context() as patch:
        once(patch, "train_segment", 6, loss=math.nan)
        (failed,) = stopped_at_failure(asked, results, url)
    assert [trial.state for trial in in_database(url, folder, "all/r0")][failed.draw] == TrialState.FAIL
    assert execute(["retry", str(folder)]) == 0
    assert "1 failed trial is trained again" in capsys.readouterr().out
    delete = RDBStorage.delete_study

    def delete_after_a_restart(storage: RDBStorage, study_id: int) -> None:
        patch.undo()
        postgres.down()
        postgres.up()
        delete(storage, study_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RDBStorage, "delete_study", delete_after_a_restart)
        run(asked, results, storage=url)
    assert without_notes(told(folder)) == undisturbed
    editions = {name for name in names(url) if name.startswith("whole-")}
    assert len(editions) == 1, "what was there before is taken away"
    wanted = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    (edition,) = editions
    states = [trial.state for trial in in_database(url, folder, edition.partition("/")[2])]
    assert states == [wanted[t["state"]] for t in undisturbed["trials"]]


def names(url: str) -> list[str]:
    """Of the studies in a database."""
    storage = RDBStorage(url)
    found = [study.study_name for study in storage.get_all_studies()]
    storage.engine.dispose()
    return found


def in_database(url: str, folder: Path, name: str) -> list[FrozenTrial]:
    """The trials of a study of the run in ``folder``."""
    storage = RDBStorage(url)
    run_id = (folder / "run-id").read_text().strip()
    found = storage.get_all_trials(storage.get_study_id_from_name(f"{run_id}/{name}"))
    storage.engine.dispose()
    return found


def test_what_did_not_fit_is_trained_again_where_there_is_more_memory(
    space: Callable[..., Space], tmp_path: Path, undisturbed: Any
) -> None:
    results = tmp_path / "results"
    asked = space("whole", pruner="successive_halving")
    with memory(lambda backward, _: trained_parameters(backward) < 15_000):  # two of three layers frozen
        failed = stopped_at_failure(asked, results)
        assert {trial.reason.partition(":")[0] for trial in failed} == {
            "out of memory with one text at a time"
        }
        assert execute(["retry", str(results / "whole")]) == 0
        assert [t for t in read_records(results / "whole").trials if t.state == "failed"] == []
    run(asked, results)
    assert without_notes(told(results / "whole")) == undisturbed


def test_what_fails_again_tells_of_both_failures(space: Callable[..., Space], tmp_path: Path) -> None:
    results = tmp_path / "results"
    asked = space("whole")
    with memory(lambda backward, _: trained_parameters(backward) < 15_000):
        (first, *_) = stopped_at_failure(asked, results)
        assert execute(["retry", str(results / "whole")]) == 0
        (second, *_) = stopped_at_failure(asked, results)
    assert second.draw == first.draw
    assert second.reason == f"{first.reason}; tried again after: {first.reason}"


def failed(reason: str, duplicate_of: int | None = None) -> Trial:
    reason = (
        f"the same configuration as draw {duplicate_of}: {reason}" if duplicate_of is not None else reason
    )
    return cli_events.trial("linear", 0, 1, None, "failed").model_copy(
        update={"reason": reason, "duplicate_of": duplicate_of}
    )


def test_samplers_are_told_of_the_last_failure_alone() -> None:
    diverged, short_of = (
        "diverged: the training loss was not finite",
        f"{OUT_OF_MEMORY} with one text at a time",
    )
    assert state_of(after(failed(diverged), failed(short_of))) == "failed"
    assert state_of(after(failed(short_of), failed(diverged))) == INFEASIBLE
    assert state_of(failed(after(failed(diverged), failed(short_of)).reason, 0)) == "failed"
    assert state_of(failed(short_of, 0)) == INFEASIBLE


def failed_run(space: Callable[..., Space], tmp_path: Path) -> Path:
    """A stopped run with one failed trial, which nobody trained."""
    with pytest.raises(Stopped):
        run(space("whole"), tmp_path, observer=StopsSoon(tmp_path / "whole"))
    folder = tmp_path / "whole"
    trial = read_records(folder).trials[0]
    reason = "diverged: the training loss was not finite by 64 examples; lower learning_rate or gradient_clip"
    write_trial(
        folder,
        trial.model_copy(update={"state": "failed", "reason": reason, "score": None, "best_rung": None}),
    )
    return folder


class StopsSoon(StopsAtFailure):
    """Asks the run to stop when a trial has ended."""

    def trial(self, trial: Trial) -> None:
        request_stop(self.folder, now=False)
        stopped.wait(0.2)


def test_after_the_test_split_was_opened_no_trial_is_tried_again(
    space: Callable[..., Space], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = failed_run(space, tmp_path)
    before = {path: path.read_bytes() for path in (folder / "records").rglob("*.json")}
    mark_test_opened(folder)
    assert execute(["retry", str(folder)]) == 2
    assert (
        "has opened the test split: a search that selected anew after that would be no fair one"
        in capsys.readouterr().err
    )
    assert {path: path.read_bytes() for path in (folder / "records").rglob("*.json")} == before
    (folder / "records" / "test-opened").unlink()
    with FileLock(folder / ".lock"):
        assert execute(["retry", str(folder)]) == 2
    assert f"hint: Stop it first (`hpo stop {folder}`)" in capsys.readouterr().err
    assert execute(["retry", str(folder)]) == 0
    capsys.readouterr()
    assert execute(["retry", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("no trial has failed\nnext: ")


def test_a_run_says_when_it_opens_the_test_split(space: Callable[..., Space], tmp_path: Path) -> None:
    folder = failed_run(space, tmp_path)
    assert not (folder / "records" / "test-opened").exists()
    run(space("whole"), tmp_path)
    assert (folder / "records" / "test-opened").is_file()
    assert execute(["retry", str(folder)]) == 2


class StopsAfter(Nobody):
    """Stops the run when so many trials have ended."""

    def __init__(self, trials: int) -> None:
        self.left = trials

    def trial(self, *_: Any) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def looking_at_results(folder: Path, data: Path, model: Path, more: str = "") -> Space:
    path = folder / "tpe.yaml"
    path.write_text(TPE.format(data=data, model=model, more=more))
    return load_space(str(path), [], [])


def test_where_the_journal_is_lost_after_a_retry_recorded_trials_stay_as_they_are(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    """What was drawn with the failure in sight would be drawn otherwise now."""
    asked, folder = looking_at_results(tmp_path, tiny_data, tiny_model), tmp_path / "results" / "tpe"
    with pytest.MonkeyPatch.context() as patch:
        once(patch, "train_segment", 2, loss=math.nan)
        with pytest.raises(KeyboardInterrupt):
            run(asked, tmp_path / "results", observer=StopsAfter(5))
    before = read_records(folder).trials
    assert [t.draw for t in before if t.state == "failed"] == [1]
    assert execute(["retry", str(folder)]) == 0
    journal_path(folder).unlink()
    run(asked, tmp_path / "results")
    whole = read_records(folder).trials
    assert [t.parameters for t in whole[:5]] == [t.parameters for t in before]
    assert [t for t in whole[:5] if t.draw != 1] == [t for t in before if t.draw != 1]
    assert whole[1].state == "complete"
    assert [t.state for t in stored(folder, "all/r0")] == [TrialState.COMPLETE] * 7
    assert [t.params["learning_rate"] for t in stored(folder, "all/r0")] == [
        t.parameters["learning_rate"] for t in whole
    ]


def test_a_search_selects_none_of_the_trials_that_a_retry_leaves_no_budget_for(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    """Of 128 examples each, four are begun below 500; the second failed after 32, so that five were."""
    asked = looking_at_results(tmp_path, tiny_data, tiny_model, ", rungs: [32], examples: 500")
    folder = tmp_path / "results" / "tpe"
    with pytest.MonkeyPatch.context() as patch:
        once(patch, "train_segment", 3, loss=math.nan)
        with pytest.raises(KeyboardInterrupt):
            run(asked, tmp_path / "results", observer=StopsAfter(5))
    assert execute(["retry", str(folder)]) == 0
    last = next(t for t in read_records(folder).trials if t.draw == 4)
    write_trial(folder, last.model_copy(update={"score": 1.0}))
    run(asked, tmp_path / "results")
    records = read_records(folder)
    assert [t.draw for t in records.trials] == list(range(5))
    (confirmed,) = records.confirmations
    assert confirmed.draw != 4
    assert {t.draw for t in selected_trials(records).values()} == {confirmed.draw}
