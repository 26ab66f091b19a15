"""CoNLL files: a word and its columns on each line, an empty line behind each sentence."""

from __future__ import annotations

from pathlib import Path

from hpo.data.entities import Span, spans_of
from hpo.data.tables import Table
from hpo.errors import UserError

CONLL_ENDINGS = (".conll", ".iob", ".iob2", ".bio", ".txt")
DOCUMENT = "-DOCSTART-"


def read_conll(path: Path) -> Table:
    """Read the first column as words and the last as tags (IOB1, IOB2 or IOBES), between blanks or tabs.

    Documents, where lines of ``-DOCSTART-`` or comments ``# newdoc`` begin them, are the groups: no document stands in two
    splits. Other comments (``# `` and more) are left out.

    Raises:
        UserError: a line has no tag, or one that is none.
    """
    reader = _Reader(path)
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            reader.add(number, line.rstrip("\n\r"))
    reader.end()
    return Table(
        where=str(path),
        texts=list(reader.texts),
        labels=list(reader.labels),
        groups=[f"{path.name} {document}" for document in reader.documents] if reader.document else None,
    )


class _Reader:
    """The sentences of a file, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._words: list[str] = []
        self._tags: list[str] = []
        self._first = 1
        self.document = 0
        self.texts: list[tuple[str, ...]] = []
        self.labels: list[tuple[Span, ...]] = []
        self.documents: list[int] = []

    def add(self, number: int, line: str) -> None:
        """Take up one line."""
        columns = line.split("\t") if "\t" in line else line.split()
        if line.startswith("# newdoc"):
            self.document += 1
        elif line.startswith("# ") and len(columns) != 2:  # of two columns, `#` is a word
            return
        elif not line.strip() or columns[0] == DOCUMENT:
            self.end()
            self.document += bool(columns) and columns[0] == DOCUMENT
        elif len(columns) < 2:
            raise UserError(
                f"{self._path}, line {number}: a word without a tag",
                "Write a word, a blank and its tag on each line, and an empty line behind each sentence.",
            )
        else:
            self._first = number if not self._words else self._first
            self._words.append(columns[0].strip())
            self._tags.append(columns[-1].strip())

    def end(self) -> None:
        """Take up the sentence that ends here, if one was begun."""
        if not self._words:
            return
        try:
            self.labels.append(spans_of(self._tags))
        except ValueError as error:
            raise UserError(
                f"{self._path}, the sentence of line {self._first}: {error}",
                "Mend the tags, or write them into the last column.",
            ) from error
        self.texts.append(tuple(self._words))
        self.documents.append(self.document)
        self._words, self._tags = [], []
