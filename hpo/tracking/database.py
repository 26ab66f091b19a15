"""The sqlite file of the mirror while the tracking process writes to it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from pathlib import Path

# Where all processes that open a file are on one machine: sqlite's write-ahead log needs that (sqlite.org/wal.html).
LOCAL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})


class WriteAhead:
    """Commits that do not wait for the disk: MLflow makes seven for each trial, each of several waits.

    A loss of power may take the last ones, which the next run tells again; it cannot harm the file. On a file system
    that other machines may share, the file is written as MLflow would.

    Args:
        path: of the database; connections opened from now on are meant.
    """

    def __init__(self, path: Path) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        self._path = path
        self._connections: list[sqlite3.Connection] = []
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:  # not Linux
            return
        if is_local(path.resolve(), mounts):
            event.listen(Engine, "connect", self._connected)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        with suppress(sqlite3.OperationalError):  # somebody is reading: as it was, then
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            if mode == "wal":
                connection.execute("PRAGMA synchronous=NORMAL")
        self._connections.append(connection)

    def settle(self) -> None:
        """Close all connections and leave one plain file, unless another process has it open."""
        for connection in self._connections:
            connection.close()
        if self._connections:
            with suppress(sqlite3.OperationalError):
                last = sqlite3.connect(self._path, timeout=0)
                last.execute("PRAGMA journal_mode=DELETE")
                last.close()


def is_local(path: Path, mounts: str) -> bool:
    """Whether ``path`` (absolute) lies on a file system of this machine alone; ``mounts``: text of ``mountinfo``."""
    best, kind = Path(), ""
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        mounted = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place.split()[4]))
        if path.is_relative_to(mounted) and len(mounted.parts) >= len(best.parts):
            best, kind = mounted, source.split()[0]
    return kind in LOCAL
