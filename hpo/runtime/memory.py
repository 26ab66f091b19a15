"""Memory that a training gives back and takes again at every step, kept by the process meanwhile."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h. Without them each large tensor is mapped anew, page by page: 1.2 million page faults a minute.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Have this process keep what it frees, where its allocator is glibc's: elsewhere nothing changes."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 2**26)
