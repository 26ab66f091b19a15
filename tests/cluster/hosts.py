"""Several machines on one: network namespaces behind a bridge, each with a Ray node of its own. For root alone."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PORT = 6379
# Ray's own looks at its nodes: each second, five failed ones make a node dead.
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "5",
    "RAY_worker_niceness": "0",  # by default they stand back
}


def sh(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Hosts:
    """Machines ``h1``, ``h2``, ... at 10.77.0.1 and on; all see one disk, but for what is ``hidden`` from all but the first.

    The process that makes them has network and mount namespaces of its own, which end with it.
    """

    def __init__(self, count: int, folder: Path, hidden: Path | None = None) -> None:
        self._folder = folder
        self._hidden = hidden
        self.names = [f"h{number + 1}" for number in range(count)]
        sh("ip", "link", "set", "lo", "up")
        Path("/run/netns").mkdir(exist_ok=True)
        sh("mount", "-t", "tmpfs", "none", "/run/netns")
        sh("ip", "link", "add", "br0", "type", "bridge")
        sh("ip", "link", "set", "br0", "up")
        for name in self.names:
            sh("ip", "netns", "add", name)
            sh("ip", "link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            sh("ip", "link", "set", f"v{name}", "master", "br0", "up")
            sh("ip", "-n", name, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            sh("ip", "-n", name, "link", "set", "eth0", "up")
            sh("ip", "-n", name, "link", "set", "lo", "up")
        folder.mkdir(mode=0o700, exist_ok=True)
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        self.environment = {
            **kept,
            **HEALTH,
            "OMP_NUM_THREADS": "1",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ADDRESS": f"{self.address('h1')}:{PORT}",
        }

    def address(self, name: str) -> str:
        return f"10.77.0.{name[1:]}"

    def run(self, name: str, *command: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command on a machine, with its output in pipes."""
        return subprocess.Popen(
            ["ip", "netns", "exec", name, *command],
            env={**self.environment, **(more or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_ray(self, name: str, cpus: int, temporary: str = "ray") -> None:
        """A node of Ray: the head on the first machine."""
        ray = [str(Path(sys.executable).with_name("ray")), "start", f"--num-cpus={cpus}", "--num-gpus=0"]
        ray += [f"--node-ip-address={self.address(name)}", "--object-store-memory=150000000"]
        head = [
            f"--port={PORT}",
            "--head",
            "--include-dashboard=false",
            f"--temp-dir={self._folder / temporary}",
        ]
        ray += head if name == "h1" else [f"--address={self.address('h1')}:{PORT}"]
        if self._hidden is not None and name != "h1":
            hide = f'mount -t tmpfs none {self._hidden} && exec "$@"'
            ray = ["unshare", "--mount", "sh", "-c", hide, "sh", *ray]
        done = self.run(name, *ray, more={"RAY_ADDRESS": ""})
        output, _ = done.communicate(timeout=180)
        assert done.returncode == 0, output

    def processes(self, name: str) -> list[int]:
        found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True)
        return [int(line) for line in found.stdout.split()]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to all that runs on a machine."""
        for process in self.processes(name):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue

    def link(self, name: str, state: str) -> None:
        """``down`` cuts a machine off, ``up`` connects it again."""
        sh("ip", "link", "set", f"v{name}", state)

    def end(self) -> None:
        """Kill all that runs on any machine."""
        for name in self.names:
            self.signal(name, signal.SIGKILL)
