"""A store of MLflow that is away for a while: entries arrive later, none is lost and none is there twice."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tracked_run import TABLE, TRIALS, Recorded, Told, files, make_run, snapshot, tell, tell_all

from hpo.errors import UserError
from hpo.tracking import patience as module
from hpo.tracking import tracker as tracker_module
from hpo.tracking.patience import Patience
from hpo.tracking.store import Store
from hpo.tracking.uri import default_uri

Answer = Callable[[dict[str, Any], Callable[..., Any]], Any]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the undisturbed run "whole"; the server below writes to its database too."""
    folder = tmp_path_factory.mktemp("absence")
    whole = Told(default_uri(folder), make_run("whole"), "run1")
    tell_all(whole)
    whole.finish(*files(folder / "files"), "A verdict.", TABLE)
    return folder


class Server:
    """MLflow's own application on loopback, which can be stopped, and answers through ``through``."""

    def __init__(self, application: Answer) -> None:
        self._application = application
        self.through: Callable[[Answer], Answer] = lambda application: application
        self._port = 0
        self.up()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        from werkzeug.serving import make_server

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            return self.through(self._application)(environ, start_response)

        self._server = make_server("127.0.0.1", self._port, answer, threaded=True)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def application(results: Path) -> Iterator[Answer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_SERVER_FILE_STORE", default_uri(results))
        patch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(results / "served"))
        from mlflow.server import app, handlers

        patch.setattr(handlers, "_tracking_store", None)
        yield app


@pytest.fixture
def server(application: Answer) -> Iterator[Server]:
    made = Server(application)
    yield made
    made.down()


def patient(told: list[str], most: float = 60.0) -> Patience:
    return Patience(lambda away: away > most, told.append)


