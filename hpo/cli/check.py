"""`hpo check`: what a space file would train, and what that would take."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.spaces import BudgetOption, DeviceOption, SpaceOption, fetch_assets, one_by_one, open_spaces
from hpo.cli.words import count_of, duration, line, printable, size

if TYPE_CHECKING:
    from hpo.config.experiment import Experiment, Setting
    from hpo.config.space import Space
    from hpo.records.setup import ModelInfo, PrivacyInfo, ShiftInfo, SplitInfo
    from hpo.search.coordinator import Checked
    from hpo.search.estimate import Estimate, Span
    from hpo.search.plan import Plan

NO_ANSWER = "a trial of the machinery, and no answer"
EXAMPLE = """\
Example:

  $ hpo check --space lr_schedules
  strategies             5 values of schedule: constant, linear, ...
  search                 25 studies of 4 trials, 100 in all, in 5 replicates
  rungs                  128, 256, 512 examples
  ...
  time                   2 min to 4 min in 2 workers, by steps tried in 14 s
  next: hpo run --space lr_schedules
"""


def check(
    space: SpaceOption,
    device: DeviceOption = None,
    budget: BudgetOption = None,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Try no steps: leave memory, disk and time out.")
    ] = False,
) -> None:
    """Validate a space file, fetch what it names and print its plan, with what it takes of memory, disk and time.

    For that it tries a few steps, which are thrown away; nothing is stored.
    """
    spaces = open_spaces(space, budget)
    from hpo.search.coordinator import check_experiment

    width = shutil.get_terminal_size().columns
    for opened in one_by_one(spaces, line):
        fetch_assets(opened.experiment, line)
        print(columns(plan_rows(opened, check_experiment(opened, device, probe=not no_probe)), width))
    options = {"--device": device, "--budget": budget}
    given = [f"{option} {value}" for option, value in options.items() if value]
    print(" ".join([f"next: hpo run --space {space}", *given]))


def columns(rows: list[tuple[str, str]], width: int) -> str:
    """The rows in two columns, the second wrapped so that the whole is ``width`` wide where its words allow."""
    indent = max(len(name) for name, _ in rows) + 2
    return "\n".join(
        textwrap.fill(
            printable(text),
            max(width, indent + 20),
            initial_indent=name.ljust(indent),
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, text in rows
    )


def plan_rows(space: Space, checked: Checked) -> list[tuple[str, str]]:
    """(heading, text) of every line of the plan."""
    experiment, device = space.experiment, checked.device
    return [
        ("space", f"{experiment.name} ({space.path})"),
        *([] if experiment.form is None else [("form", f"{experiment.form}: {NO_ANSWER}")]),
        ("question", experiment.question),
        *_work_rows(experiment, checked.plan),
        *((name, _setting(setting)) for name, setting in experiment.parameters.items()),
        ("data", _data(checked.split, experiment.task.kind, len(checked.models))),
        *(("shift", _shift(shift, len(checked.models))) for shift in checked.shifts),
        *(("model", _model(model)) for model in checked.models),
        ("device", f"{device.name}, {device.precision} ({device.precision_reason})"),
        *(("privacy", text) for text in _privacy(checked.privacy)),
        *([] if checked.estimate is None else _cost_rows(checked.estimate)),
        *(("note", note) for note in checked.notes),
    ]


def _cost_rows(estimate: Estimate) -> list[tuple[str, str]]:
    workers, tried = count_of(estimate.workers, "worker"), duration(estimate.tried)
    memory = "not known on this system"
    if estimate.memory is not None:
        memory = f"{_between(estimate.memory, size)} in each of {workers}, {size(int(estimate.room))} free for each"
    rows = [("memory", memory)]
    for unfit in estimate.unfit:
        kind = ", ".join(f"{name} {_value(value)}" for name, value in unfit.parameters.items())
        trainings = count_of(unfit.trainings, "training")
        rows.append(
            ("unlikely to fit", f"{kind} ({trainings}): trained in parts of a batch as far as that helps")
        )
    if estimate.disk is not None and estimate.seconds is not None:
        full = ", as much as the store may take" if estimate.disk.high >= estimate.store_limit else ""
        kept = f"states and hidden states{full}; what is gone is computed again"
        rows.append(("disk", f"{_between(estimate.disk, size)} of {kept}"))
        rows.append(
            ("time", f"{_between(estimate.seconds, duration)} in {workers}, by steps tried in {tried}")
        )
    return rows


def _between(span: Span, show: Callable[[int], str]) -> str:
    low, high = show(int(span.low)), show(int(span.high))
    return low if low == high else f"{low} to {high}"


def _work_rows(experiment: Experiment, plan: Plan) -> list[tuple[str, str]]:
    from hpo.search.order import rule

    budget = experiment.budget
    studies, trials = count_of(plan.studies, "study"), count_of(budget.trials, "trial")
    each, most = trials, ""
    if plan.may_end_early:
        most = "at most "
    if plan.limit.by_cost:
        each, most = f"{plan.limit.costs()} and at most {trials}", "at most "
    replicates = count_of(plan.replicates, "replicate")
    total = [("in all", f"at most {plan.total.in_all()}")] if plan.total.in_all() else []
    trainings = count_of(plan.trials + plan.confirmations + plan.baselines, "training")
    baseline = f", and {plan.baselines:,} of the baseline" if plan.baselines else ""
    total += (
        [("early stop", "half-way, of strategies that can no longer change the comparison")]
        if plan.stop_decided
        else []
    )
    return [
        ("strategies", _strategies(experiment, plan)),
        (
            "search",
            f"{studies} of {each}, {most}{plan.trials:,} in all, in {replicates}",
        ),
        *total,
        *_warm_rows(experiment),
        ("methods", f"sampler {budget.sampler}, pruner {budget.pruner}"),
        ("order", rule(experiment)),
        ("rungs", f"{', '.join(f'{r:,}' for r in plan.rungs)} examples"),
        ("a training", f"{_span(plan.examples)} examples, {_span(plan.steps)} steps"),
        ("confirmation", f"{count_of(plan.confirmations, 'training')} with fresh seeds{baseline}"),
        ("at most", f"{plan.most_examples:,} examples in {trainings}"),
    ]


def _warm_rows(experiment: Experiment) -> list[tuple[str, str]]:
    """The earlier runs; `hpo run` looks into them, which knows the folder of results."""
    warm = experiment.warm_start
    if warm is None:
        return []
    return [
        ("begins with", f"{', '.join(warm.runs)}; {count_of(warm.first_draws, 'first draw')} of each search")
    ]


def _strategies(experiment: Experiment, plan: Plan) -> str:
    if experiment.compare is None:
        return "nothing is compared"
    reference = experiment.reference()
    against = f"; reference {reference}" if reference else ""
    values = count_of(len(plan.strategies), "value")
    return f"{values} of {experiment.compare.parameter}: {', '.join(plan.strategies)}{against}"


def _data(split: SplitInfo, kind: str, models: int) -> str:
    from hpo.report.terms import class_of
    from hpo.report.text import counted

    sizes = f"{split.train:,} train, {split.validation:,} validation, {split.test:,} test"
    dropped = f"{count_of(split.duplicates_dropped, 'duplicate')} dropped{_cut(split.texts_cut, models)}"
    if split.scrubbed is not None:
        dropped += f", {sum(split.scrubbed.values()):,} addresses and numbers replaced"
    classes = counted(len(split.labels), *class_of(kind))
    return f"{split.source}: {sizes}; {classes}, {dropped}; {split.licence}"


def _privacy(info: PrivacyInfo | None) -> list[str]:
    if info is None:
        return []
    rows = [
        f"epsilon {g.epsilon:g} at delta {info.delta:g} for {count_of(g.trainings, 'training')} of "
        f"{', '.join(g.strategies)}: noise multiplier {g.noise_multiplier:.3f}, "
        f"gradients of a text cut to {info.clip:g}; {info.accountant}"
        for g in info.groups
    ]
    return [*rows, f"not private: {', '.join(info.unprotected)}"] if info.unprotected else rows


def _shift(shift: ShiftInfo, models: int) -> str:
    groups = "" if shift.groups is None else f" in {count_of(len(set(shift.groups)), 'group')}"
    dropped = f"{shift.overlap_dropped:,} of the task's own and {count_of(shift.duplicates_dropped, 'duplicate')} dropped"
    dropped += _cut(shift.texts_cut, models)
    return f"{shift.source}: {count_of(shift.size, 'text')}{groups}, for the confirmations alone; {dropped}; {shift.licence}"


def _cut(texts: int | None, models: int) -> str:
    """How many texts are not read whole; of several models the one that cuts most was counted."""
    if not texts:
        return ""
    return f", {'at most ' if models > 1 else ''}{count_of(texts, 'text')} cut at max_length"


def _model(model: ModelInfo) -> str:
    size = f"{count_of(model.layers, 'layer')}, {model.parameters:,} weights"
    return f"{model.source}: {size}; {model.licence}"


def _span(span: tuple[int, int]) -> str:
    low, high = span
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _setting(setting: Setting) -> str:
    """A parameter's values in words."""
    if setting.kind == "fixed":
        return f"fixed: {_value(setting.value)}"
    if setting.kind == "choices":
        text = f"tuned: one of {', '.join(_value(v) for v in setting.choices)}"
    else:
        text = f"tuned: {setting.low:g} to {setting.high:g}" + (", log" if setting.log else "")
        text += f", step {setting.step:g}" if setting.step is not None else ""
    conditions = [f"{name} is {' or '.join(map(_value, values))}" for name, values in setting.when.items()]
    return f"{text}; default {_value(setting.default)}" + (
        f"; when {' and '.join(conditions)}" if conditions else ""
    )


def _value(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
