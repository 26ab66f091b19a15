"""A run from its space file to its report. The one process that opens the storage, decides, tells and records."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from hpo.config.changes import changes
from hpo.config.experiment import Experiment
from hpo.config.parameters import complete
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.events import Observer, Work
from hpo.records.files import (
    is_finished,
    mark_finished,
    read_records,
    read_run,
    write_confirmation,
    write_run,
)
from hpo.records.schema import Run, Trial
from hpo.report.writing import Report, write_report
from hpo.runtime.in_process import InProcessExecutor
from hpo.search.confirm import confirm, select
from hpo.search.draws import strategy_values
from hpo.search.prepare import BASELINE, Checked, Prepared, check_experiment, prepare
from hpo.search.storage import StudyStorage
from hpo.search.trials import TrialKey, TrialRunner
from hpo.search.watchers import Watchers
from hpo.seeds import derive
from hpo.tracking.tracker import Tracker
from hpo.tracking.uri import check, default_uri
from hpo.training.evaluation import EvaluationSet

__all__ = ["Checked", "Outcome", "check_experiment", "run_experiment"]


@dataclass(frozen=True)
class Outcome:
    """What a finished run left.

    Attributes:
        profile: seconds by kind of work, in this process.
        trained: segments trained now; 0 where everything was there.
    """

    folder: Path
    report: Report
    profile: dict[str, float]
    trained: int
    wall_seconds: float


def run_experiment(
    space: Space,
    results: Path,
    tracking_uri: str | None,
    device: str | None,
    observer: Observer,
    workers: int | None = None,  # noqa: ARG001 - the executor does not take it yet
    store_limit: int | None = None,  # noqa: ARG001 - nor the store
) -> Outcome:
    """Run ``space`` to its end below ``results``, from wherever an earlier run of it stopped.

    Raises:
        UserError: the space file changed under records, another process has the folder, or something is missing.
    """
    started = time.perf_counter()
    uri = tracking_uri or default_uri(results)
    folder = results / space.experiment.name
    _refuse_changes(space, folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _run(space, folder, uri, device, observer, started)
    except Timeout:
        raise UserError(
            f"another process is at work on {folder}",
            "Wait for it (`hpo status` shows how far it is), or give the other one another --results folder.",
        ) from None


def _run(
    space: Space, folder: Path, tracking_uri: str, device: str | None, observer: Observer, started: float
) -> Outcome:
    if is_finished(folder):
        report = write_report(folder)
        seconds = time.perf_counter() - started
        return Outcome(folder, report, {"report": seconds}, 0, seconds)
    check(tracking_uri)  # before minutes of loading and training
    prepared = prepare(space, device)
    head = prepared.run_record()
    _refuse_other_circumstances(folder, head)
    (folder / "space.yaml").write_text(space.text, encoding="utf-8")
    write_run(folder, head)
    executor = prepared.executor(folder)
    loaded = time.perf_counter()
    tracker = Tracker(tracking_uri, head, run_id=_run_id(folder))
    opening = time.perf_counter() - loaded
    watchers = Watchers([observer, tracker])
    run = _Run(prepared, executor, watchers, folder)
    try:
        run.search()
        run.confirm()
        reporting = time.perf_counter()
        report = write_report(folder)
        reported = time.perf_counter() - reporting
        verdict = "\n".join(report.verdict.sentences)
        tracker.finish(folder / "space.yaml", report.html, list(report.tables), report.markdown, verdict)
    except BaseException:
        tracker.interrupt()
        raise
    shutil.rmtree(folder / "store" / "states", ignore_errors=True)
    mark_finished(folder)
    wall = time.perf_counter() - started
    profile = {
        **executor.seconds,
        "load": loaded - started,
        "track": opening + watchers.seconds,
        "report": reported,
    }
    profile["other"] = wall - sum(profile.values())
    return Outcome(folder, report, profile, executor.trained, wall)


class _Run:
    """The search, then the confirmations, over strategies and replicates in turn, so that a stopped run touched all."""

    def __init__(
        self, prepared: Prepared, executor: InProcessExecutor, watchers: Watchers, folder: Path
    ) -> None:
        self._prepared = prepared
        self._experiment: Experiment = prepared.experiment
        self._executor = executor
        self._watchers = watchers
        self._folder = folder
        known = read_records(folder)
        self._confirmed = {(c.strategy, c.replicate, c.index): c for c in known.confirmations}
        records: dict[TrialKey, Trial] = {(t.strategy, t.replicate, t.draw): t for t in known.trials}
        self._trials = TrialRunner(
            self._experiment, executor, StudyStorage(folder), folder, watchers, records
        )

    def search(self) -> None:
        """Every draw of every study."""
        budget = self._experiment.budget
        for number in range(budget.trials):
            for replicate in range(budget.replicates):
                for strategy, value in strategy_values(self._experiment).items():
                    self._trials.run(strategy, value, replicate, number)

    def confirm(self) -> None:
        """Every selected configuration and the baseline, on the same fresh seeds. Opens the test split."""
        test = self._prepared.test_set()
        strategies = list(self._experiment.strategies())
        if self._experiment.baseline is not None:
            strategies.append(BASELINE)
        for index in range(self._experiment.confirmation.seeds):
            for replicate in range(self._experiment.budget.replicates):
                for strategy in strategies:
                    self._confirm_one(test, strategy, replicate, index)

    def _confirm_one(self, test: EvaluationSet, strategy: str, replicate: int, index: int) -> None:
        known = self._confirmed.get((strategy, replicate, index))
        if known is not None:
            self._watchers.confirmation(known)
            return
        selected, parameters = None, complete(self._experiment.baseline or {})
        if strategy != BASELINE:
            draws = range(self._experiment.budget.trials)
            selected = select(self._trials.records[strategy, replicate, n] for n in draws)
            if selected is None:
                self._watchers.note(
                    f"{strategy}, replicate {replicate}: no trial was trained to its end, nothing to confirm"
                )
                return
            parameters = selected.parameters
        seed = derive(self._experiment.seed, "confirmation", replicate, index)
        course = self._executor.plan(parameters, seed, self._experiment.budget.rungs)
        work = Work(strategy, replicate, index, True, seed, parameters, course.seen[-1])
        self._watchers.started(work)
        role: Literal["baseline", "strategy"] = "baseline" if strategy == BASELINE else "strategy"
        record = confirm(self._executor, self._watchers, test, course, work, role, selected)
        write_confirmation(self._folder, record)
        self._watchers.confirmation(record)


def _run_id(folder: Path) -> str:
    """Names this run in the tracking store: made once, kept in the run's folder."""
    path = folder / "run-id"
    if not path.is_file():
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06d}\n")
        temporary.replace(path)
    return path.read_text().strip()


