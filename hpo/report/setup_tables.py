"""What was asked, over which space, on what: the setup of a run, as it recorded it or as an import took it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.records.base import NOT_RECORDED
from hpo.records.charges import charged_seconds
from hpo.records.run import Records, Run
from hpo.records.search import ParameterInfo
from hpo.records.setup import DeviceInfo, ModelInfo
from hpo.report import costs
from hpo.report.analysis import Analysis
from hpo.report.sizes import recorded, search_budget, sizes_of
from hpo.report.table import Table, computed, make_table
from hpo.report.terms import class_of, without_search
from hpo.report.text import Units, configuration, counted, listed, ranged, value_text


def setup_table(records: Records) -> Table:
    """What was asked, of which data and model, on what, with which versions."""
    run = records.run
    facts = {**_asked(run), **_data(run), **_how(run, records), **_where(run)}
    rows = [{"Item": item, "Value": value} for item, value in facts.items()]
    return make_table("setup", "Setup", "As recorded by the run.", rows, rows)


def models_table(records: Records, analysis: Analysis) -> Table:
    """The pretrained models that are compared: size, score, and what a training costs; no rows where all train one."""
    means = {standing.name: standing.estimate.mean for standing in analysis.standings}
    facts = [
        _model_facts(records, name, model, means.get(name)) for name, model in records.run.models.items()
    ]
    metric = records.run.metric
    shown = [
        {
            "Model": fact["model"],
            "Source": fact["source"],
            "Layers": f"{fact['layers']:,}",
            "Hidden size": f"{fact['hidden_size']:,}",
            "Parameters": f"{fact['parameters']:,}",
            "Licence": fact["licence"],
            f"Test {metric.name}": Units(metric).value(fact["test_score"]),
            "Charged a confirmation, s": costs.cell(fact["seconds_charged_a_confirmation"]),
        }
        for fact in facts
    ]
    note = (
        "Layers and parameters: of the pretrained body, without a head. Charged: mean device-seconds of a strategy's "
        "confirmations, each as if it had run alone."
    )
    return make_table("models", "Models compared", note, shown, [computed(fact) for fact in facts])


def _model_facts(records: Records, name: str, model: ModelInfo, score: float | None) -> dict[str, Any]:
    tested = [c for c in records.confirmations if (c.role, c.strategy) == ("strategy", name)]
    known = [charged_seconds(c) for c in tested if costs.is_recorded(c)]
    return {
        "model": name,
        "source": model.source,
        "layers": model.layers,
        "hidden_size": model.hidden_size,
        "parameters": model.parameters,
        "licence": model.licence,
        "test_score": score,
        "seconds_charged_a_confirmation": sum(known) / len(known) if known else None,
    }


def inferred_table(records: Records) -> Table:
    """What the import of another tool's run took for what; no rows where hpo ran it."""
    shown = [{"No.": f"{n}", "Note": note} for n, note in enumerate(records.run.notes, start=1)]
    raw = [{"number": row["No."], "note": row["Note"]} for row in shown]
    return make_table("inferred", "What the import inferred", "As `hpo import` printed it.", shown, raw)


def space_table(records: Records) -> Table:
    """The search space: one row a parameter."""
    shown = [_space_row(parameter) for parameter in records.run.space]
    raw = [{column.lower(): cell for column, cell in row.items()} for row in shown]
    note = "Each strategy's search draws from the same space; its first draw is the default."
    if records.run.source != "hpo":
        note = "As far as the source tells."
    if any(parameter.observed for parameter in records.run.space):
        note += " Where values were only seen, the range is not recorded and may be wider."
    return make_table("space", "Search space", note, shown, raw)


def _space_row(parameter: ParameterInfo) -> dict[str, str]:
    p = parameter
    if p.kind == "range":
        step = "" if p.step is None else f", step {value_text(p.step)}"
        seen = "values seen from " if p.observed else ""
        values = f"{seen}{value_text(p.low)} to {value_text(p.high)}{step}"
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


def _asked(run: Run) -> dict[str, str]:
    classes = "" if not run.split.labels else counted(len(run.split.labels), *class_of(run.kind))
    labels = f", {classes}: {', '.join(run.split.labels)}" if classes else ""
    return {
        "Question": run.question,
        "Records": _made(run),
        "Task": f"{run.task}: {run.kind}{labels}",
        "Metric": f"{run.metric.name}, {'higher' if run.metric.maximize else 'lower'} is better",
    }


def _made(run: Run) -> str:
    if run.source != "hpo":
        return f"imported from {run.source}"
    return "made by hpo" + ("" if run.form is None else f"; the {run.form} form of the space")


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
        **({} if split.scrubbed is None else {"Replaced in the texts": scrubbed_words(split.scrubbed)}),
        "Groups": "none" if split.groups is None else f"{len(set(split.groups)):,} among the test texts",
        "Splits, SHA-256": split.sha256,
        **(
            {"Shift sets": listed(f"{s.name} ({counted(s.size, 'text')})" for s in run.shifts)}
            if run.shifts
            else {}
        ),
        "Model": body,
        "Weights, SHA-256": model.sha256,
    }


def scrubbed_words(counts: Mapping[str, int]) -> str:
    """``3 e-mail addresses, 1 telephone number and 0 card numbers``."""
    names = {
        "EMAIL": ("e-mail address", "e-mail addresses"),
        "PHONE": ("telephone number", None),
        "CARD": ("card number", None),
    }
    return listed(counted(counts.get(kind, 0), *words) for kind, words in names.items())


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
    budget = f"{searches} a strategy, {search_budget(run, sizes)} a search"
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


def _workers(device: DeviceInfo) -> str:
    threads = counted(device.threads, "thread")
    return threads if device.workers == 1 else f"{device.workers} workers of {threads} each"
