"""What one value may be, said as JSON Schema: the editor, the reader and its messages share the words.

Keywords of a value: type, enum, minimum, exclusiveMinimum, maximum, exclusiveMaximum, minLength, items, maxItems.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from hpo.config.document import Node
from hpo.config.parameters import PARAMETERS, Parameter
from hpo.config.problems import Problems, listed, nearest_name
from hpo.config.sizes import FORMS, PATTERN, parse_size

Fragment = dict[str, Any]

TEXT: Fragment = {"type": "string", "minLength": 1}
SWITCH: Fragment = {"type": "boolean"}
NUMBER: Fragment = {"type": "number"}
SEED: Fragment = {"type": "integer", "minimum": 0}
BYTES: Fragment = {"type": "integer", "minimum": 0}
_ELSEWHERE = {p.categories: p.elsewhere for p in PARAMETERS.values() if p.elsewhere}
SIZE: Fragment = {"anyOf": [BYTES, {"type": "string", "pattern": PATTERN}]}


def parameter_fragment(parameter: Parameter) -> Fragment:
    """One value of ``parameter``."""
    if parameter.kind == "category":
        return {"type": "string", "enum": list(parameter.categories)}
    fragment: Fragment = {"type": "number" if parameter.kind == "float" else "integer"}
    if parameter.low is not None:
        fragment["exclusiveMinimum" if parameter.open_low else "minimum"] = parameter.low
    if parameter.high is not None:
        fragment["exclusiveMaximum" if parameter.open_high else "maximum"] = parameter.high
    if parameter.kind == "int_list":
        return {"type": "array", "items": fragment, "maxItems": parameter.longest}
    return fragment


def section_fragment(model: type[BaseModel], *, without: tuple[str, ...] = ()) -> Fragment:
    """A mapping with the fields of ``model``; a field that may be None may be left out."""
    raw = model.model_json_schema()
    properties: dict[str, Fragment] = {}
    for name, field in raw["properties"].items():
        if name in without:
            continue
        outer = {k: v for k, v in field.items() if k not in ("title", "anyOf", "default")}
        inner: Fragment = next((f for f in field.get("anyOf", ()) if f != {"type": "null"}), {})
        default = {"default": field["default"]} if field.get("default") is not None else {}
        properties[name] = inner | outer | default
    required = [name for name in raw.get("required", ()) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def read_keys(
    node: Node, properties: Mapping[str, Fragment], required: Collection[str], label: str, problems: Problems
) -> dict[str, Node] | None:
    """The entries of the mapping ``node`` that are known and not empty; None where it is no mapping.

    Unknown and missing keys are problems. ``label`` names the mapping, empty for the whole file.
    """
    inside = f" in {label}" if label else ""
    if not isinstance(node.value, dict):
        found = f"{label or 'the file'} is {shown(node.plain())}"
        problems.add(node.at, found, f"a mapping of {listed(properties)}")
        return None
    meant = set()
    for key in (key for key in node.value if key not in properties):
        nearest = nearest_name(key, properties)
        meant.add(nearest)
        problems.add(node.value[key].key_at, f"unknown key {key!r}{inside}", listed(properties), nearest)
    for key in required:
        if key in node.value and node.value[key].value is None:
            found = f"{f'{label}.{key}' if label else key} is empty"
            problems.add(node.value[key].key_at, found, allowed(properties[key]))
        elif key not in node.value and key not in meant:
            problems.add(node.key_at, f"missing key {key!r}{inside}", allowed(properties[key]))
    return {k: child for k, child in node.value.items() if k in properties and child.value is not None}


def given(node: Node, properties: Mapping[str, Fragment]) -> list[str]:
    """The known keys that ``node`` has: as ``required`` of `read_keys` they may not be empty."""
    return [key for key in properties if key in node.value] if isinstance(node.value, dict) else []


def read_section(node: Node, fragment: Fragment, label: str, problems: Problems) -> dict[str, Any]:
    """The values of a flat section by key: the default where a key is absent, None where its value is wrong."""
    entries = read_keys(node, fragment["properties"], fragment["required"], label, problems)
    return read_fields(entries, fragment, label, problems)


def read_fields(
    entries: Mapping[str, Node] | None, fragment: Fragment, label: str, problems: Problems
) -> dict[str, Any]:
    """The values of ``entries`` by key of ``fragment``, as `read_section` gives them."""
    if entries is None:
        return dict.fromkeys(fragment["properties"])
    return {
        key: read_value(entries[key], inner, f"{label}.{key}", problems)
        if key in entries
        else _default(inner)
        for key, inner in fragment["properties"].items()
    }


def _default(fragment: Fragment) -> Any:
    default = fragment.get("default")
    return tuple(default) if isinstance(default, list) else default


def read_value(node: Node, fragment: Fragment, label: str, problems: Problems) -> Any:
    """The value of ``node``, or None (and a problem) where it does not fit ``fragment``.

    Lists become tuples; a number takes the fragment's type, so that ``2`` is 2.0 for a number and ``2e2`` is 200 for an
    integer. ``label`` names the value in the message.
    """
    if fragment.get("type") == "array" and isinstance(node.value, tuple):
        items = [
            read_value(item, fragment["items"], f"{label}[{i}]", problems)
            for i, item in enumerate(node.value)
        ]
        if len(items) > fragment.get("maxItems", math.inf):
            problems.add(node.at, f"{label} has {len(items)} items", allowed(fragment))
            return None
        return None if None in items else tuple(items)
    if fits(node.value, fragment):
        return _typed(node.value, fragment)
    names = tuple(fragment.get("enum", ()))
    nearest, found = None, f"{label} is {shown(node.plain())}"
    if isinstance(node.value, str):
        elsewhere = _ELSEWHERE.get(names, {}).get(node.value)
        nearest = None if elsewhere else nearest_name(node.value, names)
        found += f", {elsewhere}" if elsewhere else ""
    problems.add(node.at, found, allowed(fragment), nearest)
    return None


def read_size(node: Node, label: str, problems: Problems) -> int | None:
    """The bytes that ``node`` names, or None (and a problem) where it is no size."""
    if fits(node.value, BYTES):
        return int(node.value)
    size = parse_size(node.value) if isinstance(node.value, str) else None
    if size is None:
        problems.add(node.at, f"{label} is {shown(node.plain())}", FORMS)
    return size


def fits(value: object, fragment: Fragment) -> bool:
    """Whether a scalar ``value`` fits. True and False are no numbers, a quoted number is a text."""
    match fragment["type"]:
        case "string":
            return (
                isinstance(value, str)
                and len(value) >= fragment.get("minLength", 0)
                and value in fragment.get("enum", (value,))
            )
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            return is_number(value) and _in_bounds(value, fragment)
    return False


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite number; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def allowed(fragment: Fragment) -> str:
    """What fits, in words."""
    if "anyOf" in fragment:
        return " or ".join(allowed(form) for form in fragment["anyOf"])
    if "properties" in fragment:
        return f"a mapping of {listed(fragment['properties'])}"
    if "enum" in fragment:
        return listed(fragment["enum"])
    if fragment["type"] == "array":
        most = f" of at most {fragment['maxItems']}" if "maxItems" in fragment else ""
        return f"a list{most}, each {allowed(fragment['items'])}" if "items" in fragment else "a list"
    bounds = [f"{word} {fragment[key]:g}" for key, word in _BOUND_WORDS.items() if key in fragment]
    return " ".join((_TYPE_WORDS[fragment["type"]], " and ".join(bounds))).strip()


_TYPE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "object": "a mapping",
}
_BOUND_WORDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def shown(value: object) -> str:
    """A value as it stands in the file, cut to 60 characters."""
    if value is None:
        return "empty"
    text = ("false", "true")[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _in_bounds(value: Any, fragment: Mapping[str, Any]) -> bool:
    if fragment["type"] == "integer" and value != int(value):
        return False
    return bool(
        value >= fragment.get("minimum", -math.inf)
        and value > fragment.get("exclusiveMinimum", -math.inf)
        and value <= fragment.get("maximum", math.inf)
        and value < fragment.get("exclusiveMaximum", math.inf)
    )


def _typed(value: Any, fragment: Fragment) -> Any:
    return {"integer": int, "number": float}.get(fragment["type"], lambda v: v)(value)
