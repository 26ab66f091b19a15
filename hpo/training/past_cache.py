"""Writing large files past the system's page cache, where the system and the disk allow it.

A state is written once and seldom read again, and each page that the cache takes for it costs the processor: here 108 ms
for 42 MB, against 4 ms past it (a virtual machine with Linux 6.18; `python -m benchmarks writes`).
"""

from __future__ import annotations

import errno
import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path

from hpo.training.private_files import FILE

CHUNK = 4 << 20  # bytes at once: enough to keep a disk busy
ALIGNED = 4096  # bytes, to which a disk wants sizes and addresses aligned
# Bytes a second: whoever waits for a slower disk is better served by the cache, which takes files faster than that.
LEAST_SPEED = 300e6
LEAST_SIZE = 8 << 20  # bytes of a file for which it matters
_REFUSED = (errno.EINVAL, errno.EOPNOTSUPP)


class PastCache:
    """``works`` until the file system refuses, or the disk is found to be slow. One thread at a time may write."""

    def __init__(self) -> None:
        self.works = hasattr(os, "O_DIRECT")
        self._buffer: mmap.mmap | None = None

    def write(self, path: Path, parts: Sequence[memoryview]) -> bool:
        """Write ``parts``, bytes one after another, as a file; not fsynced. Returns whether it was done in this way.

        What was begun is to be written anew where it was not.

        Raises:
            OSError: the system refuses to write at all, such as a full disk.
        """
        size = sum(part.nbytes for part in parts)
        if not self.works or size < LEAST_SIZE:
            return False
        started = time.perf_counter()
        try:
            self._write(path, parts)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            self.works = False
            return False
        self.works = size >= LEAST_SPEED * (time.perf_counter() - started)
        return True

    def _write(self, path: Path, parts: Sequence[memoryview]) -> None:
        self._buffer = self._buffer or mmap.mmap(-1, CHUNK)  # begins at a page
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DIRECT, FILE)
        try:
            filled = 0
            for part in parts:
                rest = part
                while rest.nbytes:
                    taken = min(rest.nbytes, CHUNK - filled)
                    self._buffer[filled : filled + taken] = rest[:taken]
                    rest, filled = rest[taken:], filled + taken
                    if filled == CHUNK:
                        self._flush(descriptor, 0, CHUNK)
                        filled = 0
            aligned = filled // ALIGNED * ALIGNED
            self._flush(descriptor, 0, aligned)
            _through_the_cache(descriptor)
            self._flush(descriptor, aligned, filled)
        finally:
            os.close(descriptor)

    def _flush(self, descriptor: int, begin: int, end: int) -> None:
        """Write this part of the buffer."""
        assert self._buffer is not None
        with memoryview(self._buffer) as whole:
            while begin < end:
                begin += os.write(descriptor, whole[begin:end])


def _through_the_cache(descriptor: int) -> None:
    """Let what follows be of any size."""
    import fcntl  # not on every system, as O_DIRECT is not

    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_DIRECT)
