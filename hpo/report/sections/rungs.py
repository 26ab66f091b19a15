"""Axes of what is drawn rung by rung."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hpo.records.run import Records
from hpo.report.figure import Axis

_AIR = 0.05  # of the span, above and below


def rung_axis(records: Records) -> Axis:
    """What rungs are counted in, the same in every panel; logarithmic where rungs grow by factors."""
    seen = sorted({r.examples for t in records.trials for r in t.rungs})
    log = seen[0] > 0 and seen[-1] >= 32 * seen[0] and seen[len(seen) // 2] < seen[-1] / 4
    ends = (seen[0] / 1.15, seen[-1] * 1.15) if log else (0.0, 1.04 * seen[-1])
    return Axis(records.run.resource, log=log, limits=ends)


def limits(values: Iterable[float]) -> tuple[float, float]:
    """Limits that hold every finite value with some air, so that panels can share them; 0 to 1 without any."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    air = _AIR * (high - low) or 0.05 * abs(low) or 0.5
    return low - air, high + air
