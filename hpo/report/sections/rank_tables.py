"""The tables of ranks: mean ranks, Friedman's test, all pairs, and the Bayesian signed-rank test."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np

from hpo.records.verdict_rule import ALPHA
from hpo.report.blocks import Blocks
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import counted, p_text
from hpo.stats.bayesian import bayesian_signed_rank
from hpo.stats.ranks import FriedmanStatistic, block_ranks, critical_difference

_MOST_SAMPLES, _LEAST_SAMPLES = 50_000, 2_000
_WORK = 10**9  # samples x blocks squared: a fraction of a second a pair
SEED = (
    0  # of the Monte-Carlo samples; they are many enough that another changes the second digit by one at most
)


def mean_rank_table(blocks: Blocks) -> Table:
    """One row a strategy, the best mean rank first."""
    ranks, shown, raw = block_ranks(blocks.oriented), [], []
    for index in blocks.order:
        own = ranks[:, index]
        facts: dict[str, Any] = {
            "strategy": blocks.names[index],
            "mean_rank": blocks.mean_ranks[index],
            "best_rank": float(own.min()),
            "worst_rank": float(own.max()),
            "first_in": int((own == ranks.min(axis=1)).sum()),
            "blocks": len(own),
        }
        row = {
            "Strategy": blocks.names[index],
            "Mean rank": f"{blocks.mean_ranks[index]:.2f}",
            "Best rank": f"{own.min():g}",
            "Worst rank": f"{own.max():g}",
            "First in": f"{facts['first_in']:,} of {len(own):,}",
        }
        if blocks.units:
            facts["mean_test_score"] = float(blocks.scores[:, index].mean())
            row[f"Mean {blocks.units.axis('test').removesuffix(', %')}"] = blocks.units.value(
                facts["mean_test_score"]
            )
        shown.append(row)
        raw.append(computed(facts))
    note = f"Ranks within each of {blocks.over}: 1 is best, level ones share the mean of their ranks."
    return make_table("ranks", "Mean ranks", note, shown, raw)


def friedman_table(blocks: Blocks) -> Table:
    """Friedman's chi-square and Iman and Davenport's F, without and with the correction for ties; Nemenyi's difference."""
    found = blocks.friedman
    rows = [*_statistics(blocks, "uncorrected", found.uncorrected)]
    rows += _statistics(blocks, "corrected", found.corrected)
    nemenyi = critical_difference(found.strategies, found.blocks)
    rows.append(("Nemenyi's critical difference", "-", nemenyi, "-", None))
    note = (
        f"That all strategies rank alike over {blocks.over}. Without the correction for ties: as in Demšar "
        "(2006) and most papers, too careful where there are ties. Nemenyi's critical difference: of two mean ranks, at "
        "0.05; it depends on the other strategies too, so the bars of the diagram are by the tests of pairs instead."
    )
    shown = [
        {
            "Statistic": name,
            "Ties": ties,
            "Value": "infinite" if math.isinf(value) else f"{value:.2f}",
            "Degrees of freedom": df,
            "p": "-" if p is None else p_text(p),
        }
        for name, ties, value, df, p in rows
    ]
    raw = [
        computed({"statistic": name, "ties": ties, "value": value, "degrees_of_freedom": df, "p": p})
        for name, ties, value, df, p in rows
    ]
    return make_table("rank-tests", "Friedman's test", note, shown, raw)


def _statistics(
    blocks: Blocks, ties: str, found: FriedmanStatistic
) -> list[tuple[str, str, float, str, float | None]]:
    k, n = len(blocks.names), len(blocks.labels)
    return [
        ("Friedman's chi-square", ties, found.chi2, f"{k - 1}", found.chi2_p),
        ("Iman and Davenport's F", ties, found.f, f"{k - 1} and {(k - 1) * (n - 1)}", found.f_p),
    ]


