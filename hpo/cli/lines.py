"""A run as plain lines, for logs and pipes: one an ended training and phase, without control characters."""

from __future__ import annotations

from typing import IO

from hpo.cli.progress import Progress
from hpo.cli.words import count_of, printable, score
from hpo.records.events import Work
from hpo.records.trainings import Confirmation, Rung, Trial


class PlainLines:
    """Observer that writes. What is told before anything starts was found stored: it gets one line in all."""

    def __init__(self, progress: Progress, out: IO[str]) -> None:
        self._progress = progress
        self._out = out
        self._phase = ""
        self._stored = 0

    def started(self, work: Work) -> None:
        """Tell of a new phase."""
        self._tell_stored()
        self._enter("confirmation" if work.confirmation else "search")
        self._progress.started(work)

    def rung(self, work: Work, rung: Rung) -> None:
        """Count; rungs have no line."""
        self._progress.rung(work, rung)

    def trial(self, trial: Trial) -> None:
        """Tell how a trial ended."""
        p = self._progress
        p.trial(trial)
        if not self._phase:
            self._stored += 1
            return
        where = f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}"
        self._write(
            f"trial {p.trials}/{p.in_all(*p.tallies.values())}: {where}: {_outcome(trial, p.plan.metric.name)}; "
            f"{p.outlook()}"
        )

    def confirmation(self, confirmation: Confirmation) -> None:
        """Tell that it is over, not its score."""
        c, p = confirmation, self._progress
        p.confirmation(c)
        if not self._phase:
            self._stored += 1
            return
        where = f"{c.strategy}, replicate {c.replicate}, seed {c.index}"
        left = p.outlook()
        self._write(f"confirmation {p.confirmations}/{p.total_confirmations}: {where}: scored; {left}")

    def note(self, text: str) -> None:
        """Pass a note on."""
        self._tell_stored()
        self._progress.note(text)
        self._write(f"note: {text}")

    def close(self) -> None:
        """Tell what was still held back."""
        self._tell_stored()

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        plan = self._progress.plan
        if phase == "search":
            trials, studies = count_of(plan.trials, "trial"), count_of(plan.studies, "study")
            most = "at most " if plan.limit.by_cost or plan.may_end_early else ""
            self._write(f"search: {most}{trials} in {studies}, {count_of(len(plan.strategies), 'strategy')}")
        else:
            total = count_of(self._progress.total_confirmations, "training")
            self._write(f"confirmation: {total} with fresh seeds, each scored once on the test split")

    def _tell_stored(self) -> None:
        if self._stored:
            self._write(f"found finished from before: {count_of(self._stored, 'training')}")
        self._stored = 0

    def _write(self, text: str) -> None:
        print(printable(text), file=self._out, flush=True)


def _outcome(trial: Trial, metric: str) -> str:
    if trial.duplicate_of is not None:
        return f"{trial.state}, the configuration of draw {trial.duplicate_of}, not trained again"
    if trial.state == "complete":
        return f"complete, validation {metric} {score(trial.score)}"
    examples = trial.segments[-1].examples if trial.segments else 0
    return f"{trial.state} after {examples:,} examples ({trial.reason})"
