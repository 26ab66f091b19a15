"""What was recorded, row by row: trials and selected configurations."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.report import costs
from hpo.report.table import Table, make_table
from hpo.report.terms import without_search
from hpo.report.text import Units, capitalised, plain_value, value_text


def searched(records: Records) -> list[str]:
    """Names of the parameters that the search draws, in the order of the space file."""
    return [parameter.name for parameter in records.run.space if parameter.kind in {"choices", "range"}]


def selected_table(records: Records) -> Table:
    """One row a confirmation of a selected configuration, or a training where no search is recorded."""
    names, units = searched(records), Units(records.run.metric)
    alone = without_search(records.run)
    shown, raw = [], []
    for c in records.confirmations:
        if c.role != "strategy":
            continue
        shown.append(
            {
                "Strategy": c.strategy,
                "Replicate": str(c.replicate),
                **({} if alone else {"Draw": "-" if c.draw is None else str(c.draw)}),
                "Seed": _seed(c.seed) + ("" if c.fresh else " (the selected trial's own)"),
                **({} if alone else {"Validation at selection": units.value(c.selected_score)}),
                "Validation" if alone else "Validation, retrained": units.value(c.validation_score),
                "Test": units.value(c.test_score),
                **{name: value_text(c.parameters.get(name, "-")) for name in names},
            }
        )
        raw.append(
            {
                "strategy": c.strategy,
                "replicate": c.replicate,
                "draw": c.draw,
                "seed": c.seed,
                "validation_at_selection": c.selected_score,
                "validation_retrained": c.validation_score,
                "test_score": c.test_score,
                **{name: plain_value(c.parameters.get(name)) for name in names},
            }
        )
    title = "Trainings with a test score" if alone else "Selected configurations"
    return make_table("selected", title, _selected_note(records), shown, raw)


def _selected_note(records: Records) -> str:
    if without_search(records.run):
        return "Each training as recorded, once; no search is recorded."
    if any(c.role == "strategy" and not c.fresh for c in records.confirmations):
        return "Each search's best complete trial by validation; the test score is not always that of a fresh seed."
    return "Each search's best complete trial by validation, trained again with a fresh seed and tested once."


def trial_table(records: Records) -> Table:
    """Every trial as a row."""
    names, units = searched(records), Units(records.run.metric)
    metric = records.run.metric.name
    shown, raw = [], []
    for t in records.trials:
        examples = t.rungs[-1].examples if t.rungs else t.segments[-1].examples if t.segments else 0
        last = t.rungs[-1].score if t.rungs else None
        same = "" if t.duplicate_of is None else f" (same as draw {t.duplicate_of})"
        shown.append(
            {
                "Strategy": t.strategy,
                "Replicate": str(t.replicate),
                "Draw": str(t.draw),
                "State": t.state,
                capitalised(metric): units.value(t.score),
                "Last rung": units.value(last),
                capitalised(records.run.resource): f"{examples:,}",
                "Charged, s": costs.cell(costs.charged([t])),
                **{name: value_text(t.parameters.get(name, "-")) for name in names},
                "Reason": t.reason + same,
            }
        )
        raw.append(
            {
                "strategy": t.strategy,
                "replicate": t.replicate,
                "draw": t.draw,
                "seed": t.seed,
                "state": t.state,
                "reason": t.reason,
                "duplicate_of": t.duplicate_of,
                "score": t.score,
                "score_last_rung": last,
                "examples": examples,
                "seconds_charged": costs.charged([t]),
                **{name: plain_value(t.parameters.get(name)) for name in names},
            }
        )
    note = (
        f"{capitalised(metric)}: the best on validation over the rungs, of complete trials alone; that of the last "
        "rung is not comparable between complete and pruned trials. Times in device-seconds, as if the trial had run alone."
    )
    return make_table("trials", "Every trial", note, shown, raw)


def _seed(seed: int) -> str:
    return "-" if seed < 0 else str(seed)
