"""The plan of a run as `hpo check` prints it: a heading and a text for each line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo.cli.words import count_of, duration, size

if TYPE_CHECKING:
    from hpo.config.experiment import Experiment, Setting
    from hpo.config.space import Space
    from hpo.records.setup import ModelInfo, PrivacyInfo, ShiftInfo, SplitInfo
    from hpo.search.check import Checked
    from hpo.search.estimate import Estimate, Span
    from hpo.search.plan import Plan
    from hpo.search.warm import TakenUp

NO_ANSWER = "a trial of the machinery, and no answer"


def plan_rows(space: Space, checked: Checked) -> list[tuple[str, str]]:
    """(heading, text) of every line of the plan."""
    experiment, device = space.experiment, checked.head.device
    return [
        ("space", f"{experiment.name} ({space.path})"),
        *([] if experiment.form is None else [("form", f"{experiment.form}: {NO_ANSWER}")]),
        ("question", experiment.question),
        *_work_rows(experiment, checked.plan),
        *_warm_rows(checked.taken),
        *((name, _setting(setting)) for name, setting in experiment.parameters.items()),
        ("data", _data(checked.head.split, experiment.task.kind, len(checked.models))),
        *(("shift", _shift(shift, len(checked.models))) for shift in checked.head.shifts),
        *(("model", _model(model)) for model in checked.models),
        ("device", f"{device.name}, {device.precision} ({device.precision_reason})"),
        *(("privacy", text) for text in _privacy(checked.head.privacy)),
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
        ("methods", f"sampler {budget.sampler}, pruner {budget.pruner}"),
        ("order", rule(experiment)),
        ("rungs", f"{', '.join(f'{r:,}' for r in plan.rungs)} examples"),
        ("a training", f"{_span(plan.examples)} examples, {_span(plan.steps)} steps"),
        ("confirmation", f"{count_of(plan.confirmations, 'training')} with fresh seeds{baseline}"),
        ("at most", f"{plan.most_examples:,} examples in {trainings}"),
    ]


def _warm_rows(taken: TakenUp | None) -> list[tuple[str, str]]:
    """What each earlier run gives, or, where the run was begun, what all of them gave."""
    if taken is None:
        return []
    told = taken.told
    rows = [
        ("begins with", f"{given.name}: {_given(given.observations, given.first_draws)}")
        for given in taken.given
    ]
    if not rows:
        counts = (min(told.observations), max(told.observations))
        names = ", ".join(run.name for run in told.earlier)
        rows = [("begins with", f"as it was begun, {names}: {_given(counts, (told.first_draws,) * 2)}")]
    left = "; ".join(f"{count:,} with {reason}" for reason, count in told.left_out.items())
    return [*rows, ("left out", left)] if left else rows


def _given(observations: tuple[int, int], first_draws: tuple[int, int]) -> str:
    seen, drawn = _counted(observations, "observation"), _counted(first_draws, "first draw")
    return f"{seen} and {drawn} of each search"


def _counted(span: tuple[int, int], what: str) -> str:
    low, high = span
    return count_of(low, what) if low == high else f"{low:,} to {count_of(high, what)}"


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
