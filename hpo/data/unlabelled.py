"""Texts to be predicted: a column of a file, or two, without labels. No message holds a text of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.config.problems import nearest_name
from hpo.data.cells import Text, pair_cell, text_cell
from hpo.data.entities import word_places
from hpo.data.files import read_columns
from hpo.errors import UserError
from hpo.json_text import parse_json


@dataclass(frozen=True)
class Unlabelled:
    """The texts of a file.

    Attributes:
        texts: of a pair task two each, of token classification the words of each.
        places: of token classification where each word of a text stands, as (first character, the one behind its last);
            None for a row that is a list of words.
    """

    texts: tuple[Text, ...]
    places: tuple[tuple[tuple[int, int], ...] | None, ...] = ()


def read_unlabelled(path: Path, kind: str, columns: Sequence[str]) -> Unlabelled:
    """Read the texts in ``columns`` of a CSV, JSON, JSON Lines or Parquet file.

    Args:
        kind: of the task; a pair needs two columns, the others one. Words are given as lists, or found in texts.

    Raises:
        UserError: a column is missing, or a row has no text.
    """
    found = read_columns(path)
    for name in columns:
        if name not in found:
            near = nearest_name(name, list(found))
            listed = ", ".join(f"`{column}`" for column in found) or "none"
            raise UserError(
                f"{path}: no column `{name}`; its columns are {listed}",
                f"Name the column of the texts: `--text {near or 'COLUMN'}`, and for a pair `--second-text COLUMN`.",
            )
    cells = [found[name] for name in columns]
    if kind == "token-classification":
        return _sentences(str(path), cells[0])
    return Unlabelled(
        tuple(_text(str(path), row, each) for row, each in enumerate(zip(*cells, strict=True), 1))
    )


def _text(where: str, row: int, cells: tuple[object, ...]) -> Text:
    text = text_cell(where, row, cells[0]) if len(cells) == 1 else pair_cell(where, row, *cells[:2])
    parts = (text,) if isinstance(text, str) else text or ("",)
    if text is None or not all(part.strip() for part in parts):
        raise UserError(f"{where}, row {row}: the text is empty", "Fill it in or remove the row.")
    return text


def _sentences(where: str, cells: Sequence[object]) -> Unlabelled:
    rows = [_sentence(where, row, cell) for row, cell in enumerate(cells, 1)]
    return Unlabelled(tuple(words for words, _ in rows), tuple(places for _, places in rows))


def _sentence(
    where: str, row: int, cell: object
) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...] | None]:
    words = _list_of_words(cell)
    if words is not None:
        if not words:
            raise UserError(f"{where}, row {row}: the text is empty", "Fill it in or remove the row.")
        return words, None
    text = str(_text(where, row, (cell,)))
    places = tuple(word_places(text))
    return tuple(text[first:end] for first, end in places), places


def _list_of_words(cell: object) -> tuple[str, ...] | None:
    """A list of words, which stands in a CSV file as JSON; None: the cell is none."""
    found = cell
    if isinstance(cell, str) and cell.startswith("["):
        try:
            found = parse_json(cell)
        except ValueError:
            return None
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return tuple(found)
    return None
