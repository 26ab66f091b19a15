"""The table of simulated verdicts: one row a design, rates in percent, their standard errors in brackets; and a note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from hpo.records.verdict_rule import ALPHA
from hpo.report.text import counted

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


def false_verdicts(case: Mapping[str, Any]) -> str:
    """Whether the highest rate of false verdicts is above its bound by more than chance.

    By the exact interval of Clopper and Pearson (Biometrika 26, 1934) and the exact one-sided binomial test.
    """
    worst = max(case["cells"], key=lambda cell: cell["false_better"][0])
    rate, repeats = worst["false_better"][0], case["repeats"]
    found = binomtest(round(rate * repeats), repeats, ALPHA, alternative="greater")
    low, high = binomtest(found.k, repeats).proportion_ci(0.95, "exact")
    said = "within its Monte-Carlo error" if low <= ALPHA else "more than its Monte-Carlo error"
    designs = sum(cell["lead"] is not None for cell in case["cells"])
    design = (
        f"{counted(worst['strategies'], 'strategy', 'strategies')}, "
        f"{counted(worst['searches'], 'search', 'searches')}, {counted(worst['seeds'], 'seed')}"
    )
    return (
        f'The highest of {designs} rates of a false "better" is {100 * rate:.1f} % ({design}; '
        f"{found.k:,} of {repeats:,} runs; 95 % interval {100 * low:.1f} to {100 * high:.1f} %). Against the "
        f"{100 * ALPHA:g} % aimed at that is {said} (one-sided p {found.pvalue:.2f}, of this design alone)."
    )
