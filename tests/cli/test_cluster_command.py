"""`hpo cluster`: what it prints is run here with stand-ins for Slurm, Ray and hpo; it was never run on Slurm itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hpo.cli.main import execute

# Each notes how it was called. `ray` listens where the head is to be, so that the script goes on.
STANDINS = {
    "srun": 'echo "srun $*" >> "$LOG"; while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "ray": 'echo "ray $*" >> "$LOG"; echo "mode $(stat -c %a "$RAY_AUTH_TOKEN_PATH")" >> "$LOG"; exec sleep 60',
    "scontrol": "echo n1; echo n2; echo n3",
    "getent": "echo 127.0.0.1 STREAM n1",
    "sleep": "exec /bin/sleep 0.05",
    "hpo": 'echo "hpo $* at $RAY_ADDRESS by $RAY_AUTH_MODE" >> "$LOG"; exit 3',
}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert execute(["cluster", *arguments]) == 0
    return capsys.readouterr().out


def test_the_batch_script_starts_head_and_nodes_with_explicit_counts_and_a_token_and_gives_back_the_studys_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--slurm", "--nodes", "3", "--cpus", "6", "--gpus", "2", "--space", "my space.yaml")
    (tmp_path / "hpo.sbatch").write_text(printed(capsys, *asked))
    for name, text in STANDINS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "4321",
        "SLURM_JOB_NODELIST": "n[1-3]",
    }
    done = subprocess.run(
        ["bash", "hpo.sbatch"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    lines = log.read_text().splitlines()
    first = 20000 + 4321 % 300 * 100
    head = next(line for line in lines if line.startswith("ray start --head"))
    assert f"--node-ip-address=127.0.0.1 --port={first}" in head
    others = next(line for line in lines if line.startswith(f"ray start --address=127.0.0.1:{first}"))
    for line in (head, others):
        assert "--num-cpus=6 --num-gpus=2" in line
        assert f"--min-worker-port={first + 10} --max-worker-port={first + 99}" in line
    assert any("srun" in line and "--ntasks=2 --exclude=n1" in line for line in lines)
    assert lines.count("mode 600") == 2
    assert f"hpo run --space my space.yaml --on ray --quiet at 127.0.0.1:{first} by token" in lines
    assert not list(tmp_path.glob(".ray-token*")), "the token goes with the job"


def test_by_hand_it_prints_commands_that_a_shell_reads(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--nodes", "3", "--cpus", "6", "--gpus", "1")
    assert "@" not in text
    assert "RAY_AUTH_MODE=token" in text
    assert text.count("--num-cpus=6 --num-gpus=1") == 2
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_without_gpus_the_batch_script_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--slurm")
    assert "gpus-per-node" not in text
    assert "--num-gpus=0" in text
