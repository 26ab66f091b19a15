"""The table of simulated verdicts: one row a design, rates in percent, their standard errors in brackets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATES = {
    "false_better": 'false "better"',
    "false_better_beside_leader": "beside a leader",
    "covers": "95 % interval covers",
    "covers_together": "all cover together",
    "power": '"better" at that lead',
    "equivalent": 'equals: "equivalent"',
    "false_equivalent": 'at the margin: "equivalent"',
    "false_relevant": 'at the margin: "relevant"',
    "different": 'equal strategies: configurations "differ"',
    "t_tests": 't-tests "differ"',
    "best_trial": "best trials differ",
}


def rows(case: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Heads and one row for each of the ``cells`` of ``case``."""
    heads = ("strategies", "searches", "seeds", "lead planned for 80 %, points", *RATES.values())
    return [heads, *(_row(cell) for cell in case["cells"])]


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    lead = "no verdict" if cell["lead"] is None else f"{100 * cell['lead']:.1f}"
    # With several searches nothing is said of configurations.
    shown = {**cell, "different": cell["different"] if cell["searches"] == 1 else None}
    design = (str(cell[name]) for name in ("strategies", "searches", "seeds"))
    return (*design, lead, *(_percent(shown[name]) for name in RATES))


def _percent(rate: tuple[float, float] | None) -> str:
    return "" if rate is None else f"{100 * rate[0]:.1f} ({100 * rate[1]:.1f})"
