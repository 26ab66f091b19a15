"""The mirror of a run in MLflow: comparison; strategy -> study -> trial, confirmation."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.records.events import Work
from hpo.records.schema import Confirmation, Run, Rung, Trial
from hpo.tracking import describe
from hpo.tracking.progress import (
    Points,
    Progress,
    by_strategy,
    rung_points,
    strategy_points,
    test_points,
    training_points,
)
from hpo.tracking.store import MirroredRun, Store
from hpo.tracking.uri import check

COMPARISON = "comparison"
NOTES = "hpo.notes"  # tag of the comparison: one note a line
# Okabe and Ito's, told apart by colour-blind eyes; MLflow's own choice gave two strategies one colour.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")


class Tracker:
    """Mirrors one run of ``hpo`` in MLflow; fulfils ``hpo.records.events.Observer``. Only the coordinator opens one.

    Telling it again what it was told, in this process or an earlier one, changes nothing. Runs that an interrupted or
    killed process left half-way are continued.

    Args:
        uri: tracking URI (``hpo.tracking.uri``).
        run: head of the records; its name is the experiment's.
        run_id: tells runs of one experiment apart; the same on resuming.

    Raises:
        UserError: (any method but ``interrupt``) the database or the server cannot be used.
    """

    def __init__(self, uri: str, run: Run, run_id: str) -> None:
        check(uri)
        self._run = run
        self._store = Store(uri, run.name, run_id)
        self._studies: dict[tuple[str, int], Progress] = {}
        self._told: set[str] = set()
        try:
            self._store.tag_experiment(describe.experiment_tags(run, run_id))
            self._comparison, self._strategies = self._open_top()
            self._notes = self._store.tag(self._comparison, NOTES).splitlines()
        except BaseException:  # a stop by the user too: nobody else knows of what was opened
            self.interrupt()
            raise

    def started(self, work: Work) -> None:
        """Open the run of a training."""
        self._open(work.strategy, work.replicate, work.index, work.confirmation, work.seed, work.parameters)

    def rung(self, work: Work, rung: Rung) -> None:
        """Log an evaluation, unless its step has been."""
        w = work
        run = self._open(w.strategy, w.replicate, w.index, w.confirmation, w.seed, w.parameters)
        if not run.ended:
            self._store.log(run, rung_points((rung,)))

    def trial(self, trial: Trial) -> None:
        """End a trial's run, with all that its record holds and its run does not yet."""
        t = trial
        if self._told_before(_key(t.strategy, t.replicate, t.draw, confirmation=False)):
            return
        run = self._open(t.strategy, t.replicate, t.draw, False, t.seed, t.parameters)
        tags = {"hpo.reason": t.reason}
        if t.duplicate_of is not None:
            tags["hpo.duplicate_of"] = str(t.duplicate_of)
        self._end(run, t.state, training_points(t), tags)
        self._progress(t.strategy, t.replicate).add_trial(t)
        self._log_progress(t.strategy, t.replicate)

    def confirmation(self, confirmation: Confirmation) -> None:
        """End a confirmation's run."""
        c = confirmation
        if self._told_before(_key(c.strategy, c.replicate, c.index, confirmation=True)):
            return
        run = self._open(c.strategy, c.replicate, c.index, True, c.seed, c.parameters)
        tags = {} if c.draw is None else {"hpo.draw": str(c.draw)}
        self._end(run, "complete", training_points(c), tags)
        self._progress(c.strategy, c.replicate).add_confirmation(c)
        self._log_progress(c.strategy, c.replicate)

    def note(self, text: str) -> None:
        """Keep a line with the comparison."""
        if text not in self._notes:
            self._notes.append(text)
            self._store.log(self._comparison, {}, {NOTES: "\n".join(self._notes)})

    def finish(
        self, space_file: Path, report: Path, tables: list[Path], verdict_file: Path, verdict: str
    ) -> None:
        """Store the files and the verdict (plain sentences) with the comparison; end every run still open."""
        run = self._comparison
        files = [(space_file, None), (report, None), (verdict_file, None), *((t, "tables") for t in tables)]
        digest = hashlib.sha256(
            b"".join(path.name.encode() + path.read_bytes() for path, _ in files)
        ).hexdigest()
        if self._store.tag(run, "hpo.files") != digest:
            self._store.log_files(run, files)
            text = describe.comparison(self._run, verdict, self._notes)
            self._store.log(run, {}, {"mlflow.note.content": text, "hpo.files": digest})
        for name, group in self._strategies.items():
            self._store.log(group, test_points(by_strategy(self._studies, name)))
        self._close()

    def interrupt(self) -> None:
        """Mark what is under way as KILLED; the same ``run_id`` continues it. A store that fails is left as it is."""
        # What stopped the run is to be told, not these failures; and one must not keep the others from their end.
        with suppress(UserError):
            self._store.look_again()
        for run in self._store.runs.values():
            if not run.deleted and run.status == "RUNNING":
                with suppress(UserError):
                    self._store.end(run, "interrupted")

    def _open_top(self) -> tuple[MirroredRun, dict[str, MirroredRun]]:
        """The comparison and the strategies with the baseline; they start in the order in which they are listed."""
        run, store = self._run, self._store
        texts = {name: describe.strategy(run, name) for name in run.strategies}
        if run.baseline is not None:
            texts.setdefault(run.baseline, describe.baseline(run))
        start = int(time.time() * 1000) - len(texts)
        tags = {"hpo.kind": COMPARISON, "mlflow.note.content": describe.comparison(run, None)}
        comparison = store.open(COMPARISON, COMPARISON, None, tags, _facts(run), start)
        strategies = {}
        for i, (name, text) in enumerate(texts.items(), 1):
            kind = "strategy" if name in run.strategies else "baseline"
            color = COLORS[(i - 1) % len(COLORS)]
            tags = {
                "hpo.kind": kind,
                "hpo.strategy": name,
                "mlflow.note.content": text,
                "mlflow.runColor": color,
            }
            strategies[name] = store.open(f"strategy/{name}", name, tags=tags, start=start + i)
        return comparison, strategies

    def _open(
        self,
        strategy: str,
        replicate: int,
        index: int,
        confirmation: bool,
        seed: int,
        parameters: Mapping[str, Any],
    ) -> MirroredRun:
        key = _key(strategy, replicate, index, confirmation)
        short = f"{'s' if confirmation else 'd'}{index}"
        kind = "confirmation" if confirmation else "trial"
        tags = {
            "hpo.kind": kind,
            "hpo.strategy": strategy,
            "hpo.replicate": str(replicate),
            "hpo.index": str(index),
            "hpo.seed": str(seed),
        }
        params = {name: _param(value) for name, value in parameters.items()}
        parent = self._study(strategy, replicate)
        return self._store.open(key, f"{strategy} r{replicate} {short}", parent, tags, params)

    def _study(self, strategy: str, replicate: int) -> MirroredRun:
        """The run above a training: its study; the baseline has none."""
        above = self._strategies[strategy]
        if strategy not in self._run.strategies:
            return above
        tags = {"hpo.kind": "study", "hpo.strategy": strategy, "hpo.replicate": str(replicate)}
        return self._store.open(f"study/{strategy}/r{replicate}", f"{strategy} r{replicate}", above, tags)

    def _end(self, run: MirroredRun, state: str, points: Points, tags: Mapping[str, str]) -> None:
        if not run.ended:
            self._store.end(run, state, points, tags)

    def _told_before(self, key: str) -> bool:
        """Whether this process was told that ``key`` ended."""
        before = key in self._told
        self._told.add(key)
        return before

    def _progress(self, strategy: str, replicate: int) -> Progress:
        return self._studies.setdefault((strategy, replicate), Progress())

    def _log_progress(self, strategy: str, replicate: int) -> None:
        """Bring the metrics of a study and of its strategy up to date."""
        run = self._run
        if strategy in run.strategies:
            self._store.log(self._study(strategy, replicate), self._progress(strategy, replicate).points())
        points = strategy_points(
            by_strategy(self._studies, strategy), run.replicates, run.replicates * run.seeds
        )
        self._store.log(self._strategies[strategy], points)

    def _close(self) -> None:
        """End what is open: a training that no record tells of as interrupted, then what stands above it."""
        runs = self._store.runs
        for key in sorted(runs, key=_closing_order):
            run = runs[key]
            if run.ended or run.deleted:
                continue
            if key.startswith(("trial/", "confirmation/")):
                if run.status == "RUNNING" or run.state != "interrupted":
                    self._store.end(run, "interrupted", tags={"hpo.reason": "the run finished without it"})
            else:
                self._store.end(run, "complete")


def _key(strategy: str, replicate: int, index: int, confirmation: bool) -> str:
    if confirmation:
        return f"confirmation/{strategy}/r{replicate}/s{index}"
    return f"trial/{strategy}/r{replicate}/d{index}"


def _closing_order(key: str) -> int:
    order = ("trial", "confirmation", "study", "strategy", COMPARISON)
    return order.index(key.partition("/")[0])


def _param(value: Any) -> str:
    """A parameter's value as MLflow shows it: lists and truth values as JSON."""
    return json.dumps(value) if isinstance(value, list | tuple | bool) else str(value)


def _facts(run: Run) -> dict[str, str]:
    """What the comparison stands on, as parameters of its run."""
    return {
        "data": run.split.source,
        "model": run.model.source,
        "device": run.device.name,
        "precision": run.device.precision,
        "strategies": str(len(run.strategies)),
        "replicates": str(run.replicates),
        "trials_per_study": str(run.trials),
        "confirmations_per_study": str(run.seeds),
        "test_items": str(run.split.test),
    }
