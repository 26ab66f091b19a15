"""The job that is disturbed, and what must be as in a run that nothing disturbed.

``hpo run`` is forked from this process, which has imported what the command imports: a kill before that has nothing to
harm, and fifty kills would spend ten minutes on imports. ``command=True`` gives the command line itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hpo.records.files import read_records
from hpo.records.sealed import sealed_json, unseal
from hpo.search.database import Database
from hpo.search.storage import StudyStorage

NAME = "faults"
# MiniLM of which the top layer or the head alone is trained, on film reviews; draws and pruning look at results.
SPACE = """\
question: Which schedule, under faults?
task: {{data: {data}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, wsd], reference: linear}}
parameters:
  learning_rate: {{low: 1e-4, high: 1e-2, log: true}}
  frozen_layers: {{choices: [{below}, {layers}]}}
  batch_size: 16
  epochs: 4
baseline: {{learning_rate: 2e-5, schedule: constant, frozen_layers: {below}, batch_size: 16, epochs: 4}}
budget: {{replicates: 3, trials: 3, rungs: [64, 128], sampler: tpe, startup_trials: 2, pruner: median}}
confirmation: {{seeds: 1}}
"""
MIRRORED = (
    "SELECT t.value, r.status FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid WHERE t.key = 'hpo.key'"
)
CLOCKS = {"seconds", "spent", "test_seconds", "retrained_seconds", "stamp", "workers"}
LONGEST = 900.0  # seconds, after which a run hangs


class TrackingServer(Protocol):
    """An MLflow server, for one study alone."""

    @property
    def uri(self) -> str:
        """With user and password."""

    def query(self, statement: str) -> list[tuple[str, str]]:
        """What its database answers."""


class Process:
    """One ``hpo run`` under way. ``pid``: of the coordinator, which leads a process group of its own."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self._log = log
        self._code: int | None = None

    def ends_within(self, seconds: float) -> bool:
        """Wait so long; whether it ended."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self) -> int:
        """Its exit code."""
        if not self.ends_within(LONGEST):
            self.kill()
            raise TimeoutError(f"hpo run did not end in {LONGEST} s:\n{self.printed}")
        assert self._code is not None
        return self._code

    def kill(self) -> None:
        """SIGKILL, and wait."""
        os.kill(self.pid, signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.001)

    @property
    def printed(self) -> str:
        """What it said on both streams."""
        return self._log.read_text(encoding="utf-8", errors="replace")


class Study:
    """A folder with a space file and the results of its run.

    Args:
        workers: of each ``hpo run``, of one thread each.
        layers: of the model.
    """

    def __init__(
        self,
        folder: Path,
        workers: int = 1,
        data: str = "movie",
        model: str = "all-MiniLM-L6-v2",
        layers: int = 6,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.results = folder / "results"
        self.run = self.results / NAME
        self.store = self.results / ".store"
        self.database = self.results / "mlflow.db"
        self.workers = workers
        self.store_limit = "6GB"
        self.storage: str | None = None  # URL of the studies' database
        self.server: TrackingServer | None = None
        self._log = folder / "log.txt"
        text = SPACE.format(data=data, model=model, below=layers - 1, layers=layers)
        (folder / f"{NAME}.yaml").write_text(text, encoding="utf-8")

    def start(
        self,
        *,
        command: bool = False,
        before: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Begin ``hpo run``, or go on.

        Args:
            before: called in its process before the command.
            environment: more of it.
        """
        arguments = [
            "run",
            "--space",
            f"{NAME}.yaml",
            "--workers",
            str(self.workers),
            "--quiet",
            "--device",
            "cpu",
            "--store-limit",
            self.store_limit,
        ]
        if self.server is not None:
            arguments += ["--tracking-uri", self.server.uri]
        elif self.database.parent != self.results:
            arguments += ["--tracking-uri", f"sqlite:///{self.database}"]
        if self.storage is not None:
            arguments += ["--storage", self.storage]
        more = {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1", **(environment or {})}
        self._log.write_text("")
        pid = self._command(arguments, more) if command else self._fork(arguments, more, before)
        return Process(pid, self._log)

    def finish(self, **how: Any) -> tuple[int, str]:
        """Run to the end: exit code, what was printed."""
        process = self.start(**how)
        return process.wait(), process.printed

    def copy(self, folder: Path) -> Study:
        """The same study in another folder, as it stands."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = Study(folder, self.workers)
        shutil.copy(self.folder / f"{NAME}.yaml", folder)
        return other

    def beside(self) -> Study:
        """The same folder, with a log of its own."""
        other = Study(self.folder, self.workers)
        other._log = self.folder / "other.txt"
        return other

    def opened(self) -> StudyStorage:
        """The studies in Optuna's storage; to be closed."""
        if self.storage is None:
            return StudyStorage(self.run)
        run_id = (self.run / "run-id").read_text(encoding="utf-8").strip()
        return StudyStorage(self.run, database=Database(self.storage, run_id, print))

    def mirrored(self) -> list[tuple[str, str]]:
        """What each run in MLflow mirrors, and its status."""
        if self.server is not None:
            return sorted(self.server.query(MIRRORED))
        connection = sqlite3.connect(self.database)
        try:
            return sorted(connection.execute(MIRRORED).fetchall())
        finally:
            connection.close()

    def segments(self) -> int:
        """How many segments are stored."""
        return sum(path.suffix == ".json" for path in (self.store / "segments").glob("*"))

    def trainings(self) -> int:
        """How many segments were begun by all processes that ``counted`` saw."""
        path = self.folder / "trainings"
        return path.stat().st_size if path.is_file() else 0

    def counted(self) -> None:
        """In the process of a run of one worker: note each segment that it begins to train, for who kills it."""
        from hpo.runtime import worker
        from hpo.training.loop import train_segment

        file = os.open(self.folder / "trainings", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

        def noted(*args: Any, **how: Any) -> Any:
            os.write(file, b".")
            return train_segment(*args, **how)

        vars(worker)["train_segment"] = noted

    def phase(self) -> str:
        """How far the run is, by what it has left."""
        records = self.run / "records"
        if not (records / "run.json").is_file():
            return "loading"
        if (self.run / "report.html").is_file():
            return "finishing"
        if any((records / "confirmations").glob("*.json")):
            return "confirming"
        return "searching" if any((records / "trials").glob("*.json")) else "beginning"

    def _command(self, arguments: list[str], more: dict[str, str]) -> int:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "hpo", *arguments],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **more},
                start_new_session=True,
            ).pid

    def _fork(self, arguments: list[str], more: dict[str, str], before: Callable[[], None]) -> int:
        from hpo.cli.main import execute

        if pid := os.fork():
            return pid
        code = 1
        try:
            os.setsid()
            os.chdir(self.folder)
            os.environ.update(more)
            log = os.open(self._log, os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            before()
            code = execute(arguments)
        except BaseException:  # noqa: BLE001 - as a process ends
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


@dataclass(frozen=True)
class Left:
    """What a finished run left, without clocks: equal for two runs of one space that nothing was lost or doubled in.

    Attributes:
        trials: of Optuna's journal, study by study.
        mirrored: of each MLflow run what it mirrors, and its status.
        segments: key to loss and digest of the state at its end; ``evaluations``: key to scores. None: damaged.
    """

    records: Any
    trials: Any
    mirrored: list[tuple[str, str]]
    segments: dict[str, Any]
    evaluations: dict[str, Any]

    def differences(self, other: Left) -> list[str]:
        """Names of what is not equal. A damaged fact that nobody asked for again is still damaged, and tells nothing."""
        damaged = {
            key
            for facts in (self.segments, self.evaluations)
            for key, value in facts.items()
            if value is None
        }

        def told(left: Left, name: str) -> Any:
            value = getattr(left, name)
            if name not in ("segments", "evaluations"):
                return value
            return {key: fact for key, fact in value.items() if key not in damaged}

        return [name for name in self.__dataclass_fields__ if told(self, name) != told(other, name)]


def left_by(study: Study) -> Left:
    """Read what a finished run left."""
    records = read_records(study.run)
    studies = [(s, r) for s in records.run.strategies for r in range(records.run.replicates)]
    with closing(study.opened()) as storage:
        trials = {
            name: [
                (t.state, t.params, t.values, t.intermediate_values) for t in storage.study(*name).trials()
            ]
            for name in studies
        }
    return Left(
        records=_without_clocks(records.model_dump(mode="json")),
        trials=trials,
        mirrored=study.mirrored(),
        segments=_facts(study.store / "segments"),
        evaluations=_facts(study.store / "evaluations"),
    )


def _facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        data = path.read_bytes()
        try:
            # A bit in the seal's own name leaves an unknown field, which whoever reads the fact refuses.
            found[path.name] = None if unseal(data) == data else _without_clocks(sealed_json(data))
        except ValueError:
            found[path.name] = None
    return found


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_clocks(v) for k, v in value.items() if k not in {*CLOCKS, "checksum"}}
    return [_without_clocks(v) for v in value] if isinstance(value, list) else value
