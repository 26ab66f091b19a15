"""What holds between the sections of a space file: budgets that suffice, rungs that are reached, parameters that act."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpo.config.experiment import Choices, Compare, Fixed, Range, Setting
from hpo.config.parameters import (
    MODEL,
    NEEDS_MASKED,
    PARAMETERS,
    POOLINGS,
    Value,
    acts_with,
    complete,
    decided_by,
    is_active,
    with_defaults,
)
from hpo.config.problems import Position, Problems, listed
from hpo.config.settings import listed_values, shown_value
from hpo.records.verdict_rule import LEAST_SEARCHES, LEAST_SEEDS

LEAST_TRIALS = 4  # whose first half shows what it gained


@dataclass(frozen=True)
class Draft:
    """What was read of a file that may have errors.

    Attributes:
        task, budget: fields by name; None where a value is wrong.
        compare: None where it is wrong or absent; ``compared`` tells which.
        parameters: None where one is wrong.
        seeds: of the confirmation; None where it is wrong or left to its default.
        masked: whether the file names a masked language model.
        privacy: fields by name, None where a value is wrong; None: the file has no such section.
        places: where each key path stands.
    """

    task: Mapping[str, Any]
    budget: Mapping[str, Any]
    compared: bool
    compare: Compare | None
    parameters: Mapping[str, Setting | None]
    baseline: Mapping[str, Value] | None
    seeds: int | None
    masked: bool
    privacy: Mapping[str, Any] | None
    places: Mapping[tuple[str | int, ...], Position]

    def where(self, *keys: str) -> Position:
        """Where a key path stands, or the section that lacks it."""
        return self.places.get(keys) or self.where(*keys[:-1])

    def searched(self) -> list[str]:
        """Names of the parameters that are drawn."""
        return [name for name, setting in self.parameters.items() if isinstance(setting, Choices | Range)]

    def values(self, name: str) -> tuple[Value, ...] | Range | None:
        """What parameter ``name`` can be in any trial; None where that cannot be told."""
        if self.compare is not None and self.compare.parameter == name:
            return self.compare.values
        if name not in self.parameters:
            return None if self.compared and self.compare is None else (PARAMETERS[name].default,)
        match self.parameters[name]:
            case Fixed(value=value):
                return (value,)
            case Choices(choices=choices):
                return choices
            case Range() as interval:
                return interval
        return None

    def can_be_above(self, name: str, bound: float) -> bool:
        """Whether the number ``name`` may be above ``bound`` in any trial."""
        possible = self.values(name)
        if isinstance(possible, Range):
            return possible.high > bound
        return any(v > bound for v in possible or () if isinstance(v, int | float))

    def can_be(self, name: str, wanted: tuple[Value, ...]) -> bool:
        """Whether parameter ``name`` may take one of the values; True where that cannot be told."""
        possible = self.values(name)
        if isinstance(possible, Range):
            return any(possible.low <= v <= possible.high for v in wanted if isinstance(v, int | float))
        return possible is None or bool(set(possible) & set(wanted))


def check(draft: Draft, problems: Problems) -> None:
    """Add what is wrong between the sections of ``draft`` to ``problems``."""
    _check_compared(draft, problems)
    _check_conditions(draft, problems)
    _check_effects(draft, problems)
    _check_baseline(draft, problems)
    _check_masked(draft, problems)
    _check_counts(draft, problems)
    _check_limits(draft, problems)
    _check_rungs(draft, problems)
    _check_slopes(draft, problems)
    _check_kind(draft, problems)
    if draft.budget["sampler"] == "grid" and (draft.compare is not None or not draft.compared):
        _check_grid(draft, problems)


def _check_compared(draft: Draft, problems: Problems) -> None:
    name = draft.compare.parameter if draft.compare is not None else ""
    if ("parameters", name) in draft.places:
        problems.add(
            draft.where("parameters", name),
            f"parameters has {name}, which is compared",
            "one of parameters and compare",
        )


def _conditions(draft: Draft, name: str) -> Mapping[str, tuple[Value, ...]]:
    setting = draft.parameters.get(name)
    return setting.when if isinstance(setting, Choices | Range) else {}


def _check_conditions(draft: Draft, problems: Problems) -> None:
    for name in draft.searched():
        for other, wanted in _conditions(draft, name).items():
            at = draft.where("parameters", name, "when", other)
            cycle = _cycle(draft, name, other)
            if cycle:
                problems.add(
                    at,
                    f"parameters.{name}.when goes round: {' needs '.join(cycle)}",
                    "conditions that end at a parameter without one",
                )
            elif not draft.can_be(other, wanted):
                problems.add(
                    at,
                    f"parameters.{name} never exists, as {other} is never {listed_values(wanted)}",
                    f"what {other} can be, {_shown_values(draft, other)}",
                )


def _cycle(draft: Draft, name: str, other: str) -> list[str]:
    """The way from ``name`` over ``other`` back to ``name``, or an empty list."""
    path = [name, other]
    waiting = [path]
    seen = {other}
    while waiting:
        path = waiting.pop()
        if path[-1] == name:
            return path
        for after in _parents(draft, path[-1]):
            if after not in seen:
                seen.add(after)
                waiting.append([*path, after])
    return []


def _parents(draft: Draft, name: str) -> Iterator[str]:
    yield from _conditions(draft, name)
    yield from decided_by(name)


def _check_effects(draft: Draft, problems: Problems) -> None:
    """Each parameter that the file names must act in some trial."""
    for name in draft.parameters:
        if ("parameters", name) not in draft.places:
            continue
        _check_effect(draft, name, draft.where("parameters", name), f"parameters.{name}", problems)
    if draft.compare is not None and draft.compare.parameter != MODEL:
        name = draft.compare.parameter
        _check_effect(draft, name, draft.where("compare", "parameter"), f"compare.parameter {name}", problems)


def _check_effect(draft: Draft, name: str, at: Position, label: str, problems: Problems) -> None:
    for other in decided_by(name):
        given = _conditions(draft, name).get(other)
        if not _can_act(draft, name, other, given):
            problems.add(
                at,
                f"{label} has no effect, as {other} is only {_shown_values(draft, other, given)}",
                f"{name} together with {_acting_words(name, other)}",
            )


def _can_act(draft: Draft, name: str, other: str, given: tuple[Value, ...] | None) -> bool:
    """Whether parameter ``other`` may take a value, among the ``given`` ones, with which ``name`` has an effect."""
    possible = draft.values(other)
    if isinstance(possible, tuple):
        return any(acts_with(name, other, v) for v in possible if given is None or v in given)
    needs = PARAMETERS[name].active_when
    return needs is None or draft.can_be(other, tuple(v for v in needs[1] if given is None or v in given))


def _acting_words(name: str, other: str) -> str:
    """The other values with which a parameter has an effect: of ``other``, and of what decides beside it."""
    needs, bars = PARAMETERS[name].active_when, PARAMETERS[name].inactive_when
    if needs is not None and other not in (needs[0], "" if bars is None else bars[0]):
        return _acting_words(needs[0], other)
    wanted = [] if needs is None else [f"{needs[0]}: {' or '.join(shown_value(v) for v in needs[1])}"]
    unwanted = (
        [] if bars is None else [f"{bars[0]} other than {' or '.join(shown_value(v) for v in bars[1])}"]
    )
    return " and ".join((*wanted, *unwanted))


def _shown_values(draft: Draft, name: str, given: tuple[Value, ...] | None = None) -> str:
    possible = draft.values(name)
    if isinstance(possible, Range):
        return f"{possible.low:g} to {possible.high:g}"
    return listed_values(tuple(v for v in possible or () if given is None or v in given))


def _check_baseline(draft: Draft, problems: Problems) -> None:
    recipe = with_defaults(draft.baseline or {})
    for name in draft.baseline or {}:
        if not is_active(name, recipe):
            others = [o for o in decided_by(name) if not acts_with(name, o, recipe[o])]
            problems.add(
                draft.where("baseline", name),
                f"baseline.{name} has no effect, as "
                + " and ".join(f"{other} is {shown_value(recipe[other])}" for other in others),
                f"{name} together with {_acting_words(name, others[0])}",
            )


def _check_masked(draft: Draft, problems: Problems) -> None:
    """The augmentation that asks a masked language model has one, and a model is there for it."""
    possible = draft.values("augmentation")
    if not isinstance(possible, tuple):
        return
    asked = not set(NEEDS_MASKED).isdisjoint({*possible, (draft.baseline or {}).get("augmentation")})
    if asked and not draft.masked:
        problems.add(
            _at(draft, "augmentation"),
            f"augmentation can be {NEEDS_MASKED[0]}, and the file names no augmentation_model",
            "augmentation_model: a folder or owner/name of the Hugging Face hub, of a masked language model",
        )
    if draft.masked and not asked:
        problems.add(
            draft.where("augmentation_model"),
            f"augmentation_model has no effect, as augmentation is only {listed_values(possible)}",
            f"augmentation_model together with augmentation: {NEEDS_MASKED[0]}",
        )


def _check_counts(draft: Draft, problems: Problems) -> None:
    budget, searched = draft.budget, draft.searched()
    if budget["replicates"] in range(2, LEAST_SEARCHES) and (draft.compared or draft.baseline is not None):
        problems.add(
            draft.where("budget", "replicates"),
            f"budget.replicates is {budget['replicates']}, which cannot separate strategies",
            f"1, or at least {LEAST_SEARCHES}",
        )
    if draft.compared and budget["replicates"] == 1 and draft.seeds is not None and draft.seeds < LEAST_SEEDS:
        problems.add(
            draft.where("confirmation", "seeds"),
            f"confirmation.seeds is {draft.seeds} with one replicate, which allows no verdict",
            f"at least {LEAST_SEEDS}, or at least {LEAST_SEARCHES} replicates",
        )
    if not searched:
        return
    if budget["trials"] == 1:
        problems.add(
            draft.where("budget", "trials"),
            f"budget.trials is 1, which searches nothing of {listed(searched)}",
            "at least 2",
        )
    if budget["pruner"] not in ("none", None) and budget["rungs"] == ():
        problems.add(
            draft.where("budget", "pruner"),
            f"budget has the pruner {budget['pruner']} and no rungs",
            "rungs at which it can stop a trial, or pruner: none",
        )


def _check_limits(draft: Draft, problems: Problems) -> None:
    """Money needs a price, and a total equal numbers of trials, which a search that ends by its cost does not have."""
    for keys in (("budget", "money"), ("budget", "total", "money")):
        if keys in draft.places and ("budget", "price_per_hour") not in draft.places:
            found = f"budget has {'.'.join(keys[1:])} and no price_per_hour"
            problems.add(draft.where(*keys), found, "money together with budget.price_per_hour")
    _check_early_stop(draft, problems)
    cost = next((name for name in ("examples", "device_seconds", "money") if draft.budget.get(name)), None)
    if draft.budget.get("total") and cost is not None:
        problems.add(
            draft.where("budget", "total"),
            f"budget has {cost} and total, which ends all searches after the same number of draws",
            f"one of them; {cost} bounds each search, and by that all of them",
        )


def _check_early_stop(draft: Draft, problems: Problems) -> None:
    """It rests on the spread over replicates of what the first half of equally many trials gained."""
    budget = draft.budget
    if not budget.get("stop_decided"):
        return
    at = draft.where("budget", "stop_decided")
    cost = next((name for name in ("examples", "device_seconds", "money") if budget.get(name)), None)
    if cost is not None:
        problems.add(at, f"budget has stop_decided and {cost}", "one of them: it counts trials")
    if not draft.compared:
        problems.add(
            at, "budget has stop_decided, and nothing is compared", "stop_decided together with compare"
        )
    for name, least in (("replicates", LEAST_SEARCHES), ("trials", LEAST_TRIALS)):
        if budget[name] is not None and budget[name] < least:
            problems.add(at, f"budget has stop_decided and {name} {budget[name]}", f"at least {least} {name}")


def _check_rungs(draft: Draft, problems: Problems) -> None:
    rungs = draft.budget["rungs"] or ()
    for index, rung in enumerate(rungs):
        if index and rung <= rungs[index - 1]:
            problems.add(
                draft.places["budget", "rungs", index],
                f"budget.rungs[{index}] is {rung}",
                f"more than the rung before it, {rungs[index - 1]}",
            )
    epochs = _span(draft.values("epochs"))
    if draft.task["train"] is None or epochs is None:
        return
    least, _ = epochs
    length = draft.task["train"] * least
    for index, rung in enumerate(rungs):
        if rung - 1 >= length:  # a training of 10.5 examples sees 11
            problems.add(
                draft.places["budget", "rungs", index],
                f"budget.rungs[{index}] is {rung}",
                f"at most {math.ceil(length)}, the examples of the shortest training "
                f"({draft.task['train']} texts x {least:g} epochs)",
            )


def _check_slopes(draft: Draft, problems: Problems) -> None:
    """A warmup by slope must reach its peak: trainings of two peaks that are never reached would be one training."""
    warmups = draft.values("warmup")
    spans = [_span(draft.values(name)) for name in ("warmup_slope", "learning_rate", "epochs", "batch_size")]
    if isinstance(warmups, tuple) and "slope" in warmups and None not in spans:
        (slope, _), (_, peak), (epochs, _), (_, batch) = (span for span in spans if span is not None)
        _check_slope(draft, "parameters", slope, peak, epochs, batch, problems)
    recipe: dict[str, Any] = complete(draft.baseline or {})
    if recipe["warmup"] == "slope":
        slope, peak = recipe["warmup_slope"], recipe["learning_rate"]
        _check_slope(draft, "baseline", slope, peak, recipe["epochs"], recipe["batch_size"], problems)


MENTIONS, MIXUP = "mention_replacement", "mixup_alpha"


def _at(draft: Draft, name: str) -> Position:
    """Where a parameter has its values."""
    if draft.compare is not None and draft.compare.parameter == name:
        return draft.where("compare", "values")
    return draft.where("parameters" if name in draft.parameters else "baseline", name)


def _check_kind(draft: Draft, problems: Problems) -> None:
    """What the kind of task asks of parameters: a tag for each word is read off each token, a class off all of them."""
    kind = draft.task["kind"]
    tags = kind == "token-classification"
    if kind is not None and not tags and MENTIONS in _possible(draft, "augmentation"):
        problems.add(
            _at(draft, "augmentation"), f"augmentation is {MENTIONS}, and the task {kind}", "the others"
        )
    if tags and draft.can_be_above(MIXUP, 0.0):
        problems.add(_at(draft, MIXUP), f"{MIXUP} is above 0, and the task {kind}", "0: words are not mixed")
    wrong = [v for v in _possible(draft, "pooling") if (v == "none") != tags]
    if kind is not None and wrong:
        allowed = "none" if tags else listed_values(tuple(v for v in POOLINGS if v != "none"))
        at = _at(draft, "pooling")
        problems.add(at, f"pooling is {listed_values(tuple(wrong))}, and the task {kind}", allowed)


def _possible(draft: Draft, name: str) -> tuple[Value, ...]:
    """The listed values of a parameter in trials and in the baseline; none where they cannot be told."""
    values = draft.values(name)
    recipe = {} if draft.baseline is None else {name: PARAMETERS[name].default} | dict(draft.baseline)
    return (*(values if isinstance(values, tuple) else ()), *([recipe[name]] if recipe else []))


def _check_slope(
    draft: Draft, section: str, slope: float, peak: float, epochs: float, batch: float, problems: Problems
) -> None:
    """The flattest slope, the highest peak and the fewest steps."""
    train = draft.task["train"]
    if train is None:
        return
    steps = math.ceil(math.ceil(train * epochs) / batch)
    if slope * (steps - 1) < peak:
        problems.add(
            draft.where(section, "warmup_slope"),
            f"{section}.warmup_slope is {slope:g}, with which a rate of {peak:g} is reached after {peak / slope:.0f} steps",
            f"fewer than {steps}, the steps of the shortest training ({train} texts x {epochs:g} epochs, {batch:g} a step)",
        )


def _span(values: tuple[Value, ...] | Range | None) -> tuple[float, float] | None:
    """The least and the greatest of the values of a number; None where they cannot be told."""
    if isinstance(values, Range):
        return values.low, values.high
    numbers = [float(v) for v in values or () if isinstance(v, int | float)]
    return (min(numbers), max(numbers)) if numbers else None


def _check_grid(draft: Draft, problems: Problems) -> None:
    counts: dict[str, int] = {}
    for name in draft.searched():
        setting = draft.parameters[name]
        if isinstance(setting, Choices):
            counts[name] = len(setting.choices)
        if not isinstance(setting, Range):
            continue
        step = setting.step or (1.0 if setting.integer and not setting.log else None)
        if step is None:
            problems.add(
                draft.where("parameters", name),
                f"parameters.{name} is a range without a step under sampler: grid",
                "a step, or choices",
            )
            return
        counts[name] = round((setting.high - setting.low) / step) + 1
    active = {value: _acting(draft, counts, value) for value in _strategies(draft)}
    value, sizes = max(active.items(), key=lambda item: math.prod(item[1]))
    trials, points = draft.budget["trials"], math.prod(sizes)
    if trials is not None and trials < points:
        of = "" if draft.compare is None else f" of {draft.compare.parameter}: {value}"
        problems.add(
            draft.where("budget", "trials"),
            f"budget.trials is {trials} under sampler: grid",
            f"at least {points}, the points of the grid{of} ({' x '.join(str(size) for size in sizes)})",
        )


def _strategies(draft: Draft) -> tuple[Value | None, ...]:
    return (None,) if draft.compare is None else draft.compare.values


def _acting(draft: Draft, counts: Mapping[str, int], value: Value | None) -> list[int]:
    """Numbers of values of the parameters that act in the strategy ``value``."""
    return [count for name, count in counts.items() if _acts(draft, name, value)]


def _acts(draft: Draft, name: str, value: Value | None) -> bool:
    if draft.compare is None:
        return True
    compared = draft.compare.parameter
    wanted = _conditions(draft, name).get(compared)
    return (wanted is None or value in wanted) and acts_with(name, compared, value)
