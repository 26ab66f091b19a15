"""The rule by which test scores become a verdict, its numbers named once: a part of what a run fixes beforehand."""

from __future__ import annotations

from typing import Any

ALPHA = 0.05  # of a family of comparisons; intervals are at 1 - ALPHA, those of equivalence at 1 - 2 ALPHA
LEAST_MARGIN = (
    0.005  # of practical equivalence of a metric that is a share of 1; of any other there is no least
)
LEAST_SEARCHES = 3  # replicates on which a verdict about strategies can rest
LEAST_SEEDS = 5  # fresh seeds on which one search allows a verdict about its configurations


def verdict_rule() -> dict[str, Any]:
    """The rule as the plan of a run holds it. Whoever changes what a text says of the code changes the text."""
    return {
        "level": ALPHA,
        "test": "difference of means, over units crossed with test items and never surer than over units alone; "
        "independent samples where nothing is paired",
        "family": "each strategy with the reference, or all pairs without one; those with the baseline apart; Holm",
        "least_searches": LEAST_SEARCHES,
        "least_seeds": LEAST_SEEDS,
        "least_margin": LEAST_MARGIN,
        "margin": "the least, or the standard deviation over fresh seeds on validation if larger: that of the "
        "reference, or of all strategies pooled",
    }
