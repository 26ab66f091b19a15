"""What was asked and what was recorded, row by row: setup, search space, trials, selected configurations."""

from __future__ import annotations

from typing import Any

from hpo.records.schema import NOT_RECORDED, DeviceInfo, ParameterInfo, Records, Run
from hpo.report import costs
from hpo.report.sizes import recorded, sizes_of
from hpo.report.table import Table, make_table
from hpo.report.terms import without_search
from hpo.report.text import Units, capitalised, configuration, counted, ranged, value_text


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
                **{name: _plain(c.parameters.get(name)) for name in names},
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
                **{name: _plain(t.parameters.get(name)) for name in names},
            }
        )
    note = (
        f"{capitalised(metric)}: the best on validation over the rungs, of complete trials alone; that of the last "
        "rung is not comparable between complete and pruned trials. Times in device-seconds, as if the trial had run alone."
    )
    return make_table("trials", "Every trial", note, shown, raw)


def _plain(value: Any) -> Any:
    """A value for a CSV cell."""
    return value_text(value) if isinstance(value, list | tuple) else value


def space_table(records: Records) -> Table:
    """The search space: one row a parameter."""
    shown = [_space_row(parameter) for parameter in records.run.space]
    raw = [{column.lower(): cell for column, cell in row.items()} for row in shown]
    note = "Each strategy's search draws from the same space; its first draw is the default."
    if records.run.source != "hpo":
        note = "As far as the source tells; what stands as a range was only seen in its trials."
    return make_table("space", "Search space", note, shown, raw)


def _space_row(parameter: ParameterInfo) -> dict[str, str]:
    p = parameter
    if p.kind == "range":
        step = "" if p.step is None else f", step {value_text(p.step)}"
        values = f"{value_text(p.low)} to {value_text(p.high)}{step}"
        scale = ("log" if p.log else "linear") + (", integer" if p.integer else "")
    else:
        values, scale = ", ".join(map(value_text, p.values)), p.kind
    conditions = (f"{other} is {' or '.join(map(value_text, of))}" for other, of in p.when.items())
    return {
        "Parameter": p.name,
        "Values": values,
        "Scale": scale,
        "Default": "-" if p.default is None else value_text(p.default),
        "Condition": "; ".join(conditions) or "-",
        "Meaning": p.meaning or "-",
    }


def setup_table(records: Records) -> Table:
    """What was asked, of which data and model, on what, with which versions."""
    run = records.run
    facts = {**_asked(run), **_data(run), **_how(run, records), **_where(run)}
    rows = [{"Item": item, "Value": value} for item, value in facts.items()]
    return make_table("setup", "Setup", "As recorded by the run.", rows, rows)


def _asked(run: Run) -> dict[str, str]:
    classes = "" if not run.split.labels else counted(len(run.split.labels), "class", "classes")
    labels = f", {classes}: {', '.join(run.split.labels)}" if classes else ""
    return {
        "Question": run.question,
        "Records": "made by hpo" if run.source == "hpo" else f"imported from {run.source}",
        "Task": f"{run.task}: {run.kind}{labels}",
        "Metric": f"{run.metric.name}, {'higher' if run.metric.maximize else 'lower'} is better",
    }


def _data(run: Run) -> dict[str, str]:
    split, model = run.split, run.model
    sizes = NOT_RECORDED
    if split.test:
        cut = "" if run.max_length is None else f" of at most {run.max_length} tokens"
        sizes = (
            f"{split.train:,} training, {split.validation:,} validation, {split.test:,} test texts{cut}; "
            f"{split.duplicates_dropped:,} duplicates dropped"
        )
    body = f"{model.source}; licence {model.licence}"
    if model.parameters:
        body = (
            f"{model.source}; {model.layers} layers of {model.hidden_size}, {model.parameters:,} parameters; "
            f"licence {model.licence}"
        )
    return {
        "Data": f"{split.source}; licence {split.licence}",
        "Splits": sizes,
        "Groups": "none" if split.groups is None else f"{len(set(split.groups)):,} among the test texts",
        "Splits, SHA-256": split.sha256,
        "Model": body,
        "Weights, SHA-256": model.sha256,
    }


def _how(run: Run, records: Records) -> dict[str, str]:
    search, sizes = run.search, sizes_of(records)
    rungs = ", ".join(f"{rung:,}" for rung in search.rungs) or "none"
    pruner = NOT_RECORDED if search.pruner is None else f"{search.pruner}; within a study only"
    fixed = next((c.parameters for c in records.confirmations if c.role == "baseline"), None)
    if run.baseline is None:
        baseline = "none"
    else:
        baseline = run.baseline if fixed is None else f"{run.baseline}: {configuration(fixed)}"
    searches = ranged(sizes.replicates, "search", "searches")
    budget = f"{searches} a strategy, {ranged(sizes.trials, 'trial')} a search"
    confirmation = f"{ranged(sizes.seeds, 'fresh seed')} a search, scored on the test split once"
    if without_search(run):
        budget = f"{recorded(run, sizes)} a strategy; no search is recorded"
        confirmation = "the test score of each training, recorded once"
    elif any(c.role == "strategy" and not c.fresh for c in records.confirmations):
        confirmation = "not always with a fresh seed: see the selected configurations"
    return {
        "Budget": budget,
        "Sampler": search.sampler or NOT_RECORDED,
        "Pruner": pruner,
        f"Rungs, {run.resource}": f"{rungs}, and the end",
        "Selection": search.selection or NOT_RECORDED,
        "Confirmation": confirmation,
        "Baseline": baseline,
        "Seed": NOT_RECORDED if run.seed is None else str(run.seed),
    }


def _where(run: Run) -> dict[str, str]:
    device, stamp = run.device, run.stamp
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    return {
        "Device": device.name if not device.threads else f"{device.name}, {_workers(device)}",
        "Precision": f"{device.precision}: {device.precision_reason}" if device.threads else NOT_RECORDED,
        "Versions": versions or NOT_RECORDED,
        "Began": NOT_RECORDED if stamp is None else stamp.began,
        "Command": NOT_RECORDED if stamp is None else stamp.command,
        "Source code": NOT_RECORDED if stamp is None or stamp.git is None else f"commit {stamp.git}",
        "Fixed beforehand, SHA-256": NOT_RECORDED if stamp is None else stamp.plan_sha256,
    }


def _seed(seed: int) -> str:
    return "-" if seed < 0 else str(seed)


def _workers(device: DeviceInfo) -> str:
    threads = counted(device.threads, "thread")
    return threads if device.workers == 1 else f"{device.workers} workers of {threads} each"
