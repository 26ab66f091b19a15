"""Labelled texts from any source, checked once: what comes out of here has texts, labels and at least two classes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hpo.assets.catalogue import CATALOGUE, find_asset
from hpo.assets.fetch import fetch
from hpo.config.experiment import DataSource, Kind
from hpo.data.cells import Label, Text
from hpo.data.entities import Span, tag_names, tags_of
from hpo.data.files import read_path
from hpo.data.hub import read_hub
from hpo.data.named import kinds_of, read_named
from hpo.data.tables import SPLITS, Reading, Table
from hpo.errors import UserError


@dataclass(frozen=True)
class Corpus:
    """Labelled texts, not yet split unless the data came split. Aligned over n texts.

    Attributes:
        texts: n texts; of a pair task two each, of token classification the words of each.
        labels: int64 [n], indices into ``label_names``; of a multi-label task int64 [n, labels], 1 where a text has one; of
            token classification [n] arrays int64 [words].
        label_names: as the data orders them, else in natural order ("2" before "10"); of token classification the tags of
            IOB2, "O" first.
        groups: int64 [n], or None; texts of one group belong into one split.
        splits: the split that each text was given ("train", "validation" or "test"), or None.
        source, licence: for the report.
        origin: what error messages call the data.
    """

    texts: tuple[Text, ...]
    labels: np.ndarray
    label_names: tuple[str, ...]
    groups: np.ndarray | None
    splits: tuple[str, ...] | None
    source: str
    licence: str
    origin: str

    @property
    def strata(self) -> np.ndarray:
        """int64 [n], what each split has an equal share of: the classes, where a text has one."""
        one_each = self.labels.ndim == 1 and self.labels.dtype != object
        return self.labels if one_each else np.zeros(len(self.texts), np.int64)

    def label_indices(self, items: np.ndarray) -> set[int]:
        """Indices of the classes (of the labels; of the tags that begin entities) that any of these texts has."""
        labels = self.labels[items]
        if labels.ndim == 2:
            return {int(i) for i in np.flatnonzero(labels.any(axis=0))}
        if labels.dtype != object:
            return {int(i) for i in labels}
        inside = {int(tag) for tags in labels for tag in tags if tag}
        return {(tag + 1) // 2 * 2 - 1 for tag in inside}  # I-PER stands behind B-PER

    def label_text(self, item: int) -> str:
        """The class of a text by name; its labels, or the tags of its words, as JSON."""
        label = self.labels[item]
        if label.ndim == 0:
            return self.label_names[int(label)]
        indices = np.flatnonzero(label) if self.labels.ndim == 2 else label
        return json.dumps([self.label_names[i] for i in indices])


def load_corpus(source: DataSource, kind: Kind = "text-classification") -> Corpus:
    """Read the labelled texts that ``source`` names, fetching a named asset on first use.

    Raises:
        UserError: it cannot be read, or its rows do not do: the message names file and row, never the text.
    """
    if source.asset is not None:
        return _corpus(_read_asset(source.asset, kind), source.asset, kind)
    if source.path is not None:
        return _corpus(read_path(source.path, source, kind), source.path, kind)
    if source.hub is not None:
        return _corpus(read_hub(source.hub, source, kind), source.hub, kind)
    raise ValueError("a data source names an asset, a path or a hub id")


def _read_asset(name: str, kind: Kind) -> Reading:
    asset = find_asset(name)
    if asset.kind != "data":
        known = ", ".join(a.name for a in CATALOGUE.values() if a.kind == "data")
        raise UserError(f"`{name}` is a {asset.kind}, not a data set", f"Name one of {known}.")
    kinds = kinds_of(name)
    if kind not in kinds:
        raise UserError(
            f"`{name}` is no data of a task of kind {kind}", f"Set `kind: {kinds[0]}` under `task`."
        )
    return read_named(asset, fetch(name), kind)


def _corpus(reading: Reading, origin: str, kind: Kind) -> Corpus:
    tables = [(name, reading.tables[name]) for name in ("", *SPLITS) if name in reading.tables]
    for _, table in tables:
        _check_rows(table)
    label_names, labels = _LABELS.get(kind, _classes)(reading, [table for _, table in tables], origin)
    groups = [f"{group}" for _, table in tables for group in table.groups or ()]
    return Corpus(
        texts=tuple(text for _, table in tables for text in table.texts if text is not None),
        labels=labels,
        label_names=label_names,
        groups=np.unique(groups, return_inverse=True)[1].astype(np.int64) if groups else None,
        splits=None if "" in reading.tables else tuple(name for name, t in tables for _ in t.texts),
        source=reading.source,
        licence=reading.licence,
        origin=origin,
    )


LONGEST_SHOWN = 40  # characters of a label
# More classes than half the rows, or than a thousand, are none: the labels may well be texts, and labels are recorded.
FEW_CLASSES, MOST_CLASSES = 20, 1000


def _check_rows(table: Table) -> None:
    for row, (text, label) in enumerate(zip(table.texts, table.labels, strict=True), start=1):
        texts = (text,) if isinstance(text, str) else text or ("",)
        if not all(part.strip() for part in texts):
            raise UserError(f"{table.where}, row {row}: the text is empty", "Fill it in or remove the row.")
        if label is None or (isinstance(label, str) and not label.strip()):
            raise UserError(f"{table.where}, row {row}: the label is empty", "Fill it in or remove the row.")
        for role, contents in (("text", texts), ("label", _names_in(label))):
            if not all(map(_is_unicode, contents)):
                raise UserError(
                    f"{table.where}, row {row}: the {role} holds half of a surrogate pair, which is no character",
                    "Write the file again as UTF-8, or remove the row.",
                )


def _names_in(label: Label) -> list[str]:
    """The names that a label holds: of a class, of a set of them, or the types of entities."""
    if isinstance(label, str):
        return [label]
    return [item if isinstance(item, str) else item[2] for item in label]


def _is_unicode(content: str) -> bool:
    try:
        content.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_label(label: str) -> str:
    """A label in a message; a long one may be a text of the user's, which no message prints."""
    return f"`{label}`" if len(label) <= LONGEST_SHOWN else f"of {len(label)} characters"


