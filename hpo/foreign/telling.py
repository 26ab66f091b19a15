"""What an import took for what, and what it had to guess: lines that it prints and that the records keep."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.foreign.asked import Asked, Roles
from hpo.foreign.measure import said_direction
from hpo.foreign.roles import guessed
from hpo.foreign.source import Source
from hpo.foreign.trainings import Training, states
from hpo.records.base import NOT_RECORDED
from hpo.records.metrics import Metric
from hpo.records.run import AS_SECONDS

_CALLED = {  # roles, as they are told
    "strategy": "strategy",
    "task": "task",
    "replicate": "replicate",
    "seed": "seed",
    "score": "validation score",
    "test_score": "test score",
    "rung": "rung",
    "trial": "trial",
    "cost": "cost",
    "state": "state",
    "phase": "phase",
}


def told(
    source: Source,
    asked: Asked,
    roles: Roles,
    metric: Metric,
    strategies: Sequence[str],
    found: Sequence[Training],
) -> list[str]:
    """What was taken for what in ``source``, and then what neither it nor the user says."""
    by = f"{source.kind} {', '.join(roles.strategy)}" if roles.strategy else "the study's name"
    direction = "higher is better" if metric.maximize else "lower is better"
    lines = [
        f"{source.label}: {len(found):,} trainings: {states(found)}",
        f"strategy: {by}: {', '.join(strategies)}",
        f"metric: {metric.name}, {direction}{', a share of 1' if metric.share else ''}",
    ]
    others = [(label, roles.names(role)) for role, label in _CALLED.items() if role != "strategy"]
    lines += [f"{label}: {source.kind} {', '.join(names)}" for label, names in others if names]
    names = dict.fromkeys(name for training in found for name in training.parameters)
    lines.append(f"parameters: {', '.join(names) or 'none'}")
    missing = [_CALLED[role] for role in ("seed", "score", "test_score") if not roles.names(role)]
    lines += [f"{NOT_RECORDED}: {', '.join(missing)}"] if missing else []
    return [*lines, *_guesses(source, asked, roles, metric), *_cost(source, asked, roles, found)]


def _guesses(source: Source, asked: Asked, roles: Roles, metric: Metric) -> list[str]:
    by_name = [label for role, label in _CALLED.items() if guessed(roles, asked, source, role)]
    lines = [f"taken by their usual names: {', '.join(by_name)}"] if by_name else []
    if said_direction(source, asked, roles) is None:
        lines.append("whether high or low scores are better: not said; high ones are taken as better")
    if metric.share and asked.share is None and not asked.percent:
        lines.append("whether scores are shares of 1: not said; taken so by their name and values")
    return lines


def _cost(source: Source, asked: Asked, roles: Roles, found: Sequence[Training]) -> list[str]:
    if guessed(roles, asked, source, "cost"):
        return [f"seconds of {source.kind} {roles.cost}: {AS_SECONDS}"]
    timed = any(training.seconds is not None for training in found)
    return [f"cost: {source.cost}, {AS_SECONDS}"] if timed and source.cost and roles.cost is None else []
