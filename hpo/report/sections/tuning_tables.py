"""Tuning curves as numbers, and where one passes another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hpo.records.run import Records
from hpo.report.sections.tuning_curves import Curve, band_text
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units


def estimate_table(records: Records, title: str, curves: Sequence[Curve]) -> Table:
    """Expected best of each strategy at 1, 2, 5, 10, ... draws."""
    units = Units(records.run.metric)
    shown, raw = [], []
    for curve in curves:
        for n in _numbers(curve.u.size):
            band = curve.band
            shown.append(
                {
                    "Strategy": curve.draws.name,
                    "n": f"{n:,}",
                    "Expected best, U": units.value(float(curve.u[n - 1])),
                    "Expected best, V": units.value(float(curve.v[n - 1])),
                    **({"95 % band": band_text(band, units, n)} if band else {}),
                    "Of draws": f"{curve.draws.scores.size:,}",
                    "Reliable": "no" if n >= curve.tail else "yes",
                }
            )
            raw.append(
                computed(
                    {
                        "strategy": curve.draws.name,
                        "n": n,
                        "expected_best_u": float(curve.u[n - 1]),
                        "expected_best_v": float(curve.v[n - 1]),
                        "band_low": float(band.low[n - 1]) if band else None,
                        "band_high": float(band.high[n - 1]) if band else None,
                        "band_method": band.method if band else None,
                        "confidence": band.confidence if band else None,
                        "draws": curve.draws.scores.size,
                        "failed": curve.draws.failed,
                        "reliable": n < curve.tail,
                    }
                )
            )
    note = (
        "U: mean of the best over all samples of n draws without replacement, unbiased; V: with replacement, biased towards "
        "worse but less variable (Dodge et al. 2019, 2021). Not reliable: n beyond half of the draws."
    )
    return make_table("tuning-curve", title, note, shown, raw)


def _numbers(most: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... to ``most``, which is the last."""
    steps = [n * 10**power for power in range(len(str(most))) for n in (1, 2, 5)]
    return sorted({n for n in steps if n < most} | {most})


def crossing_table(records: Records, curves: Sequence[Curve]) -> Table:
    """Where the U-estimate of one strategy passes that of another, of each pair."""
    shown, raw = [], []
    for first, second in combinations(curves, 2):
        most = min(first.u.size, second.u.size)
        reliable = min(first.tail, second.tail, most + 1) - 1
        found = _passes(records, first, second, most)
        names = first.draws.name, second.draws.name
        leader = found[0][1] if found else None
        passes = found[1:]
        told = "; ".join(
            f"{name} from n = {n:,}{' (unreliable)' if n > reliable else ''}" for n, name in passes
        )
        shown.append(
            {
                "Pair": " - ".join(names),
                "Ahead at first": leader or "equal",
                "Passed by": told or "-",
                "Compared to n": f"{most:,}",
                "Reliable to n": f"{reliable:,}",
            }
        )
        pair = {"first": names[0], "second": names[1], "compared_to": most, "reliable_to": reliable}
        raw += [pair | {"ahead": name, "from_n": n, "reliable": n <= reliable} for n, name in found] or [
            pair | {"ahead": None, "from_n": 1, "reliable": True}
        ]
    note = (
        "From which number of draws on one strategy's expected best (U-estimate) is ahead of the other's. An order of "
        "estimates and no test: where bands overlap it may be chance."
    )
    return make_table("tuning-crossings", "Where one strategy passes another", note, shown, raw)


def _passes(records: Records, first: Curve, second: Curve, most: int) -> list[tuple[int, str]]:
    """(n, who is ahead from there on), the leader at the beginning first; equal estimates change nothing."""
    found: list[tuple[int, str]] = []
    for n, (a, b) in enumerate(
        zip(first.u[:most].round(12), second.u[:most].round(12), strict=True), start=1
    ):
        if a == b:
            continue
        ahead = (first if records.run.metric.better(float(a), float(b)) else second).draws.name
        if not found or found[-1][1] != ahead:
            found.append((n, ahead))
    return found