Labels = tuple[tuple[str, ...], np.ndarray]  # ``label_names`` and ``labels`` of the corpus


def _classes(reading: Reading, tables: list[Table], origin: str) -> Labels:
    names = _label_names(reading, tables, origin, least=2)
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index[str(label)] for table in tables for label in table.labels], np.int64)


def _label_sets(reading: Reading, tables: list[Table], origin: str) -> Labels:
    names = _label_names(reading, tables, origin, least=1)
    held = [_names_in(label) for table in tables for label in table.labels if label is not None]
    return names, np.array([[int(name in own) for name in names] for own in held], np.int64)


def _tags(reading: Reading, tables: list[Table], origin: str) -> Labels:
    names = tag_names(_label_names(reading, tables, origin, least=1))
    index = {name: i for i, name in enumerate(names)}
    rows = [row for table in tables for row in zip(table.texts, table.labels, strict=True)]
    labels = np.empty(len(rows), object)
    for row, (words, spans) in enumerate(rows):
        tags = tags_of(_spans(spans), len(words or ()))
        labels[row] = np.array([index[tag] for tag in tags], np.int64)
    return names, labels


def _spans(label: Label | None) -> list[Span]:
    return [item for item in label or () if not isinstance(item, str)]


_LABELS: Mapping[str, Callable[[Reading, list[Table], str], Labels]] = {
    "multi-label": _label_sets,
    "token-classification": _tags,
}


def _label_names(reading: Reading, tables: list[Table], origin: str, least: int) -> tuple[str, ...]:
    """The classes of the training texts; a label elsewhere that is none of them is an error."""
    trained = {name for label in tables[0].labels if label is not None for name in _names_in(label)}
    if len(trained) < least:
        found = f"one class only, {shown_label(min(trained))}" if trained else "no row at all"
        found = "no label at all" if tables[0].labels and not trained else found
        wanted = "two classes are" if least > 1 else "one label is"
        raise UserError(
            f"{tables[0].where}: {found}; at least {wanted} required",
            f"Look whether {origin} holds the labels that you mean, and the column that `label` names.",
        )
    if len(trained) > max(FEW_CLASSES, min(len(tables[0].labels) / 2, MOST_CLASSES)):
        raise UserError(
            f"{tables[0].where}: {len(trained)} different labels in {len(tables[0].labels)} rows; these are no classes",
            f"Look whether `label` names the column of {origin} that you mean.",
        )
    for table in tables[1:]:
        for row, label in enumerate(table.labels, start=1):
            for name in [] if label is None else sorted({*_names_in(label)} - trained):
                raise UserError(
                    f"{table.where}, row {row}: the label {shown_label(name)} stands in no row of {tables[0].where}",
                    "Add training texts with this label or remove the row.",
                )
    named = [name for name in reading.label_names or () if name in trained]
    return tuple(named) or tuple(sorted(trained, key=_natural))


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that compares runs of digits as numbers, of any length; of equal ones the names decide."""
    parts = re.split(r"([0-9]+)", name)
    runs = [part.lstrip("0") for part in parts[1::2]]
    texts = [(1, 0, part) for part in parts[0::2]]
    mixed = [texts[0]]
    for run, text in zip(runs, texts[1:], strict=True):
        mixed += [(0, len(run), run), text]
    return mixed, name
