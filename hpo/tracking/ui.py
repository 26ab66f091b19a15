"""The MLflow page of a run: MLflow's own server as a child process on loopback."""

from __future__ import annotations

import difflib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hpo.errors import UserError
from hpo.tracking.uri import artifact_folder, check, credentials, database, request_json, shown, url_fragment

HOST = "127.0.0.1"
PATIENCE = 180.0  # seconds for the server's start; it imports for 5 to 20
GRACE = 10.0  # seconds that the server has to end by itself


def serve(uri: str, experiment: str | None, port: int | None, open_browser: bool) -> int:
    """Show the MLflow page of ``experiment`` (None: the list) until Ctrl-C or SIGTERM; a server's page just opens.

    Args:
        port: None takes a free one.

    Returns:
        The exit code, 0.

    Raises:
        UserError: nothing is tracked there, no such experiment, the port is taken, or MLflow does not start.
    """
    check(uri)
    path = database(uri)
    if path is None:
        _show(credentials(uri)[0], _page(uri, experiment), open_browser)
        return 0
    if not path.is_file():
        raise UserError(
            f"{path} does not exist: no run is tracked there yet", "Give `hpo run --space NAME` first."
        )
    address = f"http://{HOST}:{_free_port(port)}"
    with tempfile.TemporaryFile() as log, _stop_on_signals() as stop, _server(path, address, log) as child:
        if _healthy(address, child, stop):
            _show(address, _page(address, experiment), open_browser)
            _say("Ctrl-C ends it.")
            while child.poll() is None and not stop.is_set():
                stop.wait(0.2)
        if not stop.is_set():
            raise _broken(log)
    return 0


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that the signals set which ask a process to end."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    stop = threading.Event()
    before = {name: signal.signal(getattr(signal, name), lambda *_: stop.set()) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def _server(path: Path, address: str, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server in a process group of its own, which ends with this context, grandchildren included."""
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{path}"]
    command += ["--default-artifact-root", artifact_folder(path).as_uri(), "--no-serve-artifacts"]
    command += ["--host", HOST, "--port", port, "--workers", "1"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    child = subprocess.Popen(  # noqa: S603 (our own interpreter, no shell)
        command, cwd=path.parent, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield child
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        deadline = time.monotonic() + GRACE
        while _group_lives(child) and time.monotonic() < deadline:
            time.sleep(0.05)
    child.wait()


def _group_lives(child: subprocess.Popen[bytes]) -> bool:
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _healthy(address: str, child: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait for the server's first answer; False where it ended, is too slow, or the user asked for the end."""
    deadline = time.monotonic() + PATIENCE
    while child.poll() is None and not stop.is_set() and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310 (our own address)
                return bool(answer.status == 200)
        except OSError:
            stop.wait(0.2)
    return False


def _broken(log: IO[bytes]) -> UserError:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return UserError(f"MLflow's server ended: {lines[-1]}", "Mend what it names, then give `hpo ui` again.")


def _page(server: str, experiment: str | None) -> str:
    """The part of the link behind the address of ``server`` that leads to ``experiment``."""
    if experiment is None:
        return "#/experiments"
    answer = request_json(server, "experiments/search?max_results=1000")
    known = {e["name"]: e["experiment_id"] for e in answer.get("experiments", [])}
    if experiment not in known:
        near = difflib.get_close_matches(experiment, known, n=1, cutoff=0.0)
        nearest = f"; the nearest is {near[0]!r}" if near else ""
        raise UserError(
            f"experiment {experiment!r} is not tracked at {shown(server)}{nearest}",
            "Name one that has run, or none to see the list.",
        )
    return url_fragment(known[experiment])


def _show(address: str, page: str, open_browser: bool) -> None:
    link = f"{address}/{page}"
    _say(f"MLflow: {link}")
    if open_browser:
        webbrowser.open(link)


def _free_port(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port or 0))
        except (OSError, OverflowError):
            raise UserError(
                f"port {port} is taken or not allowed", "Name another --port, or none to take a free one."
            ) from None
        return int(probe.getsockname()[1])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