def test_a_change_that_failed_or_whose_answer_was_lost_is_there_once(
    results: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third change is made and answered by an error; every seventh is not made."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "TURN", 0.01)
    changes, lost = count(1), {"made": 0, "not made": 0}

    def through(application: Answer) -> Answer:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if environ["REQUEST_METHOD"] not in {"POST", "PUT"} or environ["PATH_INFO"].endswith("search"):
                return application(environ, start_response)
            number = next(changes)
            if number % 7 == 0 or number % 3 == 0:
                made = number % 7 != 0
                lost["made" if made else "not made"] += 1
                if made:
                    list(application(environ, lambda *_: lambda _: None))
                else:
                    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("503 Service Unavailable", [("Content-Length", "0")])
                return [b""]
            return application(environ, start_response)

        return answer

    server.through = through
    told: list[str] = []
    observer = Told(server.uri, make_run("faults"), "run1", patience=patient(told))
    tell_all(observer)
    observer.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    assert min(lost.values()) >= 8
    assert snapshot(results, "faults") == snapshot(results, "whole")
    assert sum(" is away (" in text for text in told) == sum(text.endswith(" is back") for text in told)


def test_a_server_that_is_away_for_a_while_is_told_afterwards_and_the_run_goes_on_meanwhile(
    results: Path, server: Server, tmp_path: Path
) -> None:
    said: list[str] = []
    tracker = Recorded(server.uri, said.append)
    tracker.open(make_run("away"), "run1", tmp_path / "run")
    tell(tracker, TRIALS[0])
    while not snapshot_or_nothing(results, "away").get("trial/linear/r0/d0"):
        time.sleep(0.05)
    server.down()
    tell_all(tracker)
    tracker.note("still at work")
    while not said:  # what has been told could not be written
        tracker.note("still at work")
        time.sleep(0.05)
    server.up()
    tracker.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    found, wanted = snapshot(results, "away"), snapshot(results, "whole")
    assert found["comparison"][3].pop("hpo.notes") == "still at work"
    for run in (found, wanted):
        run["comparison"][3].pop("mlflow.note.content")
    assert found == wanted
    assert len(said) == 2
    assert "is away (" in said[0]
    assert said[1].endswith(" is back")


def snapshot_or_nothing(results: Path, name: str) -> dict[str, Any]:
    try:
        return snapshot(results, name)
    except (AttributeError, ValueError):  # no experiment, or no run
        return {}


def test_a_server_that_stays_away_is_given_up_after_the_end_and_told_by_the_same_command(
    results: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with impatient_process(tmp_path, monkeypatch):
        tracker = Recorded(server.uri, print)
    tracker.open(make_run("stays"), "run1", tmp_path / "run")
    tell(tracker, TRIALS[0])
    while not snapshot_or_nothing(results, "stays").get("trial/linear/r0/d0"):
        time.sleep(0.05)
    server.down()
    tell_all(tracker)
    with pytest.raises(UserError) as caught:
        tracker.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    tracker.interrupt()
    server.up()
    assert "The records and the report of the run are whole" in caught.value.message
    assert "give the same command again" in caught.value.hint
    again = Recorded(server.uri, print)
    again.open(make_run("stays"), "run1", tmp_path / "run")
    tell_all(again)
    again.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    assert snapshot(results, "stays") == snapshot(results, "whole")


@contextmanager
def impatient_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tracking processes that wait for a second at the end."""
    script = folder / "impatient"
    program = "import hpo.tracking.process as p; p.LAST = 1.0; p.main()"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{program}'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with monkeypatch.context() as patch:
        patch.setattr(tracker_module.sys, "executable", str(script))
        yield


def test_a_run_stopped_while_the_server_is_away_ends_at_once(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    tracker = Recorded(server.uri, said.append)
    tracker.open(make_run("stopped"), "run1", tmp_path / "run")
    server.down()
    while not said:
        tell(tracker, TRIALS[0])
        time.sleep(0.05)
    tracker.interrupt()
    server.up()
    assert tracker._process.returncode == 0, "it ended by itself"


def test_a_wrong_password_is_no_absence(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def through(_application: Answer) -> Answer:
        def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            start_response("401 Unauthorized", [("Content-Length", "0")])
            return [b""]

        return answer

    server.through = through
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # and what the store sets is taken back
    with pytest.raises(UserError) as caught:
        Told(server.uri.replace("//", "//ann:hunter2@"), make_run("x"), "run1", patience=patient([]))
    assert "hunter2" not in caught.value.message
    assert "401" in caught.value.message
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "ann"


@pytest.mark.parametrize(
    ("part", "status", "body", "reason"),
    [
        ("/mlflow-artifacts/", "403 Forbidden", b"", "403"),
        ("/mlflow-artifacts/", "413 Content Too Large", b"<html>too large</html>", "413"),
        ("/runs/create", "403 Forbidden", b'{"detail": "Unauthorized"}', "Unauthorized"),
        ("/runs/log-batch", "413 Content Too Large", b"<html>too large</html>", "413"),
    ],
)
def test_what_is_refused_for_good_is_no_absence(
    server: Server, tmp_path: Path, part: str, status: str, body: bytes, reason: str
) -> None:
    """MLflow has another error for each: requests' for uploads, its own INTERNAL_ERROR for what no MLflow server says."""
    server.through = refusing(part, status, body)
    told: list[str] = []
    with pytest.raises(UserError) as caught:
        begin_and_finish(server, f"{part} {status}", tmp_path, told)
    assert reason in caught.value.message
    assert "failed" in caught.value.message
    assert told == []


@pytest.mark.parametrize("status", ["429", "500", "503", "522"])
@pytest.mark.parametrize(
    ("part", "body"), [("/runs/create", b"<html>one moment</html>"), ("/mlflow-artifacts/", b"")]
)
def test_a_proxy_whose_server_is_away_is_waited_for(
    server: Server, tmp_path: Path, status: str, part: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "TURN", 0.01)
    server.through = refusing(part, f"{status} Later", body, times=1)
    told: list[str] = []
    begin_and_finish(server, f"{part} {status}", tmp_path, told)
    assert [" is away (" in text for text in told] == [True, False]


def test_a_store_that_reads_and_cannot_write_is_not_waited_for_without_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "TURN", 0.01)
    server.through = refusing("/runs/create", "500 Disk Full", b"")
    told: list[str] = []
    store = Store(server.uri, patient(told, most=0.5))
    store.enter("reads", "run1")
    with pytest.raises(UserError, match="is away"):
        store.create("comparison", "comparison", None, {}, 0)
    assert [" is away (" in text for text in told] == [True]


def begin_and_finish(server: Server, name: str, folder: Path, told: list[str]) -> None:
    observer = Told(server.uri, make_run(name), "run1", patience=patient(told))
    observer.finish(*files(folder / "files"), "A verdict.", TABLE)


def refusing(part: str, status: str, body: bytes, times: int = 10**9) -> Callable[[Answer], Answer]:
    """What stands before a server and answers the first ``times`` requests to ``part`` itself."""
    asked = count()

    def through(application: Answer) -> Answer:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if part not in environ["PATH_INFO"] or next(asked) >= times:
                return application(environ, start_response)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(status, [("Content-Length", str(len(body)))])
            return [body]

        return answer

    return through


@pytest.fixture
def hasty_sqlite() -> Iterator[None]:
    """Of a locked file sqlite tells MLflow after 50 ms, and not after 20 s."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hasten(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return statement.replace("busy_timeout = 20000", "busy_timeout = 50"), parameters

    event.listen(Engine, "before_cursor_execute", hasten, retval=True)
    yield
    event.remove(Engine, "before_cursor_execute", hasten)


def test_a_database_that_another_process_has_locked_is_waited_for(
    results: Path, tmp_path: Path, hasty_sqlite: None
) -> None:
    told: list[str] = []
    observer = Told(default_uri(results), make_run("locked"), "run1", patience=patient(told))
    tell(observer, TRIALS[0])
    with sqlite3.connect(results / "mlflow.db", isolation_level=None, check_same_thread=False) as other:
        other.execute("begin immediate")
        held = threading.Timer(1.5, lambda: other.execute("rollback"))
        held.start()
        tell_all(observer)
        held.join()
    observer.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    other.close()
    assert snapshot(results, "locked") == snapshot(results, "whole")
    assert "database is locked" in told[0]