def _refuse_changes(space: Space, folder: Path) -> None:
    before = read_run(folder)
    if before is None:
        return
    found = changes(before.experiment, space.experiment.model_dump(mode="json"))
    if found:
        raise UserError(
            f"{space.path} changed since {folder} was begun:\n  " + "\n  ".join(found),
            f"Undo the change to go on, or give --results another folder, or move {folder} away to begin anew.",
        )


# Versions that decide what is drawn, read and computed.
_DECIDING = ("hpo", "torch", "transformers", "optuna", "numpy")


def _refuse_other_circumstances(folder: Path, head: Run) -> None:
    """Records of one run come from one data set, one model, one device and one set of versions."""
    before = read_run(folder)
    if before is None:
        return
    found = [
        f"{what}: {old} -> {new}"
        for what, old, new in (
            ("data, SHA-256", before.split.sha256[:12], head.split.sha256[:12]),
            ("model weights, SHA-256", before.model.sha256[:12], head.model.sha256[:12]),
            ("device", before.device.name, head.device.name),
            ("precision", before.device.precision, head.device.precision),
            ("threads", before.device.threads, head.device.threads),
            *((name, before.versions.get(name), head.versions.get(name)) for name in _DECIDING),
        )
        if old != new
    ]
    if found:
        raise UserError(
            f"not all is as it was when {folder} was begun:\n  " + "\n  ".join(found),
            f"Bring back what it began with, or give --results another folder, or move {folder} away to begin anew.",
        )
