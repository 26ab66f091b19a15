"""A section of the report: what it says, its tables and figures, or why it is absent."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.report.figure import Figure
from hpo.report.table import Table


@dataclass(frozen=True)
class Section:
    """One section of the page, in the order of the report.

    Attributes:
        name: anchor; also the stem of nothing else.
        text: paragraphs of plain text, above the parts.
        parts: tables and figures in the order in which they stand. Each is also written for the paper.
        absent: why there is nothing to show, and what would give it; a section has either this or parts.
    """

    name: str
    title: str
    text: tuple[str, ...] = ()
    parts: tuple[Table | Figure, ...] = ()
    absent: str = ""
