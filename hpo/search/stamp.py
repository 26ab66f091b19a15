"""When and how a run began: written once, before its first score."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePath

from hpo.records.plan import plan_digest
from hpo.records.run import Run, Stamp
from hpo.tracking.uri import database, shown

GIT_SECONDS = 10


def stamp(run: Run, folder: Path) -> Stamp:
    """The stamp of ``run``, whose space file lies in ``folder``."""
    return Stamp(
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        command=_command(sys.argv),
        git=_git(folder),
        plan_sha256=plan_digest(run),
    )


def _command(arguments: list[str]) -> str:
    """The command line without this machine's folders and without credentials."""
    return " ".join(_word(word) for word in arguments)


def _word(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    if (path := database(value)) is not None:
        value = f"sqlite:///{path.name}"
    else:
        value = shown(value)
        if PurePath(value).is_absolute():
            value = PurePath(value).name
    return option + equals + value


def _git(folder: Path) -> str | None:
    """Commit of ``folder``, with ``+changes`` where files under git differ; None outside a checkout or without git."""
    program = shutil.which("git")
    if program is None:
        return None
    commit = _asked(program, folder, ["rev-parse", "HEAD"])
    if not commit:
        return None
    changed = _asked(program, folder, ["status", "--porcelain", "--untracked-files=no"])
    return commit + ("+unknown" if changed is None else "+changes" if changed else "")


def _asked(program: str, folder: Path, what: list[str]) -> str | None:
    """What git says; None where it does not. It runs nothing that the folder's own configuration names."""
    careful = ["--no-optional-locks", "-c", "core.fsmonitor=false"]
    try:
        done = subprocess.run(  # noqa: S603  # git itself, with arguments of our own
            [program, *careful, "-C", str(folder), *what],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=GIT_SECONDS,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        )
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout.strip()
