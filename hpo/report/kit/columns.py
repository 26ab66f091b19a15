"""The columns of a table as LaTeX sets them: numbers aligned by siunitx, texts, and long texts that are wrapped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.report.kit.tex import breakable, pieces, reads, tex
from hpo.report.styles import balanced

_HEADER = 13  # characters of a line of a header, where its words allow
_WORDS = 12  # characters of a word that may stand in a column of numbers

_NUMBER = re.compile(r"(<\s?)?([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?")
_INTERVAL = re.compile(r"\S+ to \S+")
_POWER = re.compile(r"([+-]?\d+(?:\.\d+)?)e[+-]?\d+")

Kind = Literal["number", "text", "wrapped"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        place: index in the table.
        name: as the table has it.
        spec: its letter in the preamble of the table; of a wrapped one the caller sets it, by the room that is left.
        header, cells: in LaTeX.
        width: characters that it needs: all of its longest cell, or of a wrapped one its longest piece.
        lengths: characters of each cell.
    """

    place: int
    name: str
    kind: Kind
    spec: str
    header: str
    cells: tuple[str, ...]
    width: int
    lengths: tuple[int, ...]

    @property
    def mean_length(self) -> float:
        """Characters of a cell, on average over those that say something."""
        told = [length for length in self.lengths if length > 1]
        return sum(told) / len(told) if told else 1.0


def make_column(place: int, name: str, cells: Sequence[str], longest: int) -> Column:
    """The column of ``cells`` as the page shows them; the first names the rows and is never one of numbers.

    Args:
        longest: characters of a cell above which a column of texts, unless they are intervals, is wrapped.
    """
    share = _in_percent(cells)
    shown = [cell.removesuffix(" %") for cell in cells] if share else list(cells)
    lines = _header_lines(f"{name}, %" if share else name)
    if place > 0 and _mostly_numbers(shown):
        return _numbers(place, name, shown, lines)
    lengths = tuple(len(reads(cell)) for cell in shown)
    wide = max(lengths)
    wrapped = wide > longest and not all(_INTERVAL.fullmatch(cell) or len(cell) <= _WORDS for cell in shown)
    return Column(
        place=place,
        name=name,
        kind="wrapped" if wrapped else "text",
        spec="l",
        header=_stacked(lines, "l"),
        cells=tuple(_text(cell, wrapped=wrapped) for cell in shown),
        width=max(
            *(len(reads(line)) for line in lines),
            1 + max(len(piece) for cell in shown for piece in pieces(cell)) if wrapped else wide,
        ),
        lengths=lengths,
    )


def _in_percent(cells: Sequence[str]) -> bool:
    """Whether every cell that is not a missing one is in per cent, so that the header can say it once."""
    there = [cell for cell in cells if cell not in {"-", ""}]
    return bool(there) and all(cell.endswith(" %") for cell in there)


def _mostly_numbers(cells: Sequence[str]) -> bool:
    """Whether a column is one of numbers: some cells are, none is a power of ten, the rest are few and short words."""
    if any(_POWER.fullmatch(cell) for cell in cells):
        return False
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in cells)
    words = [cell for cell in cells if cell not in {"-", ""} and not _NUMBER.fullmatch(cell)]
    return numbers >= max(1, len(words)) and all(len(word) <= _WORDS for word in words)


def _numbers(place: int, name: str, cells: Sequence[str], lines: Sequence[str]) -> Column:
    found = [match for cell in cells if (match := _NUMBER.fullmatch(cell))]
    whole = max(len(m[3].replace(",", "")) for m in found)
    decimals = max(len(m[4] or ".") - 1 for m in found)
    sign = "+" if any(m[2] for m in found) else ""
    below = "<" if any(m[1] for m in found) else ""
    digits = f"{whole}.{decimals}" if decimals else f"{whole}"
    grouped = "" if any("," in m[3] for m in found) else ", group-digits = none"
    return Column(
        place=place,
        name=name,
        kind="number",
        spec=f"S[table-format = {below}{sign}{digits}{grouped}]",
        header=f"{{{_stacked(lines, 'c')}}}",
        cells=tuple(_number(cell) for cell in cells),
        width=max(len(reads(text)) for text in (*lines, *cells)),
        lengths=tuple(len(cell) for cell in cells),
    )


def _number(cell: str) -> str:
    if _NUMBER.fullmatch(cell):
        return cell.replace(",", "").replace(" ", "")
    return f"{{{_text(cell, wrapped=False)}}}"


def _text(cell: str, *, wrapped: bool) -> str:
    if cell == "-":
        return "--"
    if _POWER.fullmatch(cell):
        return rf"\num{{{cell}}}"
    return breakable(cell) if wrapped else tex(cell)


def _header_lines(name: str) -> list[str]:
    """``name`` in lines of about equal length, broken at spaces and behind underscores."""
    words = name.replace("_", "_ ").split()
    lines = balanced(" ".join(words), max(_HEADER, *(len(word) for word in words)))
    return [line.replace("_ ", "_") for line in lines]


def _stacked(lines: Sequence[str], side: str) -> str:
    if len(lines) == 1:
        return tex(lines[0])
    stacked = r" \\ ".join(guarded(tex(line)) for line in lines)
    return rf"\shortstack[{side}]{{{stacked}}}"


def guarded(text: str) -> str:
    """``text`` behind a line break, which would take a bracket or a star for its own argument."""
    return "{}" + text if text.startswith(("[", "*")) else text
