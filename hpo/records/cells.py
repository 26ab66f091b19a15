"""Cells of CSV files that no spreadsheet takes for a formula."""

from __future__ import annotations

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet runs what begins so
MARK = "'"  # put before such a text
_PLAIN = re.compile(r"-|[+-]?\d[\d.,]*(e[+-]?\d+)?( %)?")  # a number, or the dash of an empty cell


def harmless(text: str) -> str:
    """``text`` with the mark before it where it begins like a formula and is no number, or begins with the mark itself."""
    if _PLAIN.fullmatch(text):
        return text
    return MARK + text if text.startswith((*FORMULA, MARK)) else text
