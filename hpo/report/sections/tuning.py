"""Tuning curves: the best validation score to expect from n draws of a random search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpo.records.run import Records
from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.section import Section
from hpo.report.sections.draws import Draws, collect_draws, counts, is_default, worst_score
from hpo.report.sections.tuning_curves import MOST_DRAWS, Curve, band_text, curve_of
from hpo.report.sections.tuning_tables import crossing_table, estimate_table
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.text import Units, counted, listed, ranged

_TITLE = "Expected best by number of draws"
_POINTS = 200  # of a curve
_METHODS = {
    "ld_equal_tailed": "Learned-Miller and DeStefano's, equal-tailed",
    "dkw": "Dvoretzky, Kiefer and Wolfowitz's, since scores repeat or are many",
}


def tuning_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """The tuning curves of a random search; absent where draws are not, or not known to be, independent."""
    found = collect_draws(records)
    if isinstance(found, str):
        return Section("tuning", _TITLE, absent=found)
    curves = [curve_of(records, draws) for draws in found]
    parts: list[Table | Figure] = [_figure(records, curves)]
    if len(curves) > 1:
        parts.append(crossing_table(records, curves))
    return Section("tuning", _TITLE, (_scope(records, found),), tuple(parts))


def _scope(records: Records, found: Sequence[Draws]) -> str:
    """What a draw is, what was left out, and what failed ones count as."""
    sentences = ["A draw is a configuration drawn independently of all results, trained to its end once."]
    if any(is_default(records, t) for t in records.trials):
        sentences.append("The default configuration, each search's first trial, is no draw and left out.")
    failed = sum(draws.failed for draws in found)
    if failed:
        worst = Units(records.run.metric).value(worst_score(records))
        end = "the metric's worst value" if records.run.metric.share else "the worst score of the run"
        sentences.append(f"{counted(failed, 'failed draw')} counted with {end}, {worst}.")
    if (records.run.search.sampler or "").startswith("qmc"):
        sentences.append(
            "Points of a low-discrepancy sequence lie more evenly than independent ones: the curves are those of random "
            "search, estimated from such points, and bands are too wide for them."
        )
    return " ".join(sentences)


def _figure(records: Records, curves: Sequence[Curve]) -> Figure:
    units = Units(records.run.metric)
    told = "; ".join(f"{c.draws.name} {units.value(float(c.u[-1]))} after {c.u.size:,}" for c in curves)
    return Figure(
        name="tuning-curve",
        title=_TITLE,
        caption=_caption(records, curves),
        alt=f"Expected best validation {records.run.metric.name}: {told} draws.",
        panels=_panels(curves, units),
        table=estimate_table(records, _TITLE, curves),
    )


def _panels(curves: Sequence[Curve], units: Units) -> list[Panel]:
    """All curves together, and each in a panel of its own with its band: over one another bands would hide all."""
    x = Axis("draws, n", log=max(curve.u.size for curve in curves) >= 32)
    title = f"expected best {units.axis('validation')}"
    banded = Axis(title, limits=_limits(curves, units))
    if len(curves) == 1:
        return [Panel([_line(curves[0], units)], x, banded)]
    lines = [_line(curve, units) for curve in curves]
    together = Panel([replace(line, band=None) for line in lines], x, Axis(title), heading="together")
    if all(curve.band is None for curve in curves):
        return [replace(together, heading="")]
    return [together, *(Panel([line], x, banded, heading=line.name) for line in lines)]


def _line(curve: Curve, units: Units) -> Line:
    at = _thinned(curve.u.size)
    y = [units.scale * float(curve.u[n - 1]) for n in at]
    band = None
    if curve.band is not None:
        low, high = (
            [units.scale * float(side[n - 1]) for n in at] for side in (curve.band.low, curve.band.high)
        )
        band = (low, high)
    return Line(
        x=[float(n) for n in at],
        y=y,
        name=curve.draws.name,
        style=curve.draws.style,
        band=band,
        tail_from=sum(n < curve.tail for n in at),
        hover=[_told(curve, units, n) for n in at],
    )


def _thinned(most: int) -> list[int]:
    """At most ``_POINTS`` numbers from 1 to ``most``, evenly spaced on a log scale, the first ones all."""
    if most <= _POINTS:
        return list(range(1, most + 1))
    return sorted({round(float(n)) for n in np.geomspace(1, most, _POINTS)})


def _told(curve: Curve, units: Units, n: int) -> str:
    lines = [f"{curve.draws.name}: {units.value(float(curve.u[n - 1]))} after {counted(n, 'draw')}"]
    if curve.band is not None:
        lines.append(f"95 % band {band_text(curve.band, units, n)}")
    if n >= curve.tail:
        lines.append(f"unreliable: beyond half of {curve.draws.scores.size:,} draws")
    return "\n".join(lines)


def _limits(curves: Sequence[Curve], units: Units) -> tuple[float, float] | None:
    """So that curves are told apart: bands, which reach to the metric's bounds, are cut at a curve's span beyond them."""
    if all(curve.band is None for curve in curves):
        return None
    scores = np.concatenate([curve.u for curve in curves])
    low, high = float(scores.min()), float(scores.max())
    air = max(high - low, 0.01)
    return units.scale * max(0.0, low - air), units.scale * min(1.0, high + air)


def _caption(records: Records, curves: Sequence[Curve]) -> str:
    metric = records.run.metric
    band = f"No band: {metric.name} has no bounds, which a band of the best of draws needs."
    if metric.share:
        band = (
            "Shaded: simultaneous 95 % band of each curve alone, over all n at once (Lourie et al. 2024), from a band of "
            f"the scores' distribution ({_methods(curves)}); conservative, and cut at the drawing's edge."
        )
    cut = any(curve.u.size < curve.draws.scores.size for curve in curves)
    return (
        f"Expected best validation {metric.name} after n draws by the U-estimator (Tang et al. 2020), "
        f"{counts([curve.draws for curve in curves])}.{_seeds(curves)} Faint: n beyond half of the draws, where estimates "
        f"are unreliable. {band}{f' Drawn to n = {MOST_DRAWS:,}.' if cut else ''}"
    )


def _seeds(curves: Sequence[Curve]) -> str:
    """That trials of a search share their seed of training, where they do."""
    seeds = [curve.draws.seeds for curve in curves]
    if not all(seeds):
        return ""
    return (
        " Trials of a replicate share one seed of training: curves and bands are over draws of configurations, and over "
        f"{ranged(seeds, 'seed')} of training alone."
    )


def _methods(curves: Sequence[Curve]) -> str:
    """How the distribution was bounded, and of whom where that differs."""
    used: dict[str, list[str]] = {}
    for curve in curves:
        if curve.band is not None:
            used.setdefault(curve.band.method, []).append(curve.draws.name)
    if len(used) == 1:
        return _METHODS[next(iter(used))]
    return "; ".join(f"{listed(names)}: {_METHODS[method]}" for method, names in used.items())
