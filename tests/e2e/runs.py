"""Runs the real command in its own process, and reads back what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hpo.records.files import read_records

CANARY = "key-5c1e07ab"  # in the environment of every command, and to be nowhere else
HPO = [sys.executable, "-m", "hpo"]
MEASURED = {"seconds", "spent", "test_seconds", "retrained_seconds", "stamp"}


def hpo(*arguments: str, cwd: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HPO, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=environment(),
    )


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HPO, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "SOME_API_KEY": CANARY}


def facts(folder: Path) -> Any:
    """The records without what a clock measured."""
    return _without_clock(read_records(folder).model_dump(mode="json"))


def _without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_clock(v) for k, v in value.items() if k not in MEASURED}
    return [_without_clock(v) for v in value] if isinstance(value, list) else value


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` by its name."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
