"""Tuning curves: the estimates behind them, and their bands."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.records.run import Records
from hpo.report.sections.draws import Draws
from hpo.report.text import Units
from hpo.stats.crossed import Array
from hpo.stats.tuning import Band, expected_best_u, expected_best_v, tail_start, tuning_band

MOST_DRAWS = 1000  # n to which curves are drawn
SEED = 0  # of the band's simulation


@dataclass(frozen=True)
class Curve:
    """Expected best of one strategy after n = 1, 2, ... draws.

    Attributes:
        u, v: (most,) U- and V-estimates.
        band: of n = 1..most; None where the metric has no bounds.
        tail: the n from which on the estimates are unreliable.
    """

    draws: Draws
    u: Array
    v: Array
    band: Band | None
    tail: int


def curve_of(records: Records, draws: Draws) -> Curve:
    """The estimates for ``draws``; a share is bounded by 0 and 1, any other metric has no band."""
    metric, count = records.run.metric, draws.scores.size
    most = min(count, MOST_DRAWS)
    band = None
    if metric.share:
        band = tuning_band(draws.scores, (0.0, 1.0), seed=SEED, maximize=metric.maximize, draws=most)
    return Curve(
        draws,
        expected_best_u(draws.scores, maximize=metric.maximize, draws=most),
        expected_best_v(draws.scores, maximize=metric.maximize, draws=most),
        band,
        tail_start(count),
    )


def band_text(band: Band, units: Units, n: int) -> str:
    """``76.5 to 79.9 %`` after ``n`` draws."""
    return units.interval((float(band.low[n - 1]), float(band.high[n - 1])))
