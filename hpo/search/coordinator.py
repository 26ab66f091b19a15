"""A run from its space file to its report. The one process that opens the storage, decides, tells and records."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from hpo.config.experiment import Experiment
from hpo.config.parameters import Value
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.events import Observer, Work
from hpo.records.files import (
    is_finished,
    mark_finished,
    mark_test_opened,
    read_records,
    read_run,
    write_confirmation,
    write_run,
)
from hpo.records.metrics import METRICS
from hpo.records.redaction import has_names, without_names
from hpo.records.run import Run, Stamp
from hpo.records.trainings import Trial
from hpo.report.writing import Report, write_report
from hpo.runtime.engine import Engine, On
from hpo.runtime.jobs import Done
from hpo.runtime.loading import cores
from hpo.runtime.parts import as_trained
from hpo.runtime.serving import Wanted
from hpo.search.accounts import BASELINE, mechanism
from hpo.search.circumstances import refuse_changes, refuse_names, refuse_other_circumstances
from hpo.search.confirm import confirm
from hpo.search.database import Database, settle_place
from hpo.search.draws import strategy_values, width
from hpo.search.endings import Endings, TrialKey
from hpo.search.lanes import Condition, Lane, Training
from hpo.search.order import Order
from hpo.search.plan import forks
from hpo.search.prepare import prepare, run_record, slower_starts
from hpo.search.scheduler import Scheduler
from hpo.search.stamp import stamp
from hpo.search.stopping import Requests
from hpo.search.storage import StudyStorage
from hpo.search.total import Total
from hpo.search.trials import TrialRunner
from hpo.search.warm import Kept, keep, sentence, take_up
from hpo.search.watchers import Watchers
from hpo.seeds import derive
from hpo.tracking.tracker import Tracker
from hpo.tracking.uri import default_uri
from hpo.training.store import STORE_LIMIT, store_folder


@dataclass(frozen=True)
class Outcome:
    """What a finished run left.

    Attributes:
        profile: device-seconds by kind of work done now.
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
    workers: int | None = None,
    store_limit: int | None = None,
    redact: bool = False,
    on: On = "here",
    storage: str | None = None,
) -> Outcome:
    """Run ``space`` to its end below ``results``, from wherever an earlier run of it stopped.

    Args:
        workers: processes that train; None: as many as are fastest here (``hpo.runtime.engine``).
        store_limit: bytes of states and hidden values that are kept below ``results``; None: the space's, else the default.
        redact: name classes by number in all that is written; a run that was begun so goes on so.
        on: where workers are: here, or on a Ray cluster.
        storage: URL of the database for the studies (``hpo.search.database``); None: a journal file in the run's folder.

    Raises:
        UserError: the space file changed under records, another process has the folder, or something is missing.
        Stopped: ``hpo stop`` asked for it; the same call goes on.
    """
    started = time.perf_counter()
    uri = tracking_uri or default_uri(results)
    folder = results / space.experiment.name
    refuse_changes(space, folder)
    if redact:
        refuse_names(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            if is_finished(folder):
                report = write_report(folder)
                seconds = time.perf_counter() - started
                return Outcome(folder, report, {"report": seconds}, 0, seconds)
            watchers = Watchers([observer])
            with (
                Requests(folder) as requests,
                closing(_studies(space.experiment, folder, storage, watchers)) as studies,
            ):
                return _tracked(
                    space,
                    results,
                    uri,
                    device,
                    watchers,
                    studies,
                    workers,
                    store_limit,
                    redact,
                    on,
                    started,
                    requests,
                )
    except Timeout:
        raise UserError(
            f"another process is at work on {folder}",
            "Wait for it (`hpo status` shows how far it is), or give the other one another --results folder.",
        ) from None


def _tracked(
    space: Space,
    results: Path,
    uri: str,
    device: str | None,
    watchers: Watchers,
    studies: StudyStorage,
    workers: int | None,
    store_limit: int | None,
    redact: bool,
    on: On,
    started: float,
    requests: Requests,
) -> Outcome:
    """Train with an engine and a tracker of its own; both load while this process does."""
    limits = (store_limit, space.experiment.store_limit, STORE_LIMIT)
    folder = results / space.experiment.name
    wanted = Wanted(
        experiment=space.experiment,
        device=device,
        forks=forks(space.experiment),
        store=store_folder(results),
        room=next(limit for limit in limits if limit is not None),
        mechanism=mechanism(space.experiment, folder),
    )
    begun = read_run(folder)
    if (
        workers is None and begun is not None and on == "here"
    ):  # the rule looks at the memory, which may be another now
        workers = min(begun.device.workers, cores())
    tracker = Tracker(uri, Watchers(watchers.observers).note)  # to the others: not to itself
    try:
        before = None if begun is None else begun.device
        with closing(Engine(wanted, workers, width(space.experiment), on, before)) as engine:
            try:
                return _run(space, folder, tracker, engine, watchers, studies, redact, started, requests)
            except BaseException:
                tracker.begin_interrupt()  # it writes while the workers end
                raise
    except BaseException:
        tracker.interrupt()
        raise


def _run(
    space: Space,
    folder: Path,
    tracker: Tracker,
    engine: Engine,
    watchers: Watchers,
    studies: StudyStorage,
    redact: bool,
    started: float,
    requests: Requests,
) -> Outcome:
    wanted = engine.wanted
    loaded = prepare(space, wanted.device, engine.threads, wanted.mechanism, engine.precision)
    head = run_record(loaded, engine.workers)
    begun = read_run(folder)
    if redact or (begun is not None and not has_names(begun)):
        head = without_names(head)
    refuse_other_circumstances(folder, head)
    closed = begun.closed if begun is not None and begun.total == head.total else None
    taken = take_up(space, head, begun, folder)
    if taken is not None:
        keep(taken, folder)
    stopped = None if begun is None else begun.early_stop
    head = head.model_copy(
        update={"closed": closed, "early_stop": stopped, "warm_start": None if taken is None else taken.told}
    )
    head = head.model_copy(update={"stamp": _stamp(folder, head, space)})
    (folder / "space.yaml").write_text(space.text, encoding="utf-8")
    write_run(folder, head)
    engine.begin(loaded)
    load = time.perf_counter() - started
    tracker.open(head, _run_id(folder), folder)
    watchers.add(tracker)
    for text in slower_starts(loaded):
        watchers.note(text)
    if taken is not None:
        watchers.note(sentence(taken.told))
    total = Total(space.experiment, folder, started)
    run = _Run(
        space.experiment,
        engine,
        watchers,
        studies,
        folder,
        requests,
        total,
        None if taken is None else taken.kept,
    )
    run.train()
    at = time.perf_counter()
    report = write_report(folder)
    reported = time.perf_counter() - at
    verdict = "\n".join(report.verdict.sentences)
    main_table = (folder / "tables" / "main.md").read_text(encoding="utf-8")
    tables = list(report.tables)
    tracker.finish(folder / "space.yaml", report.html, tables, report.markdown, verdict, main_table)
    mark_finished(folder)
    wall = time.perf_counter() - started
    finishing = wall - (at - started) - reported
    profile = {
        **run.seconds,
        "load": load,
        "track": watchers.seconds + finishing,
        "report": reported,
    }
    profile["other"] = max(0.0, wall - sum(profile.values()))
    return Outcome(folder, report, profile, run.trained, wall)


class _Run:
    """The searches and the confirmations, in the order of ``hpo.search.order``.

    A worker for which no search has anything trains confirmations of studies that have ended, as far as that goes
    without the test split, which is opened when all studies have.

    Attributes:
        trained: number of segments trained now.
        seconds: device-seconds spent now in the executor, by kind of work.
    """

    def __init__(
        self,
        experiment: Experiment,
        engine: Engine,
        watchers: Watchers,
        studies: StudyStorage,
        folder: Path,
        requests: Requests,
        total: Total,
        kept: Kept | None,
    ) -> None:
        self._experiment = experiment
        self._engine = engine
        self._watchers = watchers
        self._folder = folder
        known = read_records(folder)
        self._confirmed = {(c.strategy, c.replicate, c.index): c for c in known.confirmations}
        records: dict[TrialKey, Trial] = {(t.strategy, t.replicate, t.draw): t for t in known.trials}
        self._metric = METRICS[experiment.task.metric]
        endings = Endings(experiment, folder, known.run, records, studies, watchers, total)
        slots = engine.executor.slots
        engine.recall.expect(slots)
        self._order = Order(experiment, slots, [*records], watchers.note, endings.limit_of)
        watchers.add(self._order)
        self._trials = TrialRunner(
            experiment, engine.recall, studies, folder, watchers, records, endings, kept
        )
        self._scheduler = Scheduler(engine.executor, engine.recall, self._count, requests.soon)
        replicates = range(experiment.budget.replicates)
        self._searching = [
            (s, r) for s in experiment.strategies() for r in replicates
        ]  # is not over, as far as known
        self.trained = 0
        self.seconds: dict[str, float] = {}

    def train(self) -> None:
        """Every draw of every study; every selected configuration and the baseline, on the same fresh seeds."""
        self._scheduler.run(self._lanes())

    def _test_is_open(self) -> bool:
        """Opens the test split if every configuration is selected."""
        while self._searching and self._trials.is_over(*self._searching[-1]):
            self._searching.pop()
            if not self._searching:
                mark_test_opened(self._folder)
                self._engine.open_test()
        return not self._searching

    def _count(self, done: Done) -> None:
        self.trained += done.trained
        for kind, seconds in done.seconds.items():
            self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
        for text in done.warnings:
            self._watchers.note(text)

    def _lanes(self) -> Iterator[Lane]:
        """A lane for each study, with its confirmations behind it, and one for the baseline's, which wait for no study."""
        replicates = range(self._experiment.budget.replicates)
        for replicate in replicates:
            for strategy, value in strategy_values(self._experiment).items():
                urgency = partial(self._order.urgency, strategy, replicate)
                yield Lane(self._study(strategy, value, replicate), urgency)
        if self._experiment.baseline is not None:
            seeds = range(self._experiment.confirmation.seeds)
            confirmations = (self._confirm(BASELINE, r, index, None) for index in seeds for r in replicates)
            yield Lane(confirmations, self._order.urgency_of_baseline)

    def _study(self, strategy: str, value: Value | None, replicate: int) -> Iterator[Training | Condition]:
        yield from self._trials.study(strategy, value, replicate)
        yield lambda: self._trials.is_over(strategy, replicate)
        selected = self._trials.selected(strategy, replicate)
        if selected is None:
            self._watchers.note(
                f"{strategy}, replicate {replicate}: no trial was trained to its end, nothing to confirm"
            )
            return
        for index in range(self._experiment.confirmation.seeds):
            yield self._confirm(strategy, replicate, index, selected)

    def _confirm(self, strategy: str, replicate: int, index: int, selected: Trial | None) -> Training:
        """Confirm the trial that a study selected, or the baseline (None)."""
        known = self._confirmed.get((strategy, replicate, index))
        if known is not None:
            self._watchers.confirmation(known)
            return
        parameters = self._experiment.recipe() if selected is None else selected.parameters
        seed = derive(self._experiment.seed, "confirmation", replicate, index)
        computed: Mapping[str, Any] = parameters
        if selected is not None:
            first = selected.segments[0].key
            computed = as_trained(self._engine.recall, parameters, selected.seed, first)
        course = self._engine.recall.course(parameters, seed)
        work = Work(strategy, replicate, index, True, seed, parameters, course.seen[-1])
        self._watchers.started(work)
        role: Literal["baseline", "strategy"] = "baseline" if selected is None else "strategy"
        record = yield from confirm(
            self._watchers,
            len(course.rungs),
            work,
            role,
            selected,
            self._metric,
            tuple(self._experiment.task.shift),
            self._test_is_open,
            computed,
        )
        write_confirmation(self._folder, record)
        self._watchers.confirmation(record)


def _studies(experiment: Experiment, folder: Path, storage: str | None, watchers: Watchers) -> StudyStorage:
    """Where the run's studies are kept, opened before anything is loaded that takes time."""
    settle_place(folder, storage, begun=read_run(folder) is not None)
    database = None if storage is None else Database(storage, _run_id(folder), watchers.note)
    return StudyStorage(folder, METRICS[experiment.task.metric].maximize, database)


def _stamp(folder: Path, head: Run, space: Space) -> Stamp | None:
    """The stamp of the run: made before the first record, and never after it."""
    begun = read_run(folder)
    if begun is not None:
        return begun.stamp
    recorded = any((folder / "records").glob("*/*.json"))
    return None if recorded else stamp(head, space.path.parent)


def _run_id(folder: Path) -> str:
    """Names this run in the tracking store: made once, kept in the run's folder."""
    path = folder / "run-id"
    if not path.is_file():
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06d}\n")
        temporary.replace(path)
    return path.read_text().strip()
