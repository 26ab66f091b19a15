"""What every reader hands over: labelled texts as they stand in one place, not yet held against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hpo.config.experiment import DataSource, Kind
from hpo.config.problems import nearest_name
from hpo.data.cells import (
    Label,
    Text,
    class_cell,
    label_set_cell,
    pair_cell,
    sentence_cell,
    text_cell,
)
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
    texts: list[Text | None]
    labels: list[Label | None]
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


def table_from_columns(
    where: str, columns: Mapping[str, Sequence[object]], source: DataSource, kind: Kind
) -> Table:
    """Pick the columns that ``source`` names.

    Raises:
        UserError: a column is missing, or a cell is not what the task reads.
    """
    names = {"text": source.text, "label": source.label}
    if kind == "pair":
        names["second_text"] = source.second_text
    if source.group is not None:
        names["group"] = source.group
    for role, name in names.items():
        if name not in columns:
            raise _missing_column(where, role, name, list(columns))
    cells = {role: columns[name] for role, name in names.items()}
    texts, labels = _READERS.get(kind, _one_class)(where, cells)
    if source.group is None:
        return Table(where, texts, labels)
    groups = [class_cell(where, row, cell, "group") for row, cell in enumerate(cells["group"], start=1)]
    return Table(where, texts, labels, [_filled(where, row, group) for row, group in enumerate(groups, 1)])


Columns = Mapping[str, Sequence[object]]
Rows = tuple[list[Text | None], list[Label | None]]


def _one_class(where: str, cells: Columns) -> Rows:
    texts = [text_cell(where, row, cell) for row, cell in enumerate(cells["text"], start=1)]
    return list(texts), _classes(where, cells)


def _classes(where: str, cells: Columns) -> list[Label | None]:
    return [class_cell(where, row, cell, "label") for row, cell in enumerate(cells["label"], start=1)]


def _pairs(where: str, cells: Columns) -> Rows:
    both = zip(cells["text"], cells["second_text"], strict=True)
    return [pair_cell(where, row, *texts) for row, texts in enumerate(both, start=1)], _classes(where, cells)


def _label_sets(where: str, cells: Columns) -> Rows:
    texts = [text_cell(where, row, cell) for row, cell in enumerate(cells["text"], start=1)]
    labels = [label_set_cell(where, row, cell) for row, cell in enumerate(cells["label"], start=1)]
    return list(texts), list(labels)


def _sentences(where: str, cells: Columns) -> Rows:
    both = zip(cells["text"], cells["label"], strict=True)
    rows = [sentence_cell(where, row, *pair) for row, pair in enumerate(both, start=1)]
    return [words for words, _ in rows], [spans for _, spans in rows]


_READERS: Mapping[str, Callable[[str, Columns], Rows]] = {
    "pair": _pairs,
    "multi-label": _label_sets,
    "token-classification": _sentences,
}


# A longer one is no name: a file without a header has its first text there, which no message prints.
MOST_CHARACTERS, MOST_WORDS = 40, 3


def _missing_column(where: str, role: str, name: str, there: list[str]) -> UserError:
    near = nearest_name(name, filter(_is_name, there))
    listed = ", ".join(map(_shown_column, there)) or "none"
    return UserError(
        f"{where}: no column `{name}` for the {role.replace('_', ' ')}; its columns are {listed}",
        f"Set `{role}: {near or 'COLUMN'}` under `data`.",
    )


def _is_name(column: str) -> bool:
    return len(column) <= MOST_CHARACTERS and len(column.split()) <= MOST_WORDS


def _shown_column(column: str) -> str:
    return f"`{column}`" if _is_name(column) else f"one of {len(column)} characters (is there a header?)"


def _filled(where: str, row: int, group: str | None) -> str:
    if not group:
        raise UserError(f"{where}, row {row}: the group is empty", "Fill it in or remove the row.")
    return group
