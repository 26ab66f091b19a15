"""When and how a run began: written once, before its first score."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePath

from hpo.records.plan import plan_digest
from hpo.records.schema import Run, Stamp

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
    words = [PurePath(word).name if PurePath(word).is_absolute() else word for word in arguments]
    return " ".join(re.sub(r"://[^/@\s]*@", "://", word) for word in words)


def _git(folder: Path) -> str | None:
    """Commit of ``folder`` with ``+changes`` where files differ from it; None outside a checkout or without git."""
    program = shutil.which("git")
    if program is None:
        return None
    found = []
    for asked in (["rev-parse", "HEAD"], ["status", "--porcelain"]):
        try:
            done = subprocess.run(  # noqa: S603  # git itself, with arguments of our own
                [program, "-C", str(folder), *asked],
                capture_output=True,
                text=True,
                check=False,
                timeout=GIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        found.append(done.stdout.strip())
    return found[0] + ("+changes" if found[1] else "")
