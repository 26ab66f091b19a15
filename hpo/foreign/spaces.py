"""The search space, as far as a source tells or its trainings show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hpo.records.search import ParameterInfo

_DECADES = 100  # a range of positive values that spans so much is taken as logarithmic


def observed(configurations: Iterable[Mapping[str, Any]]) -> tuple[ParameterInfo, ...]:
    """The parameters that trainings had, with the values that were seen."""
    values: dict[str, dict[str, Any]] = {}
    for configuration in configurations:
        for name, value in configuration.items():
            values.setdefault(name, {})[json.dumps(value, default=str)] = value
    return tuple(_observed(name, list(seen.values())) for name, seen in values.items())


def _observed(name: str, values: list[Any]) -> ParameterInfo:
    if len(values) == 1:
        return ParameterInfo(name=name, kind="fixed", values=tuple(values), meaning="The only value seen.")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return ParameterInfo(name=name, kind="choices", values=tuple(values), meaning="The values seen.")
    low, high = float(min(values)), float(max(values))
    log = low > 0 and high / low >= _DECADES
    scale = "logarithmic" if log else "linear"
    return ParameterInfo(
        name=name,
        kind="range",
        low=low,
        high=high,
        log=log,
        integer=all(float(value).is_integer() for value in values),
        observed=True,
        meaning=f"The values seen; their scale is not recorded and taken as {scale}.",
    )


def merged(parts: Iterable[ParameterInfo]) -> dict[str, ParameterInfo]:
    """One parameter a name: ranges, choices and fixed values that differ from trial to trial are joined."""
    found: dict[str, ParameterInfo] = {}
    mixed: set[str] = set()
    for part in {part.model_dump_json(): part for part in parts}.values():
        before = found.setdefault(part.name, part)
        if (before.kind == "range") != (part.kind == "range"):
            mixed.add(part.name)
        else:
            found[part.name] = _joined(before, part)
    return {name: parameter for name, parameter in found.items() if name not in mixed}


def _joined(first: ParameterInfo, second: ParameterInfo) -> ParameterInfo:
    if first.kind != "range" or first.low is None or first.high is None:
        values = {json.dumps(value, default=str): value for value in (*first.values, *second.values)}
        kind = "choices" if len(values) > 1 else first.kind
        return first.model_copy(update={"kind": kind, "values": tuple(values.values())})
    assert second.low is not None
    assert second.high is not None
    return first.model_copy(
        update={
            "low": min(first.low, second.low),
            "high": max(first.high, second.high),
            "log": first.log or second.log,
            "step": first.step if first.step == second.step else None,
            "integer": first.integer and second.integer,
        }
    )
