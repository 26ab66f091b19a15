"""Ranks over blocks: Friedman's test, the tests of all pairs, their diagram and matrix, the Bayesian signed-rank test."""

from __future__ import annotations

from itertools import combinations

from hpo.records.run import Records
from hpo.records.verdict_rule import ALPHA
from hpo.report.blocks import Blocks, replicate_blocks
from hpo.report.figure import Figure
from hpo.report.section import Section
from hpo.report.sections.rank_figures import diagram, matrix_figure
from hpo.report.sections.rank_tables import bayesian_table, friedman_table, mean_rank_table, pair_table
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.text import listed, p_text

_TITLE = "Ranks"


def ranks_section(records: Records, judged: Verdict) -> Section:
    """Ranks over the replicates of one run; absent where they are no blocks."""
    blocks = replicate_blocks(records, judged)
    return Section("ranks", _TITLE, absent=blocks) if isinstance(blocks, str) else ranks_of(blocks)


def ranks_of(blocks: Blocks) -> Section:
    """Ranks over ``blocks``; mean ranks and effects alone where they are too few for any test."""
    if not blocks.enough:
        parts: list[Table | Figure] = [mean_rank_table(blocks), pair_table(blocks), matrix_figure(blocks)]
        return Section("ranks", _TITLE, (*blocks.notes, _too_few(blocks)), tuple(parts))
    parts = [mean_rank_table(blocks), friedman_table(blocks), diagram(blocks), pair_table(blocks)]
    parts.append(matrix_figure(blocks))
    bayesian = bayesian_table(blocks)
    parts += [bayesian] if bayesian else []
    return Section("ranks", _TITLE, (*blocks.notes, finding(blocks)), tuple(parts))


def _too_few(blocks: Blocks) -> str:
    return (
        f"Too few blocks: {len(blocks.labels):,} of {blocks.needed:,} needed. With fewer, no exact two-sided p of a pair "
        f"(at least 2 / 2^N of N blocks) can be below {ALPHA:g} after Holm over all pairs of {len(blocks.names)}: "
        "only mean ranks and effects stand here, no test."
    )


def leading(blocks: Blocks) -> str:
    """``cosine has the best mean rank, 1.50``."""
    have = "have" if len(blocks.leaders) > 1 else "has"
    return f"{listed(blocks.leaders)} {have} the best mean rank, {min(blocks.mean_ranks):.2f}"


def finding(blocks: Blocks) -> str:
    """What the tests over ``blocks`` show, in two sentences."""
    found = blocks.friedman.corrected
    alike = (
        "strategies do not all rank alike"
        if found.f_p < ALPHA
        else "it is not shown that strategies rank differently"
    )
    lead = f"Over {blocks.over}, {alike} (Friedman with Iman and Davenport's F, p {p_text(found.f_p)})."
    pairs = list(combinations(blocks.order, 2))
    count = sum(bool(blocks.pairs.holm_p[pair] < ALPHA) for pair in pairs)
    best = blocks.order[0]
    beaten = [i for i in blocks.order[1:] if blocks.pairs.holm_p[best, i] < ALPHA]
    level = [blocks.names[i] for i in blocks.order[1:] if i not in beaten]
    told = f"{leading(blocks)}; by tests of all pairs with Holm {blocks.names[best]} "
    differs = listed(f"{blocks.names[i]} (p {p_text(float(blocks.pairs.holm_p[best, i]))})" for i in beaten)
    others = f"differs from {differs}" if beaten else "differs from no other"
    others += f", not from {listed(level)}" if beaten and level else ""
    if len(pairs) == 1:
        return f"{lead} {told}{others}."
    differing = f"{count or 'none'} {'differ' if count > 1 else 'differs'}"
    return f"{lead} {told}{others}; of all {len(pairs):,} pairs, {differing}."
