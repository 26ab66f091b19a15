"""What was asked and what was recorded, row by row: setup, search space, trials, selected configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.config.experiment import Choices, Experiment, Fixed, Range, Setting
from hpo.config.parameters import PARAMETERS
from hpo.records.schema import DeviceInfo, Records, charged_seconds
from hpo.report.table import Table, make_table
from hpo.report.text import configuration, counted, percent, value_text


def searched(records: Records) -> list[str]:
    """Names of the parameters that the search draws, in the order of the space file."""
    parameters = Experiment.model_validate(records.run.experiment).parameters
    return [name for name, setting in parameters.items() if not isinstance(setting, Fixed)]


def selected_table(records: Records) -> Table:
    """One row a confirmation of a selected configuration."""
    names = searched(records)
    shown, raw = [], []
    for c in records.confirmations:
        if c.role != "strategy":
            continue
        selected = "-" if c.selected_accuracy is None else percent(c.selected_accuracy)
        shown.append(
            {
                "Strategy": c.strategy,
                "Replicate": str(c.replicate),
                "Draw": str(c.draw),
                "Fresh seed": str(c.seed),
                "Validation at selection": selected,
                "Validation, retrained": percent(c.validation_accuracy),
                "Test": percent(c.test_accuracy),
                **{name: value_text(c.parameters.get(name, "-")) for name in names},
            }
        )
        raw.append(
            {
                "strategy": c.strategy,
                "replicate": c.replicate,
                "draw": c.draw,
                "seed": c.seed,
                "validation_at_selection": c.selected_accuracy,
                "validation_retrained": c.validation_accuracy,
                "test_accuracy": c.test_accuracy,
                **{name: _plain(c.parameters.get(name)) for name in names},
            }
        )
    note = "Each search's best complete trial by validation, trained again with a fresh seed and tested once."
    return make_table("selected", "Selected configurations", note, shown, raw)


def trial_table(records: Records) -> Table:
    """Every trial as a row."""
    names = searched(records)
    shown, raw = [], []
    for t in records.trials:
        examples = t.segments[-1].examples if t.segments else 0
        last = t.rungs[-1].accuracy if t.rungs else None
        same = "" if t.duplicate_of is None else f" (same as draw {t.duplicate_of})"
        shown.append(
            {
                "Strategy": t.strategy,
                "Replicate": str(t.replicate),
                "Draw": str(t.draw),
                "State": t.state,
                "Accuracy": "-" if t.accuracy is None else percent(t.accuracy),
                "Last rung": "-" if last is None else percent(last),
                "Examples": f"{examples:,}",
                "Charged, s": f"{charged_seconds(t):,.1f}",
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
                "accuracy": t.accuracy,
                "accuracy_last_rung": last,
                "examples": examples,
                "seconds_charged": charged_seconds(t),
                **{name: _plain(t.parameters.get(name)) for name in names},
            }
        )
    note = (
        "Accuracy: best validation accuracy over the rungs, of complete trials alone; that of the last rung is not "
        "comparable between complete and pruned trials. Times in device-seconds, as if the trial had run alone."
    )
    return make_table("trials", "Every trial", note, shown, raw)


def _plain(value: Any) -> Any:
    """A value for a CSV cell."""
    return value_text(value) if isinstance(value, list | tuple) else value


def space_table(records: Records) -> Table:
    """The search space: one row a parameter that the space file names."""
    experiment = Experiment.model_validate(records.run.experiment)
    shown = []
    if experiment.compare is not None:
        compared = experiment.compare
        shown.append(
            _space_row(compared.parameter, ", ".join(map(value_text, compared.values)), "compared", "-", {})
        )
    shown += [_setting_row(name, setting) for name, setting in experiment.parameters.items()]
    raw = [{column.lower(): cell for column, cell in row.items()} for row in shown]
    note = "Each strategy's search draws from the same space; its first draw is the default."
    return make_table("space", "Search space", note, shown, raw)


def _setting_row(name: str, setting: Setting) -> dict[str, str]:
    if isinstance(setting, Fixed):
        return _space_row(name, value_text(setting.value), "fixed", "-", {})
    if isinstance(setting, Range):
        scale = ("log" if setting.log else "linear") + (", integer" if setting.integer else "")
        step = "" if setting.step is None else f", step {value_text(setting.step)}"
        values = f"{value_text(setting.low)} to {value_text(setting.high)}{step}"
        return _space_row(name, values, scale, value_text(setting.default), setting.when)
    assert isinstance(setting, Choices)
    values = ", ".join(map(value_text, setting.choices))
    return _space_row(name, values, "choices", value_text(setting.default), setting.when)


def _space_row(
    name: str, values: str, scale: str, default: str, when: Mapping[str, tuple[Any, ...]]
) -> dict[str, str]:
    condition = "; ".join(f"{other} is {' or '.join(map(value_text, of))}" for other, of in when.items())
    return {
        "Parameter": name,
        "Values": values,
        "Scale": scale,
        "Default": default,
        "Condition": condition or "-",
        "Meaning": PARAMETERS[name].doc if name in PARAMETERS else "-",
    }


def setup_table(records: Records) -> Table:
    """What was asked, of which data and model, on what, with which versions."""
    run = records.run
    experiment = Experiment.model_validate(run.experiment)
    budget, split, model, device = experiment.budget, run.split, run.model, run.device
    rungs = ", ".join(f"{rung:,}" for rung in budget.rungs) or "none"
    pruner: str = budget.pruner
    if pruner in {"successive_halving", "hyperband"}:
        pruner += f", reduction factor {budget.reduction_factor}"
    facts = {
        "Question": run.question,
        "Task": f"{experiment.task.kind}, {counted(len(split.labels), 'class', 'classes')}: {', '.join(split.labels)}",
        "Data": f"{split.source}; licence {split.licence}",
        "Splits": f"{split.train:,} training, {split.validation:,} validation, {split.test:,} test texts of at most "
        f"{experiment.task.max_length} tokens; {split.duplicates_dropped:,} duplicates dropped",
        "Groups": "none" if split.groups is None else f"{len(set(split.groups)):,} among the test texts",
        "Splits, SHA-256": split.sha256,
        "Model": f"{model.source}; {model.layers} layers of {model.hidden_size}, {model.parameters:,} parameters; "
        f"licence {model.licence}",
        "Weights, SHA-256": model.sha256,
        "Device": f"{device.name}, {_workers(device)}",
        "Precision": f"{device.precision}: {device.precision_reason}",
        "Budget": f"{counted(run.replicates, 'search', 'searches')} a strategy, {counted(run.trials, 'trial')} a search",
        "Sampler": budget.sampler,
        "Pruner": f"{pruner}; within a study only",
        "Rungs, examples seen": f"{rungs}, and the end",
        "Selection": "the complete trial with the highest validation accuracy of its search",
        "Confirmation": f"{counted(run.seeds, 'fresh seed')} a search, scored on the test split once",
        "Baseline": "none"
        if experiment.baseline is None
        else f"{run.baseline}: {configuration(experiment.baseline)}",
        "Seed": str(experiment.seed),
        "Versions": ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items())),
    }
    rows = [{"Item": item, "Value": value} for item, value in facts.items()]
    return make_table("setup", "Setup", "As recorded by the run.", rows, rows)


def _workers(device: DeviceInfo) -> str:
    threads = counted(device.threads, "thread")
    return threads if device.workers == 1 else f"{device.workers} workers of {threads} each"
