"""The table of simulated early stops: one row a design, shares in percent, their standard errors in brackets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATES = {
    "stopped": "runs with a stop",
    "saved": "trials saved",
    "changed": "said of a strategy that went on: changed",
    "leaders": "level with the best: changed",
    "false_better": 'with a stop: false "better"',
    "false_better_whole": "the same runs without it",
}


def rows(case: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Heads and one row for each design of ``case``."""
    heads = (
        "strategies",
        "searches",
        "apart, points",
        "later draws' shortfall",
        "reference",
        *RATES.values(),
    )
    return [heads, *(_row(cell) for cell in case["early_stop"])]


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    design = (
        str(cell["strategies"]),
        str(cell["searches"]),
        f"{100 * cell['lead']:g}",
        f"x {cell['learning']:g}",
        "the best" if cell["reference"] else "none",
    )
    return (*design, *(f"{100 * cell[name][0]:.1f} ({100 * cell[name][1]:.1f})" for name in RATES))
