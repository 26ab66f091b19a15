"""Memory of this process: kept between the steps of a training, measured, and whether it ran out."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from pathlib import Path
from typing import Any

import torch

# Of glibc's malloc.h. Without them each large tensor is mapped anew, page by page: 1.2 million page faults a minute.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
# Of what torch says where there is no room: of a GPU's allocator and driver, of the CPU's allocator, of cuBLAS, of C++, and
# of oneDNN (which has one text for each step that fails, and another where it lacks an operation: "primitive descriptor").
_NO_ROOM = re.compile(
    r"out of memory|can't allocate memory|not enough memory|alloc_failed|bad_alloc"
    r"|could not (create|execute) a (primitive(?! desc)|memory)",
    re.IGNORECASE,
)

CONTAINER = Path("/sys/fs/cgroup")
FIRST_TO_KILL = 500  # of at most 1000, in Linux's choice of a process to kill where no memory is left


def keep_freed_memory() -> None:
    """Have this process keep what it frees, where its allocator is glibc's: elsewhere nothing changes."""
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 2**26)


def give_back() -> None:
    """Give the system, and the others on a GPU, what this process keeps of memory and does not use."""
    torch.cuda.empty_cache()
    trim = _libc("malloc_trim")
    if trim is not None:
        trim(0)


def offer_to_be_killed() -> None:
    """Have Linux kill this process before those beside it where no memory is left; elsewhere nothing changes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_KILL), encoding="ascii")


def ran_out(error: BaseException) -> bool:
    """Whether ``error`` says that the memory of a device, or of the machine, does not hold what was asked for."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _NO_ROOM.search(str(error)) is not None


def free_memory(device: torch.device | None = None) -> int:
    """Bytes that are free on a GPU, else on the machine; unbounded where the system does not tell."""
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    available = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    return min(2**62 if available is None else available * 1024, _left_by_container())


def _left_by_container() -> int:
    """Bytes that the control group of a container (cgroups of Linux, version 2) leaves; unbounded outside of one."""
    try:
        limit, taken = ((CONTAINER / name).read_text().strip() for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
    except OSError:
        return 2**62
    if limit == "max":
        return 2**62
    return max(0, int(limit) - int(taken) + int(stat.get("inactive_file", 0)))  # files read before give way


class Usage:
    """Bytes that this process takes: of a GPU its tensors, of the machine all that is resident."""

    def __init__(self, device: torch.device) -> None:
        self._gpu = device if device.type == "cuda" else None

    def now(self) -> int | None:
        """Bytes taken now; None where the system does not tell."""
        return _status("VmRSS") if self._gpu is None else torch.cuda.memory_allocated(self._gpu)

    def begin(self) -> None:
        """Give back what is kept but not in use, and forget the peak."""
        give_back()
        if self._gpu is not None:
            torch.cuda.reset_peak_memory_stats(self._gpu)
            return
        with contextlib.suppress(OSError):  # where it is not allowed the peak is that of the whole process
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int | None:
        """Most bytes taken since ``begin``."""
        return _status("VmHWM") if self._gpu is None else torch.cuda.max_memory_allocated(self._gpu)


def _status(name: str) -> int | None:
    """Bytes of a line of this process's status in Linux."""
    kilobytes = _kilobytes(Path("/proc/self/status"), name)
    return None if kilobytes is None else kilobytes * 1024


def _kilobytes(path: Path, name: str) -> int | None:
    """What a file of Linux tells of ``name``; None where there is no such file, or it tells nothing."""
    if not path.is_file():
        return None
    found = [line.split()[1] for line in path.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(found[0]) if found else None


def _libc(name: str) -> Any | None:
    """A function of the system's C library; None where it has none of the name, or is not Linux's."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
