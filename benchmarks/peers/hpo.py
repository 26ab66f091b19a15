"""H: a whole run of hpo, from its space file to its report, with Optuna's journal, MLflow and the records."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import open_space
from benchmarks.peers.report import Done, Report
from hpo.records.charges import spent_seconds
from hpo.records.events import Work
from hpo.records.files import read_records
from hpo.records.trainings import Confirmation, Rung, Trial
from hpo.search.coordinator import run_experiment


class Enough(BaseException):
    """A trial came to the score that was asked for."""


@dataclass
class Watch:
    """Notes when each training ended; raises ``Enough`` at the first whole trial with the score ``enough``."""

    started_at: float
    enough: float | None = None
    done: list[Done] = field(default_factory=list)
    duplicates: list[float] = field(default_factory=list)
    _last: float | None = None

    def started(self, work: Work) -> None:
        """Nothing is noted."""

    def rung(self, work: Work, rung: Rung) -> None:
        """Nothing is noted."""

    def trial(self, trial: Trial) -> None:
        self._note(trial, trial.score, pruned=trial.state == "pruned", hit=trial.duplicate_of is not None)
        if self.enough is not None and trial.score is not None and trial.score >= self.enough:
            raise Enough

    def confirmation(self, confirmation: Confirmation) -> None:
        self._note(confirmation, confirmation.validation_score, pruned=False, hit=False)

    def note(self, text: str) -> None:
        """Nothing is noted."""

    def _note(self, item: Trial | Confirmation, accuracy: float | None, *, pruned: bool, hit: bool) -> None:
        now = time.perf_counter() - self.started_at
        evaluations = tuple(rung.steps for rung in item.rungs if rung.steps)
        study = f"{item.strategy}.{item.replicate}"
        confirmation = isinstance(item, Confirmation)
        steps = item.segments[-1].steps
        self.done.append(Done(study, steps, evaluations, accuracy, now, pruned, confirmation))
        if hit and self._last is not None:
            self.duplicates.append(now - self._last)
        self._last = now


def run(
    space: Path,
    results: Path,
    tracking: str,
    workers: int | None,
    started: float,
    enough: float | None = None,
) -> Report:
    """Run ``space`` below ``results``, to its end or to a score that is ``enough``."""
    watch = Watch(started, enough)
    try:
        outcome = run_experiment(open_space(space), results, tracking, None, watch, workers=workers)
    except Enough:
        return Report(done=watch.done)
    ended = time.perf_counter() - started
    records = read_records(outcome.folder)
    return Report(
        training_seconds=spent_seconds((*records.trials, *records.confirmations)),
        done=watch.done,
        profile={**outcome.profile, "wall": outcome.wall_seconds},
        trained=outcome.trained,
        extra={"ended": ended, "hits": watch.duplicates},
    )
