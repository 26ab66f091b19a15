"""Who survived which rung, and how far the order at a rung foretells the final one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.records.run import Records
from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.sections.rung_levels import Levels, rows_of_strategies
from hpo.report.table import Table, computed, make_table
from hpo.report.text import capitalised, counted
from hpo.stats.pruning import LEAST_TRIALS, RankCorrelation, Survival, Trial, rank_correlation, survival

MOST_RANKED = (
    150  # trials of a kind whose ranks are correlated: more make the bootstrap slow and tell little more
)
RESAMPLES = 1000

_LABELS = 5  # of rungs, that have room on one column
_WIDTH = 0.2  # of a rung, over which strategies stand beside each other
_STOPPED = Trial(
    (0.0,), 0, None
)  # a pruned trial whose end nobody knows: all that counts of it is that it is one


def survival_figure(records: Records, side: Levels) -> Figure | None:
    """Share of trainings that went on past each rung, a line a strategy; None where no rung is known."""
    if not side.rungs or not side.all:
        return None
    found = {name: _survived(own, len(side.rungs)) for name, own in side.trials.items() if own}
    lines = [_line(records, name, found[name], side) for name in records.run.strategies if name in found]
    sizes = sorted({len(own) for own in side.trials.values() if own})
    many = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    ends = "; ".join(f"{line.name} {line.y[-1]:.0f} %" for line in lines)
    labelled = range(0, len(side.rungs), 1 + (len(side.rungs) - 1) // _LABELS)
    ticks = [(0.0, "start"), *((place + 1.0, f"{side.rungs[place]:,}") for place in labelled)]
    return Figure(
        name="survival",
        title="Survival",
        caption=(
            f"Share of a strategy's trainings ({many} each, every configuration of a search once) that no rung up to this "
            "one stopped; strategies stand a little beside each other. Failed trainings count as not stopped. These are all "
            "trials of the run, so there is no interval."
        ),
        alt=f"Share of trainings that no rung stopped, at the last rung: {ends}.",
        panels=(
            Panel(
                lines,
                Axis(f"rung, {records.run.resource}", limits=(-0.4, len(side.rungs) + 0.4), ticks=ticks),
                Axis("not pruned, %", limits=(0.0, 104.0)),
            ),
        ),
        table=_survival_table(records, side, found),
    )


def _line(records: Records, name: str, found: Sequence[Survival], side: Levels) -> Line:
    """One strategy's line, a little beside the others', so that equal ones do not hide each other."""
    index, total = records.run.strategies.index(name), len(side.trials[name])
    beside = _WIDTH * (index / max(len(records.run.strategies) - 1, 1) - 0.5)
    stops = [
        f"{name}\n{s.stopped:,} of {s.reached:,} stopped at {rung:,}"
        for s, rung in zip(found, side.rungs, strict=True)
    ]
    return Line(
        x=[place + beside for place in range(len(found) + 1)],
        y=[100.0, *(100 * _past(found, place, total) for place in range(len(found)))],
        name=name,
        style=index,
        markers=True,
        hover=[f"{name}\n{total:,} begun", *stops],
    )


def _survived(trials: Sequence[Trial], rungs: int) -> tuple[Survival, ...]:
    """Survival at every rung, those that no trial of the strategy reached too."""
    known = survival(trials)[:rungs]
    return (*known, *[Survival(0, 0)] * (rungs - len(known)))


def _past(found: Sequence[Survival], rung: int, trials: int) -> float:
    return 1 - sum(s.stopped for s in found[: rung + 1]) / trials


def _survival_table(records: Records, side: Levels, found: dict[str, tuple[Survival, ...]]) -> Table:
    shown, raw = [], []
    for name, own in found.items():
        total = len(side.trials[name])
        for place, (rung, s) in enumerate(zip(side.rungs, own, strict=True)):
            past = _past(own, place, total)
            shown.append(
                {
                    "Strategy": name,
                    f"Rung, {records.run.resource}": f"{rung:,}",
                    "Reached": f"{s.reached:,}",
                    "Stopped": f"{s.stopped:,}",
                    "Not pruned": f"{100 * past:.1f} %",
                }
            )
            raw.append(
                {
                    "strategy": name,
                    "rung": rung,
                    "reached": s.reached,
                    "stopped": s.stopped,
                    **computed({"not_pruned": past}),
                }
            )
    note = (
        "Trainings that were evaluated at a rung before their end, and those of them that were pruned there."
    )
    return make_table("survival", "Survival", note, shown, raw)


def correlation_table(records: Records, side: Levels) -> Table:
    """Kendall's tau-b of each rung's scores with the final ones, by strategy and over all; no rows without rungs."""
    audit = any(t.pruned_at is not None and t.final is not None for t in side.all)
    shown, raw = [], []
    for label, strategy in rows_of_strategies(records):
        own = side.all if strategy is None else side.trials[strategy]
        kept = _ranked(own)
        for place, rung in enumerate(side.rungs):
            found = rank_correlation(kept, place, seed=0, repeats=RESAMPLES)
            survivors = [t for t in kept if t.pruned_at is None]
            alone = rank_correlation(survivors, place, seed=0, repeats=RESAMPLES) if audit else found
            lead = {"Strategy": label, f"Rung, {records.run.resource}": f"{rung:,}"}
            beside = {"Survivors alone": _tau(alone)} if audit else {}
            shown.append({**lead, **_cells(kept, place, found), **beside})
            raw.append({"strategy": strategy, "rung": rung, **_facts(found, alone)})
    return make_table(
        "rank_correlation",
        "Rank correlation of rungs with the end",
        _note(records, audited=audit),
        shown,
        raw,
    )


def _ranked(trials: Sequence[Trial]) -> list[Trial]:
    """``trials`` with at most ``MOST_RANKED`` complete and audited ones, drawn at random, and pruned ones in proportion.

    The proportion is what weights the audited ones, so that a sample of the complete ones keeps them right.
    """
    finished = [t for t in trials if t.final is not None]
    complete = [t for t in finished if t.pruned_at is None]
    audited = [t for t in finished if t.pruned_at is not None]
    pruned = sum(t.pruned_at is not None for t in trials)
    random = np.random.default_rng(0)
    stopped = round(pruned * min(1.0, MOST_RANKED / max(len(complete), 1)))
    known = _some(audited, min(MOST_RANKED, stopped), random)
    return [*_some(complete, MOST_RANKED, random), *known, *[_STOPPED] * (stopped - len(known))]


def _some(trials: Sequence[Trial], most: int, random: np.random.Generator) -> list[Trial]:
    if len(trials) <= most:
        return list(trials)
    return [trials[i] for i in sorted(random.choice(len(trials), most, replace=False))]


def _cells(trials: Sequence[Trial], rung: int, found: RankCorrelation | None) -> dict[str, str]:
    if found is None:
        known = sum(t.final is not None and len(t.scores) > rung for t in trials)
        few = "too few" if known < LEAST_TRIALS else "constant"
        return {"Kendall's tau-b": few, "95 % interval": "-", "Trials": f"{known:,}", "Audited": "-"}
    return {
        "Kendall's tau-b": f"{found.tau:.2f}",
        "95 % interval": f"{found.low:.2f} to {found.high:.2f}",
        "Trials": f"{found.trials:,}",
        "Audited": f"{found.audited:,}",
    }


def _tau(found: RankCorrelation | None) -> str:
    return "-" if found is None else f"{found.tau:.2f} ({found.low:.2f} to {found.high:.2f})"


def _facts(found: RankCorrelation | None, survivors: RankCorrelation | None) -> dict[str, float | int | None]:
    facts = {
        "tau_b": None if found is None else found.tau,
        "interval_low": None if found is None else found.low,
        "interval_high": None if found is None else found.high,
        "trials": None if found is None else found.trials,
        "audited": None if found is None else found.audited,
        "tau_b_survivors": None if survivors is None else survivors.tau,
    }
    return computed(facts)


def _note(records: Records, *, audited: bool) -> str:
    of = (
        "Audited trials stand for all pruned ones, weighted by the inverse of their chance to be drawn (Horvitz and "
        "Thompson 1952)."
        if audited
        else "Of trials alone that came to their end: pruning cut the low scores off, so that this is not the correlation "
        "on which the pruner relied, and mostly lower. `hpo audit` would add a sample of pruned trials."
    )
    part = "the final score is the best over the rungs, so that this rung's score is part of it. "
    return (
        "Score at the rung with the final one, over searches together, while the pruner compares within one. "
        f"{of} Interval: 95 %, percentile bootstrap of {RESAMPLES:,} resamples over trials, taken as independent. "
        f"{capitalised(part) if records.run.source == 'hpo' else ''}"
        f"Fewer than {LEAST_TRIALS} trials: too few. Of more than {counted(MOST_RANKED, 'complete trial')} that many are "
        "drawn at random."
    )
