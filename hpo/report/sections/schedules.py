"""Learning-rate schedules as they were run: the rate at each rung of the selected trials."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.run import Records
from hpo.records.trainings import Rung, Trial
from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.sections.rungs import limits, rung_axis
from hpo.report.sections.selected import PAGE_ROWS, key, selected
from hpo.report.table import Table, make_table
from hpo.report.text import capitalised, counted, value_text


def schedules_figure(records: Records) -> Figure | None:
    """Learning rate against the resource, a panel a strategy, a line a selected trial; None where none was recorded."""
    chosen = selected(records)
    trials = [t for t in records.trials if key(t) in chosen and _rated(t)]
    if not trials:
        return None
    rates = [rate for t in trials for _, rate in _rated(t)]
    y = Axis("learning rate", limits=limits([0.0, *rates]))
    panels = [
        Panel([_line(t, index) for t in trials if t.strategy == name], rung_axis(records), y, heading=name)
        for index, name in enumerate(records.run.strategies)
    ]
    return Figure(
        name="schedules",
        title="Learning rates as they were run",
        caption=f"Learning rate of the last step before each rung of the {counted(len(trials), 'selected trial')}; what "
        "lies between rungs was not recorded. A line is a trial, a dash pattern a replicate.",
        alt=f"Learning rates of {counted(len(trials), 'selected trial')} from {value_text(min(rates))} to "
        f"{value_text(max(rates))}.",
        panels=panels,
        table=_table(records, trials),
        legend=False,
    )


def _rated(trial: Trial) -> list[tuple[Rung, float]]:
    """Rungs of ``trial`` whose learning rate was recorded."""
    return [(rung, rung.learning_rate) for rung in trial.rungs if rung.learning_rate is not None]


def _line(trial: Trial, index: int) -> Line:
    rated = _rated(trial)
    lead = f"replicate {trial.replicate}, draw {trial.draw}"
    return Line(
        x=[float(rung.examples) for rung, _ in rated],
        y=[rate for _, rate in rated],
        style=index,
        markers=True,
        hover=[f"{lead}\n{value_text(rate)} at {rung.examples:,}" for rung, rate in rated],
        dash=trial.replicate,
    )


def _table(records: Records, trials: Sequence[Trial]) -> Table:
    rows = [(t, rung, rate) for t in trials for rung, rate in _rated(t)]
    shown = [
        {
            "Strategy": t.strategy,
            "Replicate": str(t.replicate),
            "Draw": str(t.draw),
            capitalised(records.run.resource): f"{rung.examples:,}",
            "Learning rate": value_text(rate),
        }
        for t, rung, rate in rows[:PAGE_ROWS]
    ]
    raw = [
        {
            "strategy": t.strategy,
            "replicate": t.replicate,
            "draw": t.draw,
            "examples": rung.examples,
            "learning_rate": rate,
        }
        for t, rung, rate in rows[:PAGE_ROWS]
    ]
    note = "Of the last step before the rung."
    if len(rows) > PAGE_ROWS:
        note = f"The first {PAGE_ROWS:,} of {len(rows):,} rungs; all: data/rungs.csv. {note}"
    return make_table("schedules", "Learning rates", note, shown, raw)
