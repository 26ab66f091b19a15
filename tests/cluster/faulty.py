"""One study on a Ray cluster of three machines to which something happens: FAULT SPACE RESULTS ANSWERS.

The head lends no CPU, the other two one each. After so many answers of workers the fault strikes a worker's machine, or
the head. It prints JSON: what happened when, in seconds from the fault.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.cluster.hosts import Hosts

FAULTS = ("none", "no shared folder", "killed", "frozen", "cut off", "head lost")
AWAY_SECONDS = 25.0  # until a frozen or cut machine is there again, with its late twin


class Study:
    """The command on the head, with the lines that it prints and when they came."""

    def __init__(self, hosts: Hosts, space: str, results: str) -> None:
        python = [sys.executable, "-m", "tests.cluster.told_run", space, results, "2"]
        self.process = hosts.run("h1", *python)
        self.lines: list[tuple[float, str]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))

    def wait_for(self, answers: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while sum(line.startswith("done") for _, line in self.lines) < answers:
            assert time.monotonic() < end, self.lines[-20:]
            assert self.process.poll() is None, self.lines[-20:]
            time.sleep(0.01)

    def code(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.lines[-20:]) from None


def start(hosts: Hosts, temporary: str) -> None:
    hosts.start_ray("h1", 0, temporary)
    hosts.start_ray("h2", 1)
    hosts.start_ray("h3", 1)


def strike(fault: str, hosts: Hosts) -> None:
    if fault == "killed":
        hosts.signal("h2", signal.SIGKILL)
    elif fault == "frozen":
        hosts.signal("h2", signal.SIGSTOP)
    elif fault == "cut off":
        hosts.link("h2", "down")


def undo(fault: str, hosts: Hosts) -> None:
    if fault == "frozen":
        hosts.signal("h2", signal.SIGCONT)
    elif fault == "cut off":
        hosts.link("h2", "up")


def main(fault: str, space: str, results: str, answers: str) -> None:
    assert fault in FAULTS, f"one of {FAULTS}"
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        hidden = Path(results) if fault == "no shared folder" else None
        hosts = Hosts(3, Path(folder) / "c", hidden)
        try:
            told = _happen(fault, hosts, space, results, int(answers))
        finally:
            hosts.end()
        print(json.dumps(told))


def _happen(fault: str, hosts: Hosts, space: str, results: str, answers: int) -> dict[str, object]:
    start(hosts, "ray")
    study = Study(hosts, space, results)
    study.wait_for(answers, 600)
    struck = time.monotonic()
    told: dict[str, object] = {"fault": fault}
    if fault == "head lost":
        head = set(hosts.processes("h1")) - {study.process.pid}
        told["command"] = study.process.pid
        for process in head:
            name = Path(f"/proc/{process}/cmdline")
            if name.exists() and (b"gcs_server" in name.read_bytes() or b"raylet" in name.read_bytes()):
                subprocess.run(["kill", "-9", str(process)], check=False)
        told["first ended with"] = study.code(300)
        told["first ended after"] = time.monotonic() - struck
        told["its last lines"] = [line for _, line in study.lines[-5:]]
        hosts.end()
        time.sleep(2)
        start(hosts, "ray2")
        study = Study(hosts, space, results)
    else:
        strike(fault, hosts)
        threading.Timer(AWAY_SECONDS, undo, (fault, hosts)).start()
    told["code"] = study.code(900)
    told["ended after"] = time.monotonic() - struck
    told["lost"] = [(at - struck, line) for at, line in study.lines if line.startswith("lost")]
    told["done"] = sum(line.startswith("done") for _, line in study.lines)
    told["last"] = [line for _, line in study.lines[-3:]]
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
