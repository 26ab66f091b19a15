"""What describes a table, and the columns that several have.

Every column has its type, unit and meaning: the one description of the tables of a run, for all readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["string", "json", "int64", "float64", "bool"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        dtype: ``json`` is UTF-8 text that holds a JSON value, else as pandas and Arrow call it.
        unit: of the number; empty where it is none or has none.
        empty: what an empty cell means; an empty text: the cell is never empty.
    """

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    empty: str = ""


@dataclass(frozen=True)
class TableSchema:
    """One table; the columns of ``key`` together are different in each row."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


METRIC = "the run's metric"
RESOURCE = "the run's resource"
RUN = Column("run", "string", "", "Name of the run.")
STRATEGY = Column("strategy", "string", "", "Name of the strategy, or of the baseline.")
REPLICATE = Column("replicate", "int64", "", "Number of the independent search, from 0.")
