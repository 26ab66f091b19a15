"""JSON that others wrote: parsed, or refused by one kind of error, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 64  # lists and objects inside one another; what walks a value calls itself as often


def parse_json(text: str | bytes) -> Any:
    """The value that ``text`` is.

    Raises:
        ValueError: it is no JSON, nests deeper than ``DEEPEST``, or holds a whole number of thousands of digits.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    opened = (
        text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    )
    if opened > DEEPEST and _depth(value) > DEEPEST:
        raise _too_deep()
    return value


def _too_deep() -> ValueError:
    return ValueError("it nests too deeply")


def _depth(value: Any) -> int:
    """How many lists and objects lie inside one another, the value itself counted."""
    depth, level = 0, [value]
    while True:
        level = [item for item in level if isinstance(item, list | dict)]
        if not level:
            return depth
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
