"""The path from the default configuration to the best one, by the predictions of a forest."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.records.selection import select
from hpo.report.sections.explored import Explored, default_configuration, several_conditions
from hpo.report.sections.importances import SEED
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, value_text
from hpo.stats.path import Path, Step, path


def path_table(records: Records, explored: Explored) -> tuple[Table | None, str]:
    """One row a step; or why there is none, as a sentence, empty where the best is the default itself."""
    metric = records.run.metric
    best = select(explored.trials, metric)
    if best is None or several_conditions(records):
        return None, "No path from the default to the best: a parameter hangs on several conditions at once."
    strategy = records.run.reference or best.strategy
    default = default_configuration(records, explored, strategy)
    if default is None:
        return None, "No path from the default to the best: the space has no default configuration."
    goal = explored.configurations[explored.trials.index(best)]
    found = path(
        explored.parameters,
        explored.encoded,
        explored.oriented(metric.maximize),
        default=default,
        best=goal,
        seed=SEED,
    )
    if found.fit.r2 is None or found.fit.r2 <= 0:
        r2 = "not defined" if found.fit.r2 is None else f"{found.fit.r2:.2f}"
        why = f"No path from the default to the best: the forest behind it explains nothing (out-of-bag R2 {r2})."
        return None, why
    if not found.steps:
        return None, "The best configuration is the default one: there is no path between them."
    return _table(records, found, strategy, best.score), ""


def _table(records: Records, found: Path, strategy: str, reached: float | None) -> Table:
    units = Units(records.run.metric)
    sign = 1.0 if records.run.metric.maximize else -1.0
    start = sign * found.default_score
    shown = [{"Step": "0", "Change": "the default", "Predicted": units.value(start), "Gain": "-"}]
    raw = [computed({"step": 0, "change": "", "predicted": start, "gain": None})]
    before = found.default_score
    for number, step in enumerate(found.steps, start=1):
        score, gain = sign * step.score, step.score - before
        shown.append(
            {
                "Step": str(number),
                "Change": _change(step),
                "Predicted": units.value(score),
                "Gain": units.difference(gain),
            }
        )
        raw.append(computed({"step": number, "change": _change(step), "predicted": score, "gain": gain}))
        before = step.score
    fit = found.fit
    whose = f" of {strategy}" if len(records.run.strategies) > 1 else ""
    drawn = f", a draw from {fit.available:,}" if fit.available > fit.trials else ""
    note = (
        f"From the default configuration{whose} to the best complete trial of the run, each time the change that is "
        f"predicted to gain most (Biedenkapp et al. 2017). Every score is a prediction of one forest of {fit.trees} trees "
        f"on {fit.trials:,} trials{drawn} (out-of-bag R2 {fit.r2:.2f}), without an interval; the best trial itself scored "
        f"{units.value(reached)} on validation, where it was selected. Gain: in{units.difference_unit or ' the metric'}, "
        "above 0 where it improves."
    )
    return make_table("path", "Path from the default to the best", note, shown, raw)


def _change(step: Step) -> str:
    """``learning_rate 0.0003 to 0.001``, with what it switches on or off."""
    return "; ".join(
        f"{change.parameter} {'off' if change.old is None else value_text(change.old)} to "
        f"{'off' if change.new is None else value_text(change.new)}"
        for change in step.changes
    )
