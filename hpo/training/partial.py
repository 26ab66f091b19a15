"""Files being written: under names that tell how many bytes are reserved for each and by whom, so that what killed
writers left is known and removed."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from hpo.training.private_files import make_folder

# Seconds: no writer is at work on a file that it has not touched for so long.
ABANDONED = 3600.0
_NUMBERS = itertools.count()
_PROCESS = secrets.token_hex(4)  # tells this process from an earlier one with its number
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


class Partial:
    """The folder of such files in a store.

    Args:
        store: folder of the store.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder = store / "partial"

    def make(self) -> None:
        """Make the folder, and that of the store."""
        make_folder(self._store)
        make_folder(self._folder)

    def temporary(self, size: int = 0) -> Path:
        """A name that no other writer has, for a file with ``size`` bytes reserved."""
        return self._folder / f"{size}-{_HOST}-{os.getpid()}-{_PROCESS}-{next(_NUMBERS)}"

    def sweep(self) -> int:
        """Remove what killed writers left: the bytes that are reserved for the others."""
        used = 0
        for entry, status in scan(self._folder):
            if _is_abandoned(entry.name, status.st_mtime):
                Path(entry.path).unlink(missing_ok=True)
            else:
                used += reserved(entry.name)
        return used

    def pending(self) -> int:
        """Bytes that are reserved and not yet written, so that the disk does not miss them yet."""
        return sum(max(0, reserved(entry.name) - status.st_size) for entry, status in scan(self._folder))


def scan(folder: Path) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """The files of a folder, none where there is no such folder."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    yield entry, entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # renamed or removed meanwhile
                continue


def reserved(name: str) -> int:
    """Bytes that are reserved for the file of this name."""
    size = name.partition("-")[0]
    return int(size) if size.isdigit() else 0


def _is_abandoned(name: str, touched: float) -> bool:
    """Whether the writer of a temporary file is gone: its process on this host, or it has long not written."""
    if time.time() - touched > ABANDONED:
        return True
    parts = name.split("-")
    if os.name != "posix" or len(parts) != 5 or parts[1] != _HOST or not parts[2].isdigit():
        return False
    if int(parts[2]) == os.getpid():
        return parts[3] != _PROCESS
    try:
        os.kill(int(parts[2]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
