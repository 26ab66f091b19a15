"""The tracking process, told by a coordinator that never imports mlflow."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tracked_run import (
    TABLE,
    TRIALS,
    Recorded,
    Told,
    files,
    history,
    make_run,
    read,
    snapshot,
    tell,
    tell_all,
)

from hpo.errors import UserError
from hpo.records.events import Observer
from hpo.tracking.uri import default_uri

HERE = Path(__file__).parent
HEAD = f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
import hpo.tracking.tracker, hpo.tracking.ui, hpo.tracking.uri
assert "mlflow" not in sys.modules
from tracked_run import TABLE, TRIALS, Recorded, files, make_run, tell, tell_all
tracker = Recorded(sys.argv[1], print)
tracker.open(make_run("space"), "run1", Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the whole run "space", mirrored in this process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    whole = Told(default_uri(folder), make_run("space"), "run1")
    tell_all(whole)
    whole.finish(*files(folder / "files"), "A verdict.", TABLE)
    return folder


def coordinator(folder: Path, program: str, results: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    results = results or folder / "results"
    command = [sys.executable, "-c", HEAD + program, default_uri(results), str(results / "run")]
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_process_writes_what_the_mirror_does_while_the_coordinator_never_imports_mlflow(
    undisturbed: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    program = f"""
tell_all(tracker)
tracker.finish(*files(Path({str(tmp_path / "files")!r})), "A verdict.", TABLE)
assert "mlflow" not in sys.modules
"""
    done = coordinator(work, program, tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert not list(tmp_path.glob("mlflow.db-*"))
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert snapshot(tmp_path, "space") == snapshot(undisturbed, "space")
    assert list(work.iterdir()) == []


def test_a_signal_to_all_processes_ends_none_but_the_coordinator_says_when(tmp_path: Path) -> None:
    observer: Observer
    observer = tracker = Recorded(default_uri(tmp_path), print)
    tracker.open(make_run("space"), "run1", tmp_path / "run")
    tell(observer, TRIALS[0])
    tracker.started(TRIALS[1].work())
    tracker.rung(TRIALS[1].work(), TRIALS[1].rungs[0])
    wait_until((tmp_path / "mlflow.db").is_file)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(tracker._process.pid, number)
    tracker.interrupt()
    assert tracker._process.returncode == 0
    runs = read(tmp_path, "space")
    assert Counter(run.info.status for run in runs.values()) == {"KILLED": 7, "FINISHED": 1}
    assert history(tmp_path, runs["trial/cosine/r0/d0"], "validation/accuracy") == [(200, 0.5)]


def test_a_training_under_way_is_seen_running_with_its_rungs(tmp_path: Path) -> None:
    tracker = Recorded(default_uri(tmp_path), print)
    tracker.open(make_run("space"), "run1", tmp_path / "run")
    tracker.started(TRIALS[0].work())
    tracker.rung(TRIALS[0].work(), TRIALS[0].rungs[0])
    wait_until((tmp_path / "mlflow.db").is_file)

    def seen() -> bool:
        with sqlite3.connect(f"file:{tmp_path / 'mlflow.db'}?mode=ro", uri=True) as database:
            try:
                found = database.execute(
                    "select status, step from metrics join runs using (run_uuid) where key = 'validation/accuracy'"
                ).fetchall()
            except sqlite3.OperationalError:  # the schema is not there yet
                return False
        return found == [("RUNNING", 200)]

    wait_until(seen)
    tracker.interrupt()


def test_a_killed_coordinator_leaves_running_runs_that_the_next_one_ends(
    undisturbed: Path, tmp_path: Path
) -> None:
    program = """
tell(tracker, TRIALS[0])
tracker.started(TRIALS[1].work())
tracker.rung(TRIALS[1].work(), TRIALS[1].rungs[0])
import sqlite3
database = sqlite3.connect(sys.argv[1].removeprefix("sqlite:///"))
while True:
    try:
        if database.execute("select count(*) from runs").fetchone()[0] == 8:
            break
    except sqlite3.OperationalError:
        pass
    time.sleep(0.05)
print(tracker._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "results").mkdir()
    killed = coordinator(tmp_path, program)
    assert killed.returncode == -signal.SIGKILL
    wait_until(lambda: ended(int(killed.stdout)))
    left = {key: run.info.status for key, run in read(tmp_path / "results", "space").items()}
    assert left["trial/cosine/r0/d0"] == left["study/linear/r0"] == left["strategy/linear"] == "RUNNING"

    second = Told(default_uri(tmp_path / "results"), make_run("space"), "run1")
    tell_all(second)
    second.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    assert snapshot(tmp_path / "results", "space") == snapshot(undisturbed, "space")


def test_a_database_that_mlflow_cannot_use_is_told_at_the_next_call_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table alembic_version (version_num varchar(32))")
        connection.execute("insert into alembic_version values ('no such version')")
    tracker = Recorded(f"sqlite:///{path}", print)
    tracker.open(make_run("x"), "run1", tmp_path / "run")
    with pytest.raises(UserError) as caught:
        tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    assert caught.value.message.startswith(f"MLflow at 'sqlite:///{path}' failed: ")
    with pytest.raises(UserError) as again:
        tracker.note("more")
    assert again.value.message == caught.value.message
    tracker.interrupt()
    assert tracker._process.returncode == 0


def test_a_tracking_process_that_dies_is_a_user_error(tmp_path: Path) -> None:
    tracker = Recorded(default_uri(tmp_path), print)
    tracker._process.kill()
    tracker.open(make_run("space"), "run1", tmp_path / "run")
    with pytest.raises(UserError) as caught:
        tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    assert "ended (exit code -9)" in caught.value.message
    tracker.interrupt()


def test_a_bug_of_the_mirror_is_a_traceback_in_the_coordinator(tmp_path: Path) -> None:
    tracker = Recorded(default_uri(tmp_path), print)
    tracker.note("told before any run is open")
    with pytest.raises(RuntimeError, match="AssertionError"):
        tracker.finish(*files(tmp_path), "A verdict.", TABLE)
    tracker.interrupt()


def test_a_run_stopped_before_it_opened_waits_for_nothing(tmp_path: Path) -> None:
    tracker = Recorded(default_uri(tmp_path), print)
    tracker.interrupt()
    assert tracker._process.poll() is not None, "nothing of it is left, however long mlflow takes to import"
