"""What a schedule of a space file needs, and what it does not go with: else two strategies would be one by another name."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.config.checks import Draft
from hpo.config.experiment import Range
from hpo.config.parameters import OPTIMIZERS, OWN_WARMUP, SCHEDULED, Value, complete
from hpo.config.problems import Position, Problems, listed

# A schedule, and the parameter without which it is only part of itself.
_NEEDS = {
    "cosine_with_min_lr": ("schedule_min_ratio", "without which it is cosine"),
    "one_cycle": ("warmup_ratio", "without which it never rises"),
}


def check_schedules(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the schedules of ``draft`` to ``problems``."""
    at = draft.where("parameters", "schedule")
    if draft.compare is not None and draft.compare.parameter == "schedule":
        at = draft.where("compare", "values")
    _check_needs(_possible(draft, "schedule"), _named(draft), at, problems)
    _check_slope(_possible(draft, "schedule"), _possible(draft, "warmup"), at, problems)
    _check_optimizers(draft, problems)
    if draft.baseline is not None:
        recipe = complete(draft.baseline)
        schedule = (recipe["schedule"],) if "schedule" in recipe else ()
        at = draft.where("baseline", "schedule")
        _check_needs(schedule, draft.baseline, at, problems)
        _check_slope(schedule, (recipe["warmup"],), at, problems)


def _possible(draft: Draft, name: str) -> tuple[Value, ...]:
    """The values that a category can have in any trial; none where they cannot be told."""
    values = draft.values(name)
    return () if values is None or isinstance(values, Range) else values


def _named(draft: Draft) -> dict[str, object]:
    """Parameters of which the file says something."""
    compared = {draft.compare.parameter: draft.compare.values} if draft.compare is not None else {}
    return {**draft.parameters, **compared}


def _check_needs(
    schedules: tuple[Value, ...], named: Mapping[str, object], at: Position, problems: Problems
) -> None:
    for schedule, (needed, why) in _NEEDS.items():
        if schedule in schedules and needed not in named:
            problems.add(
                at, f"schedule {schedule} has no {needed}, {why}", f"{schedule} together with {needed}"
            )


def _check_slope(
    schedules: tuple[Value, ...], warmups: tuple[Value, ...], at: Position, problems: Problems
) -> None:
    for schedule in OWN_WARMUP:
        if schedule in schedules and "slope" in warmups:
            found = f"schedule {schedule} has a rise of its own, and warmup can be slope"
            problems.add(at, found, f"{schedule} together with warmup: ratio alone")


def _check_optimizers(draft: Draft, problems: Problems) -> None:
    """A strategy that is a schedule must have one in every trial; that none can have one is told elsewhere."""
    possible = _possible(draft, "optimizer")
    without = [name for name in OPTIMIZERS if name in possible and name not in SCHEDULED]
    if draft.compare is None or not draft.compare.parameter.startswith("schedule"):
        return
    if not without or not set(possible) & set(SCHEDULED):
        return
    problems.add(
        draft.where("parameters", "optimizer"),
        f"optimizer can be {listed(without)}, which has no schedule, while {draft.compare.parameter} is compared",
        listed(SCHEDULED),
    )
