"""What every reader hands over: labelled texts as they stand in one place, not yet held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.config.experiment import DataSource
from hpo.config.problems import nearest_name
from hpo.errors import UserError

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
    """The tables of a data source by split name; one without given splits has the single key ``""``.

    ``label_names``: the classes in the order that the source gives them, or None.
    """

    tables: Mapping[str, Table]
    source: str
    licence: str
    label_names: tuple[str, ...] | None = None


def table_from_columns(where: str, columns: Mapping[str, Sequence[object]], source: DataSource) -> Table:
    """Pick the columns that ``source`` names.

    Raises:
        UserError: a column is missing, or a cell is no text (or no label).
    """
    names = {"text": source.text, "label": source.label}
    if source.group is not None:
        names["group"] = source.group
    for role, name in names.items():
        if name not in columns:
            raise _missing_column(where, role, name, list(columns))
    texts = [_text(where, row, cell) for row, cell in enumerate(columns[source.text], start=1)]
    labels = [_label(where, row, cell, "label") for row, cell in enumerate(columns[source.label], start=1)]
    if source.group is None:
        return Table(where, texts, labels)
    groups = [_label(where, row, cell, "group") for row, cell in enumerate(columns[source.group], start=1)]
    return Table(where, texts, labels, [_filled(where, row, group) for row, group in enumerate(groups, 1)])


def _missing_column(where: str, role: str, name: str, there: list[str]) -> UserError:
    near = nearest_name(name, there)
    listed = ", ".join(f"`{column}`" for column in there) or "none"
    return UserError(
        f"{where}: no column `{name}` for the {role}; its columns are {listed}",
        f"Set `{role}: {near or 'COLUMN'}` under `data`.",
    )


def _text(where: str, row: int, cell: object) -> str | None:
    if isinstance(cell, str) or _is_missing(cell):
        return cell if isinstance(cell, str) else None
    raise _wrong_cell(where, row, "text", cell, "a text")


def _label(where: str, row: int, cell: object, role: str) -> str | None:
    """A class or group as a word: whole numbers are written without a point, truth values as true and false."""
    if _is_missing(cell):
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int):
        return str(cell).strip()
    raise _wrong_cell(where, row, role, cell, "a word or a whole number")


def _filled(where: str, row: int, group: str | None) -> str:
    if not group:
        raise UserError(f"{where}, row {row}: the group is empty", "Fill it in or remove the row.")
    return group


def _is_missing(cell: object) -> bool:
    return cell is None or cell != cell  # noqa: PLR0124 - NaN is the one value that is not equal to itself


def _wrong_cell(where: str, row: int, role: str, cell: object, wanted: str) -> UserError:
    kinds = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
    found = kinds.get(type(cell), f"a {type(cell).__name__}")
    return UserError(
        f"{where}, row {row}: the {role} is {found}; {wanted} is required",
        f"Name another column under `data`, or write {wanted} there.",
    )
