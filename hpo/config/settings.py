"""What a space file says of one parameter: a fixed value, choices, or a range. Shapes are stated, never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hpo.config.document import Node
from hpo.config.experiment import Choices, Fixed, Range, Setting
from hpo.config.fragments import (
    SWITCH,
    Fragment,
    allowed,
    given,
    parameter_fragment,
    read_keys,
    read_value,
    shown,
)
from hpo.config.parameters import PARAMETERS, Parameter, Value
from hpo.config.problems import Problems, listed, nearest_name

_LIST: Fragment = {"type": "array"}
_WHEN: Fragment = {"type": "object"}


def choices_fragment(parameter: Parameter) -> Fragment:
    """The keys of ``{choices: [...]}``."""
    value = parameter_fragment(parameter)
    properties = {
        "choices": _LIST | {"items": value, "minItems": 1, "uniqueItems": True},
        "default": value,
        "when": _WHEN,
    }
    return {"type": "object", "properties": properties, "required": ["choices"]}


def range_fragment(parameter: Parameter) -> Fragment:
    """The keys of ``{low, high, log, step}``."""
    value = parameter_fragment(parameter)
    step = {"type": value["type"], "exclusiveMinimum": 0}
    properties = {"low": value, "high": value, "log": SWITCH, "step": step, "default": value, "when": _WHEN}
    return {"type": "object", "properties": properties, "required": ["low", "high"]}


def is_numeric(parameter: Parameter) -> bool:
    """Whether the parameter is one number, so that it can have a range."""
    return parameter.kind in ("float", "int")


def read_setting(name: str, node: Node, problems: Problems) -> Setting | None:
    """What ``node`` says of parameter ``name``; None (and problems) where that is wrong."""
    parameter, label = PARAMETERS[name], f"parameters.{name}"
    if isinstance(node.value, dict):
        if is_numeric(parameter) and not _means_choices(node.value):
            return _range(parameter, node, label, problems)
        return _choices(parameter, node, label, problems)
    if isinstance(node.value, tuple) and parameter.kind != "int_list":
        problems.add(
            node.at, f"{label} is a bare list", _forms(parameter), f"{{choices: {shown(node.plain())}}}"
        )
        return None
    value = read_value(node, parameter_fragment(parameter), label, problems)
    return None if value is None else Fixed(value=value)


def _means_choices(entries: Mapping[str, Node]) -> bool:
    if "choices" in entries:
        return True
    return not {"low", "high"} & set(entries) and any(nearest_name(key, ["choices"]) for key in entries)


def _forms(parameter: Parameter) -> str:
    ranges = ", or {low, high, log, step}" if is_numeric(parameter) else ""
    return f"{allowed(parameter_fragment(parameter))}, or {{choices: [...]}}{ranges}"


def _choices(parameter: Parameter, node: Node, label: str, problems: Problems) -> Choices | None:
    before = len(problems.found)
    fragment = choices_fragment(parameter)
    entries = read_keys(node, fragment["properties"], fragment["required"], label, problems)
    if not entries or "choices" not in entries:
        return None
    value = parameter_fragment(parameter)
    choices = read_list(entries["choices"], value, f"{label}.choices", problems)
    default = _default(entries, value, label, problems)
    when = _when(entries, label, problems)
    if default is not None and choices is not None and default not in choices:
        problems.add(
            entries["default"].at, f"{label}.default is {shown_value(default)}", listed_values(choices)
        )
    if choices is None or len(problems.found) > before:
        return None
    if default is None:
        default = parameter.default if parameter.default in choices else choices[0]
    return Choices(choices=choices, default=default, when=when)


def read_list(node: Node, fragment: Fragment, label: str, problems: Problems) -> tuple[Value, ...] | None:
    """The distinct values of a list, at least one; None (and problems) where one is wrong."""
    if not isinstance(node.value, tuple) or not node.value:
        problems.add(node.at, f"{label} is {shown(node.plain())}", f"a list, each {allowed(fragment)}")
        return None
    values = [read_value(item, fragment, f"{label}[{i}]", problems) for i, item in enumerate(node.value)]
    for i, value in enumerate(values):
        if value is not None and value in values[:i]:
            problems.add(
                node.value[i].at, f"{label}[{i}] is {shown_value(value)} a second time", "distinct values"
            )
    return None if None in values else tuple(values)


def _range(parameter: Parameter, node: Node, label: str, problems: Problems) -> Range | None:
    before = len(problems.found)
    fragment = range_fragment(parameter)
    entries = read_keys(node, fragment["properties"], fragment["required"], label, problems) or {}
    read: dict[str, Any] = {
        key: read_value(entries[key], fragment["properties"][key], f"{label}.{key}", problems)
        for key in ("low", "high", "log", "step", "default")
        if key in entries
    }
    when = _when(entries, label, problems)
    _check_bounds(entries, read, label, problems)
    _check_step(entries, read, label, problems)
    _check_default(entries, read, label, problems)
    if len(problems.found) > before:
        return None
    read["default"] = read.get(
        "default", _middle(parameter, read["low"], read["high"], read.get("log"), read.get("step"))
    )
    return Range(**read, integer=parameter.kind == "int", when=when)


def _check_bounds(
    entries: Mapping[str, Node], read: Mapping[str, Any], label: str, problems: Problems
) -> None:
    low, high = read.get("low"), read.get("high")
    if low is not None and high is not None and low >= high:
        problems.add(entries["low"].at, f"{label}.low is {low:g}", f"less than high, which is {high:g}")
    elif low is not None and low <= 0 and read.get("log"):
        problems.add(entries["low"].at, f"{label}.low is {low:g} with log: true", "a number above 0")


def _check_step(entries: Mapping[str, Node], read: Mapping[str, Any], label: str, problems: Problems) -> None:
    step = read.get("step")
    if step is None:
        return
    at, found = entries["step"].at, f"{label}.step is {step:g}"
    if read.get("log"):
        problems.add(at, f"{found} with log: true", "one of the two")
    elif _is_interval(read) and not _on_grid(read["high"], read["low"], step):
        problems.add(at, found, f"a step that divides high - low, which is {read['high'] - read['low']:g}")


def _check_default(
    entries: Mapping[str, Node], read: Mapping[str, Any], label: str, problems: Problems
) -> None:
    default, step = read.get("default"), read.get("step")
    if default is None or not _is_interval(read):
        return
    low, high = read["low"], read["high"]
    at, found = entries["default"].at, f"{label}.default is {default:g}"
    if not low <= default <= high:
        problems.add(at, found, f"a number from {low:g} to {high:g}")
    elif (
        step is not None and _on_grid(high, low, step) and default != low and not _on_grid(default, low, step)
    ):
        problems.add(at, found, f"{low:g} and whole steps of {step:g} above it")


def _is_interval(read: Mapping[str, Any]) -> bool:
    low, high = read.get("low"), read.get("high")
    return low is not None and high is not None and low < high


def _on_grid(value: float, low: float, step: float) -> bool:
    """Whether ``value`` lies one or more whole steps above ``low``."""
    steps = (value - low) / step
    return math.isfinite(steps) and round(steps) >= 1 and math.isclose(steps, round(steps), rel_tol=1e-9)


def _middle(
    parameter: Parameter,
    low: float,
    high: float,
    log: bool | None,
    step: float | None,
) -> float:
    """The parameter's own default if the range holds it, else the range's middle, on the grid of ``step``."""
    value = (low + high) / 2
    if isinstance(parameter.default, int | float) and low <= parameter.default <= high:
        value = float(parameter.default)
    elif log:
        value = math.exp((math.log(low) + math.log(high)) / 2)
    if step is not None:
        value = low + round((value - low) / step) * step
    if parameter.kind == "int":
        return round(value)
    return min(max(float(f"{value:.12g}"), low), high)  # 12 digits: 0.1 + 2 x 0.1 is 0.3


def _default(entries: Mapping[str, Node], fragment: Fragment, label: str, problems: Problems) -> Any:
    node = entries.get("default")
    return None if node is None else read_value(node, fragment, f"{label}.default", problems)


def _when(entries: Mapping[str, Node], label: str, problems: Problems) -> dict[str, tuple[Value, ...]]:
    """Conditions as {parameter: values}. One value may stand without a list around it."""
    if "when" not in entries:
        return {}
    node = entries["when"]
    forms = {name: parameter_fragment(parameter) for name, parameter in PARAMETERS.items()}
    named = read_keys(node, forms, given(node, forms), f"{label}.when", problems) or {}
    conditions: dict[str, tuple[Value, ...]] = {}
    for name, child in named.items():
        fragment, inner = forms[name], f"{label}.when.{name}"
        values: tuple[Value, ...] | None
        if _lists_values(child, fragment):
            values = read_list(child, fragment, inner, problems)
        else:
            value = read_value(child, fragment, inner, problems)
            values = None if value is None else (value,)
        if values is not None:
            conditions[name] = values
    return conditions


def _lists_values(node: Node, fragment: Fragment) -> bool:
    if not isinstance(node.value, tuple):
        return False
    return fragment["type"] != "array" or any(isinstance(item.value, tuple) for item in node.value)


def shown_value(value: Value) -> str:
    """A value as YAML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def listed_values(values: tuple[Value, ...]) -> str:
    """Values in one line, as YAML writes them."""
    return listed(shown_value(value) for value in values)
