"""A real PostgreSQL that freezes, whole or one connection of it, and connections that are lost within a change."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from psycopg import OperationalError

from hpo.errors import UserError
from hpo.search import connection as connection_module
from hpo.search import database as database_module
from hpo.search.connection import HeardConnection
from hpo.search.database import Database
from hpo.search.storage import StoredStudy, StudyStorage
from tests.postgres import Postgres

SPACE = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True)}


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    return f"{postgres.make('frozen')}?connect_timeout=2"  # the least that libpq knows


@pytest.fixture
def told() -> list[str]:
    """What the user is told."""
    return []


@pytest.fixture
def storage(
    url: str, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[StudyStorage]:
    """Studies of a run of its own, whose server is given up after half a second."""
    made = StudyStorage(tmp_path, True, Database(url, tmp_path.name, told.append))
    monkeypatch.setattr(connection_module, "ANSWER", 0.5)
    yield made
    made.close()


@contextmanager
def thawed_after(postgres: Postgres, seconds: float) -> Iterator[None]:
    back = threading.Timer(seconds, postgres.thaw)
    back.start()
    try:
        yield
    finally:
        back.join()


def begin(study: StoredStudy, value: float) -> None:
    study.begin({"learning_rate": value}, SPACE, seed=7)


def learning_rates(storage: StudyStorage) -> list[float]:
    return [trial.params["learning_rate"] for trial in storage.study("cosine", 0).trials()]


def test_a_server_that_freezes_costs_nothing_but_the_time(
    storage: StudyStorage, postgres: Postgres, told: list[str]
) -> None:
    study = storage.study("cosine", 0)
    begin(study, 1e-3)
    postgres.freeze()
    with thawed_after(postgres, 1.5):
        study.report(0, 64, 0.6)
        study.end(0, "complete", 0.6)
        begin(study, 2e-3)
    (first, second) = storage.study("cosine", 0).trials()
    assert (first.state, first.value, first.intermediate_values) == (TrialState.COMPLETE, 0.6, {64: 0.6})
    assert second.params == {"learning_rate": 2e-3}
    assert "does not answer (no answer for 0.5 seconds): trying again for 5 minutes" in told[0]
    assert told[1].endswith(" is back")
    assert len(told) == 2


def test_a_server_that_stays_frozen_is_a_user_error_after_the_time_that_was_told(
    storage: StudyStorage, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = storage.study("cosine", 0)
    monkeypatch.setattr(database_module, "AWAY", 0.3)
    postgres.freeze()
    try:
        with pytest.raises(UserError) as caught:
            study.trials()
    finally:
        postgres.thaw()
    assert "has not answered for 0.005 minutes: connection timeout expired" in caught.value.message
    assert "give the same command again" in caught.value.hint


def test_a_server_that_is_frozen_from_the_start_is_a_user_error(
    url: str, postgres: Postgres, tmp_path: Path
) -> None:
    postgres.freeze()
    try:
        with pytest.raises(UserError, match="connection timeout expired"):
            StudyStorage(tmp_path, True, Database(url, "run", print))
    finally:
        postgres.thaw()


def test_who_stops_a_run_does_not_wait_for_a_frozen_server_to_cancel_what_it_does(
    storage: StudyStorage,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = storage.study("cosine", 0)
    monkeypatch.setattr(connection_module, "ANSWER", 60)
    postgres.freeze()
    stop = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    stop.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            study.trials()
    finally:
        stop.join()
        postgres.thaw()
    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []
    assert learning_rates(storage) == []


def test_a_change_that_its_frozen_connection_makes_late_is_not_made_twice(
    storage: StudyStorage, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What works at the connection's other end stops with the end of the change still to be read."""
    study = storage.study("cosine", 0)
    commit, frozen = HeardConnection.commit, []

    def commit_to_one_that_froze(connection: HeardConnection) -> None:
        if not frozen:
            frozen.append(connection.pgconn.backend_pid)
            postgres.freeze(*frozen)
        commit(connection)

    monkeypatch.setattr(HeardConnection, "commit", commit_to_one_that_froze)
    with thawed_after(postgres, 1.5):
        begin(study, 1e-3)
    begin(study, 2e-3)
    assert learning_rates(storage) == [1e-3, 2e-3]


def test_a_change_that_was_made_and_its_answer_lost_is_not_made_twice(
    storage: StudyStorage, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = storage.study("cosine", 0)
    commit, lost = HeardConnection.commit, []

    def commit_unheard(connection: HeardConnection) -> None:
        commit(connection)
        if not lost:
            lost.append(connection)
            connection.close()
            raise OperationalError("the answer is lost")

    monkeypatch.setattr(HeardConnection, "commit", commit_unheard)
    begin(study, 1e-3)
    begin(study, 2e-3)
    assert learning_rates(storage) == [1e-3, 2e-3]
    assert "does not answer (the answer is lost)" in told[0]
