"""Room for files that can be made again: one limit over several folders, held by all processes together.

A writer first reserves the bytes of its file, under a lock; it writes without the lock, under a temporary name that
tells how much is reserved and by whom; then it renames, under the lock again. So the files and what is being written
never exceed the limit. Where room is short, the files of least worth go, before the lock is taken, so that nobody waits for
that:

    worth = seconds to compute it again x chance that it is asked for again / bytes / 2^(hours unused / HALF_LIFE)

The sum of all sizes is kept in a small file, so that storing costs the same however many files there are; it is
counted anew when a store is opened and whenever room is short.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from hpo.training.partial import Partial, reserved, scan
from hpo.training.private_files import FILE, make_file, make_folder
from hpo.training.tensor_files import DamagedError, read_metadata

FOLDERS = ("states", "prefixes")
# Hours until an unused file is worth half: within a run hardly any, a day later a sixteenth.
HALF_LIFE = 6.0
# Bytes of the disk that the files leave free, or a tenth of a small one: for records, which nothing can make again.
SPARED = 256 * 2**20


@dataclass(frozen=True)
class Kept:
    """A file under the quota. ``size`` in bytes; ``used``: when it was last written or read, seconds since 1970."""

    path: Path
    size: int
    used: float


class Quota:
    """The folders of one store under one limit.

    Args:
        folder: of the store.
        limit: bytes that the files may take together; less where the disk has less to spare.

    Attributes:
        partial: the files being written.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit = limit
        self._folder = folder
        self.partial = Partial(folder)
        self._worths: dict[Path, float] = {}  # of the files seen last, read from each once

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes and threads from reserving and renaming."""
        with FileLock(self._folder / ".lock", poll_interval=0.005, mode=FILE):
            yield

    def settle(self) -> None:
        """Make the folders, sweep what killed writers left, and remove files until all fit the limit."""
        self.partial.make()
        for name in FOLDERS:
            make_folder(self._folder / name)
        with self.locked():
            used = self._count(self.files())
            self._set_used(used)
        if used > self._most(used):
            self._make_room(0)
            with self.locked():
                self._set_used(self._count(self.files()))

    def reserve(self, size: int) -> Path | None:
        """A temporary file to write ``size`` bytes to, or None where files being written leave no room for it."""
        with self.locked():
            temporary = self._begin(size, self._used())
        more = True
        while temporary is None and more:
            more = self._make_room(size)
            with self.locked():  # others may have taken the room
                temporary = self._begin(size, self._count(self.files()))
        return temporary

    def keep(self, temporary: Path, path: Path) -> None:
        """Give a written file its name. The first writer of a name wins."""
        with self.locked():
            if path.is_file():
                self._discard(temporary)
            else:
                temporary.rename(path)

    def release(self, temporary: Path) -> None:
        """Give up a reservation with whatever was written."""
        with self.locked():
            self._discard(temporary)

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove files, such as damaged ones, and what killed writers left."""
        for path in paths:
            path.unlink(missing_ok=True)
        with self.locked():
            self._set_used(self._count(self.files()))

    def files(self) -> list[Kept]:
        """All files that bear their names, in no order."""
        return [
            Kept(Path(entry.path), status.st_size, status.st_mtime)
            for name in FOLDERS
            for entry, status in scan(self._folder / name)
        ]

    def _begin(self, size: int, used: int | None) -> Path | None:
        """A temporary file, for which ``size`` bytes are reserved beside those ``used``; None: there is no room for it."""
        if used is None:
            return None
        if used + size > self._most(used):
            self._set_used(used)
            return None
        self._set_used(used + size)
        temporary = self.partial.temporary(size)
        make_file(temporary)
        return temporary

    def _make_room(self, size: int) -> bool:
        """Remove the files of least worth until ``size`` bytes more fit; False where there is none to remove.

        A tenth of the limit is freed at least, so that the files are not counted anew for each small one. Others that make
        room at the same time remove the same files.
        """
        files = self.files()
        used = self._count(files)
        most = self._most(used)
        if used + size <= most:
            return True
        aim = most - max(size, most // 10)
        for file in self._by_worth(files):
            if used <= aim:
                break
            file.path.unlink(missing_ok=True)
            used -= file.size
        return bool(files)

    def _most(self, used: int) -> int:
        """Bytes that the files may take now that they take ``used``."""
        pending = (
            self.partial.pending()
        )  # looked at first: what is written meanwhile counts twice, and not never
        disk = shutil.disk_usage(self._folder)
        return min(self.limit, used + disk.free - pending - min(SPARED, disk.total // 10))

    def _by_worth(self, files: Sequence[Kept]) -> list[Kept]:
        now, worths = time.time(), self._read_worths(files)

        def worth(file: Kept) -> float:
            hours = max(0.0, now - file.used) / 3600
            return worths[file.path] / max(file.size, 1) * math.exp2(-hours / HALF_LIFE)

        return sorted(files, key=lambda file: (worth(file), file.used, file.path.name))

    def _read_worths(self, files: Iterable[Kept]) -> dict[Path, float]:
        """What computing the files again takes, before ageing: read of those that came since the last time."""
        known = self._worths
        self._worths = worths = {
            file.path: known[file.path] if file.path in known else _read_worth(file.path) for file in files
        }
        return worths

    def _count(self, files: Iterable[Kept]) -> int:
        """The bytes of the files and of what is reserved, without what killed writers left, which is removed."""
        return sum(file.size for file in files) + self.partial.sweep()

    def _discard(self, temporary: Path) -> None:
        """Remove a temporary file and give up what is reserved for it."""
        temporary.unlink(missing_ok=True)
        used = self._used()
        if used is not None:
            self._set_used(used - reserved(temporary.name))

    def _used(self) -> int | None:
        """The sum as it was last written, None where it cannot be read."""
        try:
            text = (self._folder / "used").read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return int(text) if len(text) == 20 and text.isdigit() else None

    def _set_used(self, used: int) -> None:
        path = self._folder / "used"
        if not path.is_file():
            make_file(path)
        with path.open("r+b", buffering=0) as file:  # in place: needs no room on a full disk
            file.write(b"%020d" % max(used, 0))


def _read_worth(path: Path) -> float:
    """Seconds expected to be saved by a file, 0 where it does not say."""
    try:
        metadata = read_metadata(path)
        return float(metadata["seconds"]) * float(metadata["chance"])
    except (DamagedError, OSError, KeyError, ValueError, TypeError):
        return 0.0
