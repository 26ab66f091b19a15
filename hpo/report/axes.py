"""What an axis of a panel shows whoever draws it: its first and last value, and its ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.report.figure import Anchor, Bars, Cells, Dots, Intervals, Line, Mark, Panel, Rule, Words
from hpo.report.styles import bar_height, has_cells
from hpo.report.text import value_text

Which = Literal["x", "y"]
Tick = tuple[float, str]

_MOST_TICKS = 6
_AIR = 0.04  # of the span, on both sides of the outermost mark


@dataclass(frozen=True)
class Scale:
    """Values at an axis's start and end (the larger first turns it round), and its ticks with their labels."""

    first: float
    last: float
    log: bool
    ticks: tuple[Tick, ...]

    def share(self, value: float) -> float:
        """Where ``value`` lies: 0 at the axis's start, 1 at its end."""
        first, last, at = (math.log10(v) if self.log else v for v in (self.first, self.last, value))
        return (at - first) / (last - first)

    def anchor(self, value: float) -> Anchor:
        """Which side of a label stands at ``value`` so that the panel holds it."""
        share = self.share(value)
        return "left" if share < 0.25 else "right" if share > 0.75 else "centre"


def scale(panel: Panel, which: Which, room: float = math.inf) -> Scale:
    """The scale of an axis of ``panel``.

    Without limits of its own it holds every mark, a rule and a text too. Values that a log axis cannot show are left
    out. Where the figure does not name the ticks, there are at most six at round values, fewer if their labels would
    need more than ``room`` characters side by side.
    """
    axis = panel.x if which == "x" else panel.y
    values = [v for mark in panel.marks for v in _values(mark, which, panel) if _shown(v, axis.log)]
    first, last = axis.limits or _limits(values, axis.log, _margin(panel, which))
    if axis.limits is None and which == "y" and has_cells(panel):
        first, last = last, first
    if axis.ticks is not None:
        ticks = tuple(axis.ticks)
    else:
        ticks = _roomy_ticks(min(first, last), max(first, last), axis.log, _whole(values), room)
    return Scale(first, last, axis.log, ticks)


def _shown(value: float, log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not log)


def _whole(values: Sequence[float]) -> bool:
    return all(float(v).is_integer() for v in values)


def _margin(panel: Panel, which: Which) -> float | None:
    """Air in units of the axis where it has rows or cells; else None: a share of the span."""
    if has_cells(panel):
        return 0.0
    return 0.6 if panel.rows and which == "y" else None


def _values(mark: Mark, which: Which, panel: Panel) -> Iterator[float]:
    """Every value of ``mark`` on an axis."""
    match mark:
        case Words():
            yield mark.x if which == "x" else mark.y
        case Rule():
            yield from [mark.at] if mark.across == which else []
        case Cells():
            yield from (-0.5, (len(mark.values[0]) if which == "x" else len(mark.values)) - 0.5)
        case Line() | Dots() if which == "x":
            yield from mark.x
        case Line():
            yield from mark.y
            yield from (v for side in mark.band or () for v in side)
        case Bars() if which == "y" and not panel.rows:
            half = bar_height(panel) / 2
            yield from (v for y in mark.y for v in (y - half, y + half))
        case Intervals() | Bars() if which == "x":
            yield from [0.0] if isinstance(mark, Bars) else []
            yield from (v for side in (mark.x, mark.low, mark.high) for v in side)
        case Dots() | Intervals() | Bars():
            yield from mark.y


def _limits(values: Sequence[float], log: bool, margin: float | None) -> tuple[float, float]:
    """Limits that hold ``values`` with air; those of nothing are 0 and 1, or a decade."""
    if not values:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = (math.log10(v) if log else v for v in (min(values), max(values)))
    air = _AIR * (high - low) if margin is None else margin
    if high - low + air <= 1e-9 * max(abs(low), abs(high)):  # one value, but for the last bits
        air = 0.15 if log else abs(low) * 0.05 or 0.5
    low, high = low - air, high + air
    return (10**low, 10**high) if log else (low, high)


def _roomy_ticks(low: float, high: float, log: bool, whole: bool, room: float) -> tuple[Tick, ...]:
    tries = (_ticks(low, high, log, at_most, whole) for at_most in range(_MOST_TICKS, 2, -1))
    fitting = (ticks for ticks in tries if sum(len(label) + 2 for _, label in ticks) <= room)
    return next(fitting, _ticks(low, high, log, 2, whole))


def _ticks(low: float, high: float, log: bool, at_most: int, whole: bool) -> tuple[Tick, ...]:
    if log and len(values := _log_values(low, high, at_most)) > 1:
        return tuple((v, _log_label(v, scientific=values[0] < 1e-3)) for v in values)
    step = _step(low, high, at_most, whole)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = _multiples(low, high, step)
    return tuple((_clean(i * step), _label(_clean(i * step), places)) for i in range(first, last + 1))


def _log_values(low: float, high: float, at_most: int) -> list[float]:
    """1, 2 and 5 times each power of ten where they are few enough, else powers of ten, some left out if too many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine, decades = (
        [v for power in powers for m in steps if low <= (v := float(f"{m}e{power}")) <= high]
        for steps in ((1, 2, 5), (1,))
    )
    return fine if len(fine) <= at_most else decades[:: -(-len(decades) // at_most)]


def _step(low: float, high: float, at_most: int, whole: bool) -> float:
    """The least of 1, 2 and 5 times a power of ten that has at most ``at_most`` multiples from low to high."""
    power = math.floor(math.log10((high - low) / at_most))
    least = max(power, 0) if whole else power
    steps = (float(f"{m}e{p}") for p in range(least, least + 3) for m in (1, 2, 5))
    return next(s for s in steps if _count(*_multiples(low, high, s)) <= at_most)


def _multiples(low: float, high: float, step: float) -> tuple[int, int]:
    """The first and the last multiple of ``step`` from low to high, a limit that is one counted in."""
    return math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)


def _count(first: int, last: int) -> int:
    return last - first + 1


def _clean(value: float) -> float:
    """Without the last bits that a product adds: 0.6, not 0.6000000000000001; 0, not -0."""
    return float(f"{value:.12g}") + 0.0


def _label(value: float, places: int) -> str:
    """A value with ``places`` decimals, thousands set apart, a minus as its sign."""
    plain = abs(value) < 1e7 and places <= 5
    text = f"{value:,.{places}f}" if plain else value_text(value).replace("e+", "e")
    return text.replace("-", "\u2212", 1) if value < 0 else text


def _log_label(value: float, scientific: bool) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    if (scientific and value < 1) or exponent >= 7:
        return f"{value / 10**exponent:.0f}e{exponent}"
    return f"{value:,.{max(0, -exponent)}f}"
