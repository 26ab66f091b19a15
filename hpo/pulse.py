"""Signs of progress of this process: counted where a unit of work ends, and read by who watches over it."""

from __future__ import annotations

import itertools

_count = itertools.count(1)
_last = 0


def progress() -> None:
    """A step, a batch or a load has ended."""
    global _last  # noqa: PLW0603 - one process, one pulse
    _last = next(_count)


def progressed() -> int:
    """How many units of work have ended so far."""
    return _last
