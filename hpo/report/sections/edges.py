"""Selected values at the edge of their range: the best may lie beyond it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hpo.records.run import Records
from hpo.records.search import ParameterInfo
from hpo.records.selection import Search, selected_trials
from hpo.report.table import Table, make_table
from hpo.report.terms import without_search
from hpo.report.text import value_text

NEAR = 0.05  # of the range, on its scale
LEAST_CHOICES = 3  # of two every value is an end


@dataclass(frozen=True)
class Edge:
    """Selected configurations of one strategy with a parameter at one end of its values.

    Attributes:
        bound: the end.
        values: of the parameter there, by search.
        searches: selected configurations of the strategy that have the parameter.
    """

    strategy: str
    parameter: ParameterInfo
    end: Literal["low", "high"]
    bound: float
    values: tuple[float, ...]
    searches: int


def bounded(records: Records) -> list[ParameterInfo]:
    """Parameters that have ends: ranges that are recorded, and three or more choices of numbers; none where nothing was
    selected."""
    if without_search(records.run):
        return []
    return [p for p in records.run.space if _bounds(p) is not None]


def edges(records: Records) -> list[Edge]:
    """Every end at which a selected configuration lies, by strategy and parameter."""
    chosen = _selected(records)
    found = []
    for name in records.run.strategies:
        own = [parameters for (strategy, _), parameters in chosen.items() if strategy == name]
        for parameter in bounded(records):
            found += _edges(name, parameter, [p[parameter.name] for p in own if parameter.name in p])
    return found


def _selected(records: Records) -> dict[Search, dict[str, Any]]:
    """Selected configurations by search: those confirmed, else those of the best complete trials."""
    best = {search: trial.parameters for search, trial in selected_trials(records).items()}
    confirmed = {
        (c.strategy, c.replicate): c.parameters for c in records.confirmations if c.role == "strategy"
    }
    return best | confirmed


def _edges(strategy: str, parameter: ParameterInfo, values: Sequence[Any]) -> list[Edge]:
    bounds = _bounds(parameter)
    numbers = [float(v) for v in values if _is_number(v)]
    if bounds is None:
        return []
    low, high = bounds
    place = [_place(parameter, number, bounds) for number in numbers]
    at_low = tuple(n for n, at in zip(numbers, place, strict=True) if at <= NEAR)
    at_high = tuple(n for n, at in zip(numbers, place, strict=True) if at >= 1 - NEAR)
    ends = [
        Edge(strategy, parameter, "low", low, at_low, len(numbers)),
        Edge(strategy, parameter, "high", high, at_high, len(numbers)),
    ]
    return [edge for edge in ends if edge.values]


def _bounds(parameter: ParameterInfo) -> tuple[float, float] | None:
    p = parameter
    if p.observed:
        return None  # the ends of what was seen are no ends of what was searched
    if p.kind == "range" and p.low is not None and p.high is not None and p.low < p.high:
        return p.low, p.high
    if p.kind == "choices" and all(map(_is_number, p.values)) and len(set(p.values)) >= LEAST_CHOICES:
        return float(min(p.values)), float(max(p.values))
    return None


def _place(parameter: ParameterInfo, value: float, bounds: tuple[float, float]) -> float:
    """Where between its bounds a value lies, 0 to 1 on the range's scale; of choices only the ends count."""
    low, high = bounds
    if parameter.kind == "choices":
        return 0.0 if value == low else 1.0 if value == high else 0.5
    if parameter.log and low > 0 and value > 0:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def edge_table(found: Sequence[Edge]) -> Table:
    """One row an end at which selected configurations lie, those of most searches first; no rows without any."""
    shown, raw = [], []
    for edge in sorted(found, key=lambda e: -len(e.values) / e.searches):
        p = edge.parameter
        shown.append(
            {
                "Strategy": edge.strategy,
                "Parameter": p.name,
                "Values": _values(p),
                "End": f"{edge.end}, {value_text(edge.bound)}",
                "Selected there": f"{len(edge.values)} of {edge.searches}",
                "Selected values": ", ".join(value_text(v) for v in edge.values[:5]),
                "Advice": _advice(edge),
            }
        )
        raw.append(
            {
                "strategy": edge.strategy,
                "parameter": p.name,
                "end": edge.end,
                "bound": edge.bound,
                "selected_there": len(edge.values),
                "selected": edge.searches,
            }
        )
    note = (
        "Selected configurations within 5 % of an end of a range on its scale, or at the first or last of three or more "
        "choices of numbers. Of values drawn evenly over a range one in ten lies there, and of a few choices more: it tells "
        "where many searches agree. An end may be a natural one, which cannot be widened."
    )
    return make_table("edges", "Selected values at the edge of their range", note, shown, raw)


def _values(parameter: ParameterInfo) -> str:
    if parameter.kind == "choices":
        return ", ".join(map(value_text, parameter.values))
    scale = ", log" if parameter.log else ""
    return f"{value_text(parameter.low)} to {value_text(parameter.high)}{scale}"


def _advice(edge: Edge) -> str:
    side = "below" if edge.end == "low" else "above"
    if edge.bound == 0:
        return f"search {side} 0 too, if there is such a value"
    verb = "add a choice" if edge.parameter.kind == "choices" else "widen the range"
    return f"{verb} {side} {value_text(edge.bound)}"
