"""Cells of a table as texts and labels, of each kind of task. No message holds a text of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpo.data.entities import Span, spans_of, words_of
from hpo.errors import UserError
from hpo.json_text import parse_json

# A text, two of them, or the words of a sentence.
Text = str | tuple[str, ...]
# A class, a set of labels, or the entities of a sentence.
Label = str | frozenset[str] | tuple[Span, ...]
SEPARATOR = ","  # between labels that stand in one cell of a CSV file


def text_cell(where: str, row: int, cell: object, role: str = "text") -> str | None:
    """A text as it stands, or None where the cell is empty."""
    if isinstance(cell, str) or is_missing(cell):
        return cell if isinstance(cell, str) else None
    raise _wrong_cell(where, row, role, cell, "a text")


def pair_cell(where: str, row: int, first: object, second: object) -> tuple[str, ...] | None:
    """Two texts, or None where one is missing."""
    texts = text_cell(where, row, first), text_cell(where, row, second, "second text")
    return None if texts[0] is None or texts[1] is None else (texts[0], texts[1])


def class_cell(where: str, row: int, cell: object, role: str) -> str | None:
    """A class or group as a word: whole numbers are written without a point, truth values as true and false."""
    if is_missing(cell):
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int):
        return str(cell).strip()
    raise _wrong_cell(where, row, role, cell, "a word or a whole number")


def label_set_cell(where: str, row: int, cell: object) -> frozenset[str]:
    """Any number of labels: a list of them, or one text with commas between them; an empty cell has none."""
    if is_missing(cell):
        return frozenset()
    items = cell.split(SEPARATOR) if isinstance(cell, str) else cell
    if not isinstance(items, Sequence):
        raise _wrong_cell(where, row, "label", cell, "a list of labels, or labels with commas between them,")
    names = [class_cell(where, row, item, "label") for item in items]
    return frozenset(name for name in names if name)


def sentence_cell(
    where: str, row: int, text: object, label: object
) -> tuple[tuple[str, ...] | None, tuple[Span, ...] | None]:
    """Words and entities, from words with a tag each, or from a text with entities by characters.

    Entities by characters are objects with ``start``, ``end`` and ``label``. A list may stand as JSON in a CSV file.
    """
    text, label = _unpacked(text), _unpacked(label)
    if is_missing(text) or is_missing(label):
        return None, None
    if not isinstance(label, list):
        raise _wrong_cell(where, row, "label", label, "a list of tags or of entities")
    if isinstance(text, str):
        return _by_characters(where, row, text, label)
    if not isinstance(text, list) or not all(isinstance(word, str) for word in text):
        raise _wrong_cell(where, row, "text", text, "a text or a list of words")
    if len(text) != len(label):
        raise UserError(
            f"{where}, row {row}: {len(text)} words have {len(label)} tags",
            "Give each word one tag.",
        )
    try:
        return tuple(text), spans_of([str(tag) for tag in label])
    except ValueError as error:
        raise UserError(f"{where}, row {row}: {error}", "Mend the tags of the row.") from error


def _by_characters(
    where: str, row: int, text: str, label: list[object]
) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    try:
        return words_of(text, [_entity(item) for item in label])
    except ValueError as error:
        raise UserError(f"{where}, row {row}: {error}", "Mend the entities of the row.") from error


def _entity(item: object) -> tuple[int, int, str]:
    if isinstance(item, Mapping):
        start, end, name = (item.get(key) for key in ("start", "end", "label"))
        if isinstance(start, int) and isinstance(end, int) and isinstance(name, str) and name:
            return start, end, name
    raise ValueError('an entity is no object such as {"start": 0, "end": 5, "label": "PER"}')


def _unpacked(cell: object) -> object:
    """A list that stands in a cell as JSON, else the cell."""
    if not isinstance(cell, str) or not cell.startswith("["):
        return cell
    try:
        return parse_json(cell)
    except ValueError:
        return cell


def is_missing(cell: object) -> bool:
    """Whether a cell is empty."""
    return cell is None or cell != cell  # noqa: PLR0124 - NaN is the one value that is not equal to itself


def _wrong_cell(where: str, row: int, role: str, cell: object, wanted: str) -> UserError:
    kinds = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    found = kinds.get(type(cell), f"a {type(cell).__name__}")
    return UserError(
        f"{where}, row {row}: the {role} is {found}; {wanted} is required",
        f"Name another column under `data`, or write {wanted} there.",
    )