def pair_table(blocks: Blocks) -> Table:
    """One row a pair, better mean ranks first; without p where the blocks are too few for any."""
    pairs, shown, raw = blocks.pairs, [], []
    for i, j in combinations(blocks.order, 2):
        effect, p, holm_p = float(pairs.effect[i, j]), float(pairs.p[i, j]), float(pairs.holm_p[i, j])
        row = {"Pair": f"{blocks.names[i]} - {blocks.names[j]}", "Effect": f"{effect:+.2f}"}
        if blocks.enough:
            row |= {
                "p": p_text(p),
                "p, Holm": p_text(holm_p),
                "Different": "yes" if holm_p < ALPHA else "not shown",
            }
        shown.append(row)
        raw.append(
            computed(
                {
                    "first": blocks.names[i],
                    "second": blocks.names[j],
                    "effect": effect,
                    "p": p if blocks.enough else None,
                    "p_holm": holm_p if blocks.enough else None,
                    "method": pairs.method if blocks.enough else None,
                    "blocks": len(blocks.labels),
                }
            )
        )
    return make_table("rank-pairs", _pair_title(blocks), _pair_note(blocks), shown[:PAGE_ROWS], raw)


def _pair_title(blocks: Blocks) -> str:
    if not blocks.enough:
        return "Effects of all pairs"
    return "Wilcoxon's test of all pairs" if blocks.metric else "Sign test of all pairs"


def _pair_note(blocks: Blocks) -> str:
    over = blocks.over
    count = len(blocks.names) * (len(blocks.names) - 1) // 2
    rest = f" The first {PAGE_ROWS:,} of {count:,} pairs; the CSV file has all." if count > PAGE_ROWS else ""
    effect = (
        f"Effect: rank-biserial correlation over {over}, from +1 (the first is better in all) to -1."
        if blocks.metric
        else f"Effect: share of {over} in which the first is better less that in which the second is."
    )
    if not blocks.enough:
        return effect + rest
    test = (
        f"Wilcoxon's signed ranks, {blocks.pairs.method} with ties and zeros (Pratt)"
        if blocks.metric
        else "the exact sign test, since differences of different metrics cannot be ranked"
    )
    return f"{effect} p: two-sided, {test}; Holm over {counted(count, 'pair')}.{rest}"


def bayesian_table(blocks: Blocks) -> Table | None:
    """The centre against each other strategy; None where there is no margin, or metrics differ."""
    if blocks.units is None or min(blocks.margins) <= 0:
        return None
    centre = blocks.names.index(blocks.centre)
    margins = np.array(blocks.margins)[:, None]
    scaled = blocks.oriented / margins
    samples = min(_MOST_SAMPLES, max(_LEAST_SAMPLES, _WORK // len(scaled) ** 2))
    shown, raw = [], []
    for index in (i for i in blocks.order if i != centre):
        found = bayesian_signed_rank(scaled[:, centre], scaled[:, index], 1.0, seed=SEED, samples=samples)
        shown.append(
            {
                "Pair": f"{blocks.centre} - {blocks.names[index]}",
                "P(first better)": f"{found.right:.3f}",
                "P(equivalent)": f"{found.rope:.3f}",
                "P(second better)": f"{found.left:.3f}",
            }
        )
        raw.append(
            {
                "first": blocks.centre,
                "second": blocks.names[index],
                "p_first": found.right,
                "p_equivalent": found.rope,
                "p_second": found.left,
                "blocks": len(blocks.labels),
                "samples": found.samples,
                "seed": SEED,
            }
        )
    note = (
        f"Posterior probability of what is likeliest for a further {blocks.noun}, from {blocks.over}: "
        f"the Bayesian signed-rank test (Benavoli et al. 2017) of {blocks.centre} ({blocks.centre_reason}) with each other "
        f"strategy, {_rope(blocks)} as the region of practical equivalence, prior strength 0.5, {found.samples:,} samples."
    )
    return make_table("rank-bayesian", "Bayesian signed-rank test", note, shown, raw)


def _rope(blocks: Blocks) -> str:
    if blocks.units is None or len(set(blocks.margins)) > 1:
        return f"each {blocks.noun}'s own margin"
    return (
        f"the margin, {blocks.units.difference(blocks.margins[0]).lstrip('+')}{blocks.units.difference_unit},"
    )
