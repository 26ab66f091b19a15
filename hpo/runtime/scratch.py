"""Folders for processes of one run on one machine: for their owner alone, and gone with the last of them.

A process holds a lock on a file in its folder, which ends with the process however that ends and in whatever container it
runs. Who removes a folder has the lock alone, so that it takes none that is in use or that another begins to use.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from hpo.errors import UserError
from hpo.training.private_files import FILE, make_folder

IN_USE = "in-use"  # the file that is locked
_held: dict[Path, int] = {}  # folders of this process


def claim(prefix: str, token: str, root: Path | None = None) -> Path:
    """The folder of that name in use by this process from now on.

    What killed processes left under the prefix is removed.

    Args:
        token: of the run, which no other user can guess.
        root: where the folder lies; None: in the machine's folder for temporary files.

    Raises:
        UserError: another user has something of that name.
    """
    root = root or Path(tempfile.gettempdir())
    for left in root.glob(f"{prefix}*"):
        with suppress(OSError):  # in use, removed by a peer, or no folder of this kind
            _remove_unused(left)
    folder = root / f"{prefix}{token}"
    while folder not in _held:
        make_folder(folder)
        with suppress(FileNotFoundError):  # a peer found it unused
            if not _is_mine(folder):
                raise UserError(
                    f"{folder} is another user's", "Remove it, or set TMPDIR to a folder of yours."
                )
            _held[folder] = _lock(folder, alone=False)
    return folder


def leave(folder: Path) -> None:
    """This process uses it no more; the last one removes it."""
    os.close(_held.pop(folder))
    with suppress(OSError):  # others use it, or remove it
        _remove_unused(folder)


def _remove_unused(folder: Path) -> None:
    if _is_mine(folder):
        file = _lock(folder, alone=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(file)


def _is_mine(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _lock(folder: Path, *, alone: bool) -> int:
    """Lock a folder, beside others who use it or ``alone`` and at once: the open file, which holds the lock.

    Raises:
        OSError: it is in use; FileNotFoundError: it was removed, or nobody has used it yet.
    """
    import fcntl  # not on Windows, where Ray has no clusters

    file = os.open(folder / IN_USE, os.O_RDWR | (0 if alone else os.O_CREAT), FILE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        if os.fstat(file).st_nlink == 0:  # who had it before removed it
            raise FileNotFoundError(file)
    except OSError:
        os.close(file)
        raise
    return file
