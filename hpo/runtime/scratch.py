"""Folders for processes of one run on one machine: for their owner alone, and gone with the last of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hpo.training.private_files import make_folder


def claim(prefix: str, token: str, root: Path | None = None) -> Path:
    """The folder of that name in use by this process from now on.

    What killed processes left under the prefix is removed.

    Args:
        token: of the run, which no other user can guess.
        root: where the folder lies; None: in the machine's folder for temporary files.
    """
    root = root or Path(tempfile.gettempdir())
    for left in root.glob(f"{prefix}*"):
        if left.stat().st_uid == os.getuid() and not _is_used(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = root / f"{prefix}{token}"
    make_folder(folder)
    make_folder(folder / "users")
    (folder / "users" / str(os.getpid())).touch()
    return folder


def leave(folder: Path) -> None:
    """This process uses it no more; the last one removes it."""
    (folder / "users" / str(os.getpid())).unlink(missing_ok=True)
    if not _is_used(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    """Whether a process that lives uses it."""
    return any(_lives(int(user.name)) for user in (folder / "users").glob("*") if user.name.isdigit())


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
