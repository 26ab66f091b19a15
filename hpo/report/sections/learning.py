"""How trials learned: their scores rung by rung, and the learning rates that they had there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.records.run import Records
from hpo.records.trainings import Rung, Trial
from hpo.report.figure import Axis, Dots, Figure, Line, Mark, Panel, Weight
from hpo.report.section import Section
from hpo.report.sections.learning_bands import banded_curves
from hpo.report.sections.learning_tables import curve_table
from hpo.report.sections.rungs import limits, rung_axis
from hpo.report.sections.schedules import schedules_figure
from hpo.report.sections.selected import Key, key, selected
from hpo.report.sentences import Verdict
from hpo.report.text import Units, configuration, counted

LINE_POINTS = 2000  # of all lines of a figure; above it curves are drawn as quantiles

_ENDS = {"pruned": "x", "failed": "triangle-down"}


def learning_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """Learning curves, and the learning-rate schedules as they were run."""
    if not any(len(t.rungs) > 1 for t in records.trials):
        return Section("learning", "Learning curves", absent=_absent(records))
    rates = schedules_figure(records)
    parts = (learning_curves(records), *([rates] if rates else []))
    missing = "" if rates else "Learning rates were not recorded with the scores."
    return Section("learning", "Learning curves", (missing,) if missing else (), parts)


def _absent(records: Records) -> str:
    if records.run.source == "hpo" and not any(t.rungs for t in records.trials):
        return "No trial has reached a rung yet."
    return "Trials have one score each, of their end: rungs, or scores reported on the way, would show how they learned."


def learning_curves(records: Records) -> Figure:
    """Validation score against the resource, a panel a strategy: a line a trial, or quantiles of very many."""
    points = sum(len(t.rungs) for t in records.trials)
    return banded_curves(records) if points > LINE_POINTS else _lines(records)


def _lines(records: Records) -> Figure:
    run, units = records.run, Units(records.run.metric)
    chosen = selected(records)
    y = Axis(units.axis("validation"), limits=limits(units.scale * r.score for r in _rungs(records.trials)))
    panels = []
    for index, name in enumerate(run.strategies):
        marks = list(_legend(records.trials)) if index == 0 else []
        for trial in (t for t in records.trials if t.strategy == name and t.rungs):
            marks += _curve(records, trial, index, chosen)
        panels.append(Panel(marks, rung_axis(records), y, heading=name))
    return Figure(
        name="curves",
        title="Learning curves",
        caption=_caption(records),
        alt=_alt(records),
        panels=panels,
        table=curve_table(records, chosen),
    )


def _rungs(trials: Sequence[Trial]) -> Iterator[Rung]:
    return (rung for trial in trials for rung in trial.rungs)


def _legend(trials: Sequence[Trial]) -> Iterator[Mark]:
    """Marks without points, which give the legend its samples: what a line means, whichever strategy it is of."""
    yield Line((), (), "selected", weight="strong", markers=True)
    yield Line((), (), "complete")
    for state, marker in _ENDS.items():
        if any(t.state == state and t.rungs for t in trials):
            yield Dots((), (), state, marker=marker)


def _curve(records: Records, trial: Trial, index: int, chosen: frozenset[Key]) -> Iterator[Mark]:
    """A trial's line; it is grey and ends with a marker where the trial did not come to its end."""
    ended = trial.state in _ENDS
    strong = key(trial) in chosen
    name = trial.state if ended else "selected" if strong else "complete"
    x, y = _points(records, trial)
    hover = _hover(records, trial)
    if not ended:
        weight: Weight = "strong" if strong else "normal"
        yield Line(x, y, name, index, weight, markers=strong, hover=hover, dash=trial.replicate)
        return
    if len(x) > 1:
        yield Line(x, y, name, weight="faint", hover=hover, dash=trial.replicate)
    yield Dots(x[-1:], y[-1:], name, marker=_ENDS[trial.state], hover=hover[-1:])


def _points(records: Records, trial: Trial) -> tuple[list[float], list[float]]:
    scale = Units(records.run.metric).scale
    return [float(r.examples) for r in trial.rungs], [scale * r.score for r in trial.rungs]


def _hover(records: Records, trial: Trial) -> list[str]:
    units, resource = Units(records.run.metric), records.run.resource
    drawn = {p.name for p in records.run.space if p.kind in {"choices", "range"}}
    told = configuration({name: value for name, value in trial.parameters.items() if name in drawn})
    lead = f"replicate {trial.replicate}, draw {trial.draw}: {trial.state}"
    return [f"{lead}\n{units.value(r.score)} at {r.examples:,} {resource}\n{told}" for r in trial.rungs]


def _caption(records: Records) -> str:
    several = ", a dash pattern a replicate" if records.run.replicates > 1 else ""
    without = sum(not t.rungs for t in records.trials)
    missing = f" {counted(without, 'trial')} without an evaluated rung have no line." if without else ""
    return (
        f"Validation {records.run.metric.name} at each rung. A line is a trial{several}; thick with markers: selected by "
        f"its search; grey, ending in a cross: pruned there.{missing}"
    )


def _alt(records: Records) -> str:
    units = Units(records.run.metric)
    scores = [r.score for r in _rungs(records.trials)]
    pruned = sum(t.state == "pruned" for t in records.trials)
    return (
        f"Learning curves of {counted(len(records.trials), 'trial')}, {pruned:,} of them pruned; validation "
        f"{records.run.metric.name} from {units.value(min(scores))} to {units.value(max(scores))}."
    )
