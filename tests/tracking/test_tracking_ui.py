"""The MLflow page: the real server as a child, and tracking through it."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracked_run import TABLE, Made, Told, make_run, tell

from hpo.errors import UserError
from hpo.tracking import ui
from hpo.tracking.uri import default_uri

PROGRAM = (
    "import sys; from hpo.tracking.ui import serve; sys.exit(serve(sys.argv[1], 'schedules', None, False))"
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ui") / "results"
    Told(default_uri(folder), make_run(), "run1")
    return folder


@pytest.fixture
def page(results: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and the link it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, default_uri(results)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true"},  # which it does not pass on
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


def server_of(port: int) -> list[int]:
    """Processes of MLflow's server on ``port``."""
    found = subprocess.run(
        ["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True
    ).stdout
    return [int(line.split()[0]) for line in found.splitlines() if f"--port {port}" in line]


def test_the_page_opens_takes_a_run_without_storing_the_password_and_ends_without_orphans(
    page: tuple[subprocess.Popen[str], str], results: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process, line = page
    found = re.fullmatch(
        r"MLflow: (http://127\.0\.0\.1:(\d+))/#/experiments/1/runs\?workflowType=machine_learning"
        r"&viewStateShareKey=hpo\n",
        line,
    )
    assert found is not None, line
    address, port = found[1], int(found[2])
    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "")
        tracker = Told(f"http://ann:s3cr3t@127.0.0.1:{port}", make_run(), "run2")
        tell(tracker, Made("linear", 0, 0, (0.5, 0.6)))
        (tmp_path / "f.txt").write_text("x")
        tracker.finish(tmp_path / "f.txt", tmp_path / "f.txt", [], tmp_path / "f.txt", "A verdict.", TABLE)
    with sqlite3.connect(results / "mlflow.db") as connection:
        dump = "\n".join(connection.iterdump())
        ended = connection.execute(
            "select count(*) from runs join tags using (run_uuid) where key='hpo.run' and value='run2'"
            " and status='FINISHED'"
        ).fetchone()
    assert ended == (6,)
    output = "".join(capfd.readouterr())
    assert "s3cr3t" not in dump + output
    assert output == ""
    assert len(server_of(port)) >= 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert server_of(port) == []
    assert {file.name for file in tmp_path.iterdir()} == {"f.txt"}
    assert {file.name for file in results.iterdir()} == {"mlflow.db", "mlflow.db.lock", "mlflow_artifacts"}


def test_the_page_answers_neither_another_host_nor_another_origin(
    page: tuple[subprocess.Popen[str], str],
) -> None:
    """DNS rebinding, and a form on somebody's page, both through the user's own browser."""
    address = page[1].removeprefix("MLflow: ").split("/#", 1)[0]
    search, body = f"{address}/api/2.0/mlflow/experiments/search?max_results=1", b'{"name": "theirs"}'
    create = f"{address}/api/2.0/mlflow/experiments/create"
    own = {"Content-Type": "application/json"}
    for request in (
        urllib.request.Request(search, headers={"Host": "evil.example"}),
        urllib.request.Request(create, body, {**own, "Origin": "http://evil.example"}),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == 403
    with urllib.request.urlopen(search) as answer:
        assert b"theirs" not in answer.read()


def test_without_a_database_there_is_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ui.serve(default_uri(tmp_path), None, None, False)
    assert caught.value.message == f"{tmp_path}/mlflow.db does not exist: no run is tracked there yet"
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused(results: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            ui.serve(default_uri(results), None, port, False)
    assert caught.value.message == f"port {port} is taken or not allowed"


def test_an_unknown_experiment_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {
        "experiments": [
            {"name": "schedules", "experiment_id": "7"},
            {"name": "Default", "experiment_id": "0"},
        ]
    }
    monkeypatch.setattr(ui, "request_json", lambda *_: answer)
    assert ui._page("http://127.0.0.1:1", "schedules").startswith("#/experiments/7/runs?")
    with pytest.raises(UserError) as caught:
        ui._page("http://127.0.0.1:1", "scheduls")
    assert caught.value.message == (
        "experiment 'scheduls' is not tracked at http://127.0.0.1:1; the nearest is 'schedules'"
    )


def test_a_server_that_ends_by_itself_is_told_with_its_last_words(
    results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(program))
    with pytest.raises(UserError) as caught:
        ui.serve(default_uri(results), None, None, False)
    assert caught.value.message == "MLflow's server ended: no such module"
