"""Servers that go away and come back: MLflow's, and the PostgreSQL that keeps Optuna's studies. Both are real."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.study import Process, Study
from tests import postgres
from tests.mlflow_server import MlflowServer
from tests.postgres import Postgres

ABSENCE = 60.0  # seconds


class Tracking(MlflowServer):
    """An MLflow server with accounts, whose entries are in PostgreSQL."""

    def __init__(self, study: Study, database: Postgres) -> None:
        folder = study.folder / "mlflow"
        folder.mkdir()
        self._database = database
        super().__init__(folder, database)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What its database answers."""
        return self._database.execute(statement, "tracking")


def mlflow_away(bench: Bench, times: int) -> Found:
    """``kill -9`` of an MLflow server with all its processes, and a minute later another in its place."""
    found, away = Found(), 0
    for number in range(times):
        study = bench.study(f"away-{number}")
        with _database() as database:
            server = Tracking(study, database)
            study.server = server
            try:
                process = study.start(before=study.counted)
                _some_segments(study, process)
                process.ends_within(bench.random.uniform(0.0, 0.6 * bench.undisturbed.seconds))
                server.down()
                process.ends_within(ABSENCE)
                away += process.poll() is None
                server.up()
                bench.compare(study, process.wait(), process.printed, found)
            finally:
                server.down()
    return found.tell(times=times, still_waiting_when_it_came_back=away)


def postgres_restarted(bench: Bench, times: int) -> Found:
    """PostgreSQL ended, every second time as by a crash, and started up to five seconds later, one time after another."""
    found, restarts, runs = Found(), 0, 0
    with _database() as database:
        while restarts < times:
            study = bench.study(f"restarted-{restarts}")
            study.storage = database.make(f"studies{runs}")
            runs += 1
            process = study.start(before=study.counted)
            _some_segments(study, process)
            while restarts < times and not process.ends_within(bench.random.uniform(0.0, 3.0)):
                database.down(signal.SIGQUIT if restarts % 2 else signal.SIGINT)
                process.ends_within(bench.random.uniform(0.0, 5.0))
                database.up()
                restarts += 1
            bench.compare(study, process.wait(), process.printed, found)
    return found.tell(times=restarts, runs=runs)


def _some_segments(study: Study, process: Process) -> None:
    """Wait until it trains: a server that is away when a run begins is refused at once, as a mistyped address is."""
    while not study.segments() and process.poll() is None:
        time.sleep(0.01)


@contextmanager
def _database() -> Iterator[Postgres]:
    server = postgres.start()
    try:
        yield server
    finally:
        postgres.remove(server)


FAULTS: dict[str, Any] = {"mlflow_away": (mlflow_away, 5), "postgres_restarted": (postgres_restarted, 20)}
