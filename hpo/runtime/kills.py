"""How often a machine had no memory left; it imports little, so that any process of it may be asked at once."""

from __future__ import annotations

from pathlib import Path

EVENTS = Path("/proc/vmstat")  # what Linux counts since it started


def memory_kills() -> int | None:
    """Processes that Linux has killed for lack of memory since it started; None where it does not tell."""
    try:
        lines = EVENTS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
