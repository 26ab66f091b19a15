"""The mirror of a run in MLflow: comparison; strategy -> study -> trial, confirmation. Works in the tracking process."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.records.charges import charged_seconds
from hpo.records.events import Work
from hpo.records.run import Run
from hpo.records.trainings import Confirmation, Rung, Trial
from hpo.tracking import describe
from hpo.tracking.mirrored import Measured, MirroredRun, Point
from hpo.tracking.progress import (
    CHARGED,
    Names,
    Points,
    StrategyProgress,
    priced,
    rung_points,
    training_points,
)
from hpo.tracking.store import Store

COMPARISON = "comparison"
NOTES = "hpo.notes"  # tag of the comparison: one note a line
# Okabe and Ito's, told apart by colour-blind eyes; MLflow's own choice gave two strategies one colour.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
# Seconds that news wait for more of the same run: what ends within them costs one creation, one batch and one end.
TRAINING_PAUSE, PROGRESS_PAUSE = 0.7, 1.5
MOST = 100  # runs that are due, beyond which nothing is to be told: their contents lie in memory


@dataclass
class Entry:
    """A run of MLflow as it is to be, and what is still to be written of it.

    Attributes:
        tags: it is made with.
        start, ended: milliseconds since the epoch.
        begun: whether the training was told to begin.
        state: it ends with; None: it goes on.
    """

    key: str
    name: str
    above: Entry | None
    tags: dict[str, str]
    start: int
    params: dict[str, str] = field(default_factory=dict)
    points: dict[Point, Measured] = field(default_factory=dict)
    new_tags: dict[str, str] = field(default_factory=dict)
    begun: bool = False
    state: str | None = None
    ended: int | None = None

    def add(self, points: Points, at: int) -> None:
        """Metrics of the moment ``at``."""
        self.points |= {point: (value, at) for point, value in points.items()}


class Mirror:
    """Mirrors one run of ``hpo`` in MLflow.

    What it is told waits in memory until ``write_next`` writes it, run by run; ``is_behind`` says that it is enough.
    Telling it again what it was told, in this process or an earlier one, changes nothing. Runs that an interrupted or
    killed process left half-way are continued. ``at`` is when something happened, in milliseconds since the epoch.

    Args:
        store: in no experiment yet.
        run: head of the records; its name is the experiment's.
        run_id: tells runs of one experiment apart; the same on resuming.

    Raises:
        UserError: (the writing methods but ``interrupt``) the database or the server fails.
    """

    def __init__(self, store: Store, run: Run, run_id: str, at: int) -> None:
        self._run = run
        self._store = store
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, float] = {}  # key to when it is due, on the monotonic clock
        self._told: set[str] = set()
        names = [*run.strategies, *([] if run.baseline is None else [run.baseline])]
        self._names = Names(run.metric)
        self._number_ended, self._charged = 0, 0.0  # trainings, device-seconds of these
        self._progress = {
            n: StrategyProgress(self._names, run.replicates, run.replicates * run.seeds) for n in names
        }
        self._last_start = at - len(names) - 2  # they began before all that is told of
        store.enter(run.name, run_id)
        self._last_start = max(self._last_start, store.last_start)  # where the clock was set back since
        try:
            store.tag_experiment(describe.experiment_tags(run, run_id))
            self._open_top()
            self._notes = store.tag(self._opened(self._entries[COMPARISON]), NOTES).splitlines()
        except BaseException:
            self.interrupt()
            raise

    def started(self, at: int, work: Work) -> None:
        """A training began."""
        w = work
        entry = self._training(at, w.strategy, w.replicate, w.index, w.confirmation, w.seed, w.parameters)
        entry.begun = True
        self._news(entry)

    def rung(self, at: int, work: Work, rung: Rung) -> None:
        """A training was evaluated."""
        w = work
        entry = self._training(at, w.strategy, w.replicate, w.index, w.confirmation, w.seed, w.parameters)
        entry.add(rung_points((rung,), self._names), at)
        self._news(entry)

    def trial(self, at: int, trial: Trial, begun: int | None = None) -> None:
        """A trial ended; its record holds all that was told of it before. ``begun``: when, where that was not told."""
        t = trial
        if self._told_before(_key(t.strategy, t.replicate, t.draw, confirmation=False)):
            return
        began = at if begun is None else begun
        entry = self._training(began, t.strategy, t.replicate, t.draw, False, t.seed, t.parameters)
        entry.begun |= begun is not None
        entry.new_tags["hpo.reason"] = t.reason
        if t.duplicate_of is not None:
            entry.new_tags["hpo.duplicate_of"] = str(t.duplicate_of)
        self._ended(entry, at, t.state, training_points(t, self._names))
        self._progressed(at, t, *self._progress[t.strategy].add_trial(t))

    def confirmation(self, at: int, confirmation: Confirmation, begun: int | None = None) -> None:
        """A confirmation ended."""
        c = confirmation
        if self._told_before(_key(c.strategy, c.replicate, c.index, confirmation=True)):
            return
        began = at if begun is None else begun
        entry = self._training(began, c.strategy, c.replicate, c.index, True, c.seed, c.parameters)
        if c.draw is not None:
            entry.new_tags["hpo.draw"] = str(c.draw)
        self._ended(entry, at, "complete", training_points(c, self._names))
        self._progressed(at, c, *self._progress[c.strategy].add_confirmation(c))

    def head(self, run: Run) -> None:
        """The head of the records as it is now: which strategies stopped, and what ended the others."""
        self._run = run
        for name in () if run.early_stop is None else run.early_stop.strategies:
            strategy = self._entries[f"strategy/{name}"]
            strategy.new_tags["mlflow.note.content"] = describe.strategy(run, name)
            self._news(strategy)

    def note(self, text: str) -> None:
        """Keep a line with the comparison."""
        if text not in self._notes:
            self._notes.append(text)
            comparison = self._entries[COMPARISON]
            comparison.new_tags[NOTES] = "\n".join(self._notes)
            self._news(comparison)

    def pause(self) -> float | None:
        """Seconds until ``write_next`` has something to write; None: nothing waits."""
        now = time.monotonic()
        return max(0.0, min(self._waiting.values()) - now) if self._waiting else None

    def is_behind(self) -> bool:
        """Whether so much is due that it is to be written before more is told."""
        now = time.monotonic()
        return sum(due <= now for due in self._waiting.values()) >= MOST

    def write_next(self) -> None:
        """Write the first told of what is due, if anything is."""
        now = time.monotonic()
        key = next((key for key, due in self._waiting.items() if due <= now), None)
        if key is not None:
            self._write(key)

    def write_all(self) -> None:
        """Write all that waits, due or not, in the order in which it was told."""
        while self._waiting:
            self._write(next(iter(self._waiting)))

    def finish(
        self,
        at: int,
        space_file: Path,
        report: Path,
        tables: list[Path],
        verdict_file: Path,
        found: describe.Found,
    ) -> None:
        """Store the files and what was found with the comparison; end every run still open."""
        for name, progress in self._progress.items():
            self._entries[f"strategy/{name}"].add(progress.tests(), at)
            self._news(self._entries[f"strategy/{name}"])
        self.write_all()
        run = self._opened(self._entries[COMPARISON])
        files = [(space_file, None), (report, None), (verdict_file, None), *((t, "tables") for t in tables)]
        digest = hashlib.sha256(
            b"".join(path.name.encode() + path.read_bytes() for path, _ in files)
        ).hexdigest()
        if self._store.tag(run, "hpo.files") != digest:
            self._store.log_files(run, files)
            text = describe.comparison(self._run, found, self._notes)
            self._store.log(run, {}, {"mlflow.note.content": text, "hpo.files": digest})
            self._store.tag_experiment({"mlflow.note.content": describe.experiment(self._run, found)})
        self._close()

    def interrupt(self) -> None:
        """Write what waits and mark what is under way as KILLED; the same ``run_id`` continues it.

        What stopped the run is to be told, not failures here; and one must not keep the others from their end.
        """
        with suppress(UserError):
            self._store.look_again()  # a call that failed may have made a run all the same
            try:
                self.write_all()
            finally:
                self._store.look_again()
        for run in self._store.runs.values():
            if not run.deleted and run.status == "RUNNING":
                with suppress(UserError):
                    self._store.end(run, "interrupted")

    def _open_top(self) -> None:
        """Open the comparison and the strategies with the baseline; they start in the order in which they are listed."""
        run = self._run
        texts = {name: describe.strategy(run, name) for name in run.strategies}
        if run.baseline is not None:
            texts.setdefault(run.baseline, describe.baseline(run))
        tags = {"hpo.kind": COMPARISON, "mlflow.note.content": describe.comparison(run, None)}
        comparison = self._entry(COMPARISON, COMPARISON, None, tags, 0, _facts(run))
        if not self._opened(comparison).ended:
            self._write(COMPARISON)
        for i, (name, text) in enumerate(texts.items()):
            tags = {
                "hpo.kind": "strategy" if name in run.strategies else "baseline",
                "hpo.strategy": name,
                "mlflow.note.content": text,
                "mlflow.runColor": COLORS[i % len(COLORS)],
            }
            self._opened(self._entry(f"strategy/{name}", name, None, tags, 0))

    def _training(
        self,
        at: int,
        strategy: str,
        replicate: int,
        index: int,
        confirmation: bool,
        seed: int,
        parameters: Mapping[str, Any],
    ) -> Entry:
        short = f"{'s' if confirmation else 'd'}{index}"
        tags = {
            "hpo.kind": "confirmation" if confirmation else "trial",
            "hpo.strategy": strategy,
            "hpo.replicate": str(replicate),
            "hpo.index": str(index),
            "hpo.seed": str(seed),
        }
        above = self._study(at, strategy, replicate)
        key = _key(strategy, replicate, index, confirmation)
        params = {name: _param(value) for name, value in parameters.items()}
        return self._entry(key, f"{strategy} r{replicate} {short}", above, tags, at, params)

    def _study(self, at: int, strategy: str, replicate: int) -> Entry:
        """What stands above a training: its study; the baseline has none."""
        above = self._entries[f"strategy/{strategy}"]
        if strategy not in self._run.strategies:
            return above
        tags = {"hpo.kind": "study", "hpo.strategy": strategy, "hpo.replicate": str(replicate)}
        return self._entry(f"study/{strategy}/r{replicate}", f"{strategy} r{replicate}", above, tags, at)

    def _entry(
        self,
        key: str,
        name: str,
        above: Entry | None,
        tags: dict[str, str],
        at: int,
        params: dict[str, str] | None = None,
    ) -> Entry:
        if key not in self._entries:
            # No two start at once: MLflow's page orders rows by their start, and nests only what comes after its parent.
            self._last_start = max(at, self._last_start + 1)
            self._entries[key] = Entry(key, name, above, tags, self._last_start, params or {})
        return self._entries[key]

    def _ended(self, entry: Entry, at: int, state: str, points: Points) -> None:
        told = priced(points, self._run.price_per_hour)
        entry.add({p: value for p, value in told.items() if p not in entry.points}, at)
        entry.state, entry.ended = state, max(at, entry.start)
        self._waiting[entry.key] = time.monotonic()

    def _progressed(self, at: int, item: Trial | Confirmation, of_study: Points, of_strategy: Points) -> None:
        """Bring the metrics of a study, of its strategy and of the comparison up to date."""
        price = self._run.price_per_hour
        study, strategy = (
            self._study(at, item.strategy, item.replicate),
            self._entries[f"strategy/{item.strategy}"],
        )
        if study is not strategy:
            study.add(priced(of_study, price), at)
            self._news(study, PROGRESS_PAUSE)
        strategy.add(priced(of_strategy, price), at)
        self._news(strategy, PROGRESS_PAUSE)
        self._number_ended += 1
        self._charged += charged_seconds(item)
        self._entries[COMPARISON].add(priced({(CHARGED, self._number_ended): self._charged}, price), at)
        self._news(self._entries[COMPARISON], PROGRESS_PAUSE)

    def _news(self, entry: Entry, pause: float = TRAINING_PAUSE) -> None:
        self._waiting.setdefault(entry.key, time.monotonic() + pause)

    def _told_before(self, key: str) -> bool:
        """Whether this process was told that ``key`` ended."""
        before = key in self._told
        self._told.add(key)
        return before

    def _write(self, key: str) -> None:
        """Bring one run of MLflow up to date."""
        entry = self._entries[key]
        run = self._store.find(key)
        tags = entry.new_tags
        if run is None:
            above = None if entry.above is None else self._opened(entry.above)
            everything = entry.tags | entry.new_tags
            state = entry.state or "running"
            run, tags = self._store.create(key, entry.name, above, everything, entry.start, state), {}
        again = _is_tried_again(entry, run)
        if run.ended and _is_training(key) and not again:
            pass  # an earlier process has told it all
        elif entry.state is not None:
            self._store.end(run, entry.state, entry.points, tags, entry.params, entry.ended)
        else:
            self._store.take(run, again=again)
            self._store.log(run, entry.points, tags, entry.params)
        self._waiting.pop(key, None)
        entry.points, entry.new_tags, entry.params = {}, {}, {}
        if entry.state is not None:
            del self._entries[key]

    def _opened(self, entry: Entry) -> MirroredRun:
        """The run of what stands above trainings, made where it is missing, RUNNING again where it stopped half-way."""
        run = self._store.find(entry.key)
        if run is None:
            above = None if entry.above is None else self._opened(entry.above)
            return self._store.create(entry.key, entry.name, above, entry.tags, entry.start)
        self._store.take(run)
        return run

    def _close(self) -> None:
        """End what is open: a training that no record tells of as interrupted, then what stands above it."""
        runs = self._store.runs
        for key in sorted(runs, key=_closing_order):
            run = runs[key]
            if run.ended or run.deleted:
                continue
            if not _is_training(key):
                self._store.end(run, "complete")
            elif run.status == "RUNNING" or run.state != "interrupted":
                self._store.end(run, "interrupted", tags={"hpo.reason": "the run finished without it"})


def _key(strategy: str, replicate: int, index: int, confirmation: bool) -> str:
    if confirmation:
        return f"confirmation/{strategy}/r{replicate}/s{index}"
    return f"trial/{strategy}/r{replicate}/d{index}"


def _is_training(key: str) -> bool:
    return key.startswith(("trial/", "confirmation/"))


def _is_tried_again(entry: Entry, run: MirroredRun) -> bool:
    """Whether a training that failed begins again, or a draw that shares it ends otherwise."""
    return run.ended and run.state == "failed" and (entry.begun or entry.state not in {None, "failed"})


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
        "trials_per_study": ("at most " if run.limit.by_cost or run.may_end_early else "") + str(run.trials),
        **({} if run.examples is None else {"examples_per_study": str(run.examples)}),
        **({} if run.device_seconds is None else {"device_seconds_per_study": f"{run.device_seconds:g}"}),
        "confirmations_per_study": str(run.seeds),
        "test_items": str(run.split.test),
        **({} if run.price_per_hour is None else {"price_per_hour": f"{run.price_per_hour:g}"}),
        **({} if run.money is None else {"money_per_study": f"{run.money:g}"}),
        **({} if run.form is None else {"form": run.form}),
    }
