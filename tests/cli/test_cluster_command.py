"""`hpo cluster`: what it prints is run here with stand-ins for Slurm, Ray and hpo; it was never run on Slurm itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.cli.main import execute

# Each notes how it was called. `ray` listens where the head is to be, so that the script goes on, and opens its folder to
# all, as Ray itself does.
STANDINS = {
    "srun": 'echo "srun $*" >> "$LOG"; while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "scontrol": "echo n1; echo n2; echo n3",
    "sleep": "exec /bin/sleep 0.05",
    "getent": "echo 127.0.0.1 STREAM n1",
    "hpo": 'echo "hpo $* at $RAY_ADDRESS by $RAY_AUTH_MODE" >> "$LOG"; exit 3',
}
RAY = """\
import os, signal, socket, stat, sys

given = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
with open(os.environ["LOG"], "a") as log:
    print("ray", *sys.argv[1:], file=log)
    if sys.argv[1] == "start":
        folder = given["--temp-dir"]
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o777)
        for path in (os.environ["RAY_AUTH_TOKEN_PATH"], os.path.dirname(folder)):
            print("mode", oct(stat.S_IMODE(os.stat(path).st_mode)), file=log)
if "--block" in sys.argv:
    if "--head" in sys.argv:
        head = socket.create_server((given["--node-ip-address"], int(given["--port"])))
    signal.pause()
"""
# The library, to whose cluster the nodes come one after another.
LIBRARY = """\
import os

def init(address, **_):
    assert address.startswith("127.0.0.1:")

def nodes(seen=[]):
    seen.append({"Alive": True})
    with open(os.environ["LOG"], "a") as log:
        print("nodes", len(seen), file=log)
    return seen
"""


@pytest.fixture
def stood_in(tmp_path: Path) -> dict[str, str]:
    """An environment with the stand-ins, which write a file named `log`."""
    for name, text in STANDINS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
    (tmp_path / "ray").write_text(f"#!{sys.executable}\n{RAY}")
    for name in (*STANDINS, "ray"):
        (tmp_path / name).chmod(0o755)
    library = tmp_path / "library"
    library.mkdir()
    (library / "ray.py").write_text(LIBRARY)
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(library),
        "LOG": str(tmp_path / "log"),
        "HOME": str(tmp_path),
        "SLURM_JOB_ID": "4321",
        "SLURM_JOB_NODELIST": "n[1-3]",
    }


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert execute(["cluster", *arguments]) == 0
    return capsys.readouterr().out


def started(log: Path) -> list[dict[str, str]]:
    """The options of each start of Ray."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("ray start")]
    return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]


def test_the_batch_script_starts_head_and_nodes_with_explicit_counts_and_a_token_and_gives_back_the_studys_code(
    stood_in: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--slurm", "--nodes", "3", "--cpus", "6", "--gpus", "2", "--space", "my space.yaml")
    (tmp_path / "hpo.sbatch").write_text(printed(capsys, *asked))
    done = subprocess.run(
        ["bash", "hpo.sbatch"],
        cwd=tmp_path,
        env=stood_in,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    lines = (tmp_path / "log").read_text().splitlines()
    head, others = sorted(started(tmp_path / "log"), key=lambda given: "--address" in given)
    at = f"{head['--node-ip-address']}:{head['--port']}"
    assert others["--address"] == at
    for given in (head, others):
        assert (given["--num-cpus"], given["--num-gpus"]) == ("6", "2")
        assert given["--min-worker-port"] == given["--max-worker-port"] == "0", (
            "free ones, as many as there are"
        )
        assert not Path(given["--temp-dir"]).parent.exists(), "its folder goes with Ray"
    assert head["--temp-dir"] != others["--temp-dir"]
    assert any("srun" in line and "--ntasks=2 --exclude=n1" in line for line in lines)
    assert (lines.count("mode 0o600"), lines.count("mode 0o700")) == (2, 2)
    study = f"hpo run --space my space.yaml --on ray at {at} by token"
    assert lines.index("nodes 3") < lines.index(study), "it waits for all nodes"
    assert not list(tmp_path.glob(".ray-token*")), "the token goes with the job"


def test_by_hand_it_prints_commands_that_keep_token_and_folders_for_their_owner(
    stood_in: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--nodes", "3", "--cpus", "6", "--gpus", "1")
    assert "@" not in text
    subprocess.run(
        ["bash", "-u", "-c", text], env=stood_in, check=True, timeout=60
    )  # head and node in one shell
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines.count("mode 0o600"), lines.count("mode 0o700")) == (2, 2)
    head, other = started(tmp_path / "log")
    for given in (head, other):
        assert (given["--num-cpus"], given["--num-gpus"]) == ("6", "1")
        assert not Path(given["--temp-dir"]).parent.exists(), "its folder goes at the end"
    assert other["--address"] == f"{head['--node-ip-address']}:6379"
    assert f"hpo run --space lr_schedules --on ray at {other['--address']} by token" in lines
    assert lines[-1] == "ray stop"


def test_without_gpus_the_batch_script_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--slurm")
    assert "gpus-per-node" not in text
    assert "--num-gpus=0" in text
