"""What every reader hands over: labelled texts as they stand in one place, not yet checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Table:
    """Rows of one file (or of one split of a data set), aligned lists.

    Attributes:
        where: what error messages call it; the row in them is counted from 1, headers not included.
        texts, labels: None where a row has none.
        groups: what must not be divided between splits, or None where the data has no groups.
    """

    where: str
    texts: list[str | None]
    labels: list[str | None]
    groups: list[str] | None = None


@dataclass(frozen=True)
class Reading:
    """The tables of a data source by split name; one without given splits has the single key ``""``."""

    tables: Mapping[str, Table]
    source: str
    licence: str
    label_names: tuple[str, ...] | None = None
