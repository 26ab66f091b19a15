"""Texts and numbers as they go into Plotly's JSON: every text escaped, every number short."""

from __future__ import annotations

import html
import math
from typing import Any

from hpo.report.styles import wrapped
from hpo.report.text import one_line

Json = dict[str, Any]


def safe(text: str) -> str:
    """``text`` for Plotly, which reads a part of HTML and of its entities."""
    return html.escape(one_line(text), quote=False)


def safe_lines(text: str, width: int) -> str:
    """``text`` for Plotly in lines of at most ``width`` characters, its own line breaks kept."""
    lines = (line for own in text.splitlines() or [""] for line in wrapped(own, width))
    return "<br>".join(safe(line) for line in lines)


def short(value: float) -> float | None:
    """``value`` to 6 significant digits, whole numbers without a point; None where it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
