"""Labelled texts from any source, checked once: what comes out of here has texts, labels and at least two classes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hpo.assets.catalogue import CATALOGUE, find_asset
from hpo.assets.fetch import fetch
from hpo.config.experiment import DataSource
from hpo.data.files import read_path
from hpo.data.hub import read_hub
from hpo.data.named import read_named
from hpo.data.tables import SPLITS, Reading, Table
from hpo.errors import UserError


@dataclass(frozen=True)
class Corpus:
    """Labelled texts, not yet split unless the data came split. Aligned over n texts.

    Attributes:
        texts: n texts.
        labels: int64 [n], indices into ``label_names``.
        label_names: as the data orders them, else in natural order ("2" before "10").
        groups: int64 [n], or None; texts of one group belong into one split.
        splits: the split that each text was given ("train", "validation" or "test"), or None.
        source, licence: for the report.
        origin: what error messages call the data.
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    label_names: tuple[str, ...]
    groups: np.ndarray | None
    splits: tuple[str, ...] | None
    source: str
    licence: str
    origin: str


def load_corpus(source: DataSource) -> Corpus:
    """Read the labelled texts that ``source`` names, fetching a named asset on first use.

    Raises:
        UserError: it cannot be read, or its rows do not do: the message names file and row, never the text.
    """
    if source.asset is not None:
        return _corpus(_read_asset(source.asset), source.asset)
    if source.path is not None:
        return _corpus(read_path(source.path, source), source.path)
    if source.hub is not None:
        return _corpus(read_hub(source.hub, source), source.hub)
    raise ValueError("a data source names an asset, a path or a hub id")


def _read_asset(name: str) -> Reading:
    asset = find_asset(name)
    if asset.kind != "data":
        known = ", ".join(a.name for a in CATALOGUE.values() if a.kind == "data")
        raise UserError(f"`{name}` is a {asset.kind}, not a data set", f"Name one of {known}.")
    return read_named(asset, fetch(name))


def _corpus(reading: Reading, origin: str) -> Corpus:
    tables = [(name, reading.tables[name]) for name in ("", *SPLITS) if name in reading.tables]
    for _, table in tables:
        _check_rows(table)
    label_names = _label_names(reading, [table for _, table in tables], origin)
    index = {name: i for i, name in enumerate(label_names)}
    groups = [f"{group}" for _, table in tables for group in table.groups or ()]
    return Corpus(
        texts=tuple(text for _, table in tables for text in table.texts if text is not None),
        labels=np.array(
            [index[label] for _, table in tables for label in table.labels if label is not None], np.int64
        ),
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
        if text is None or not text.strip():
            raise UserError(f"{table.where}, row {row}: the text is empty", "Fill it in or remove the row.")
        if label is None or not label.strip():
            raise UserError(f"{table.where}, row {row}: the label is empty", "Fill it in or remove the row.")
        for role, content in (("text", text), ("label", label)):
            if not _is_unicode(content):
                raise UserError(
                    f"{table.where}, row {row}: the {role} holds half of a surrogate pair, which is no character",
                    "Write the file again as UTF-8, or remove the row.",
                )


def _is_unicode(content: str) -> bool:
    try:
        content.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_label(label: str) -> str:
    """A label in a message; a long one may be a text of the user's, which no message prints."""
    return f"`{label}`" if len(label) <= LONGEST_SHOWN else f"of {len(label)} characters"


def _label_names(reading: Reading, tables: list[Table], origin: str) -> tuple[str, ...]:
    """The classes of the training texts; a label elsewhere that is none of them is an error."""
    trained = {label for label in tables[0].labels if label is not None}
    if len(trained) < 2:
        found = f"one class only, {shown_label(min(trained))}" if trained else "no row at all"
        raise UserError(
            f"{tables[0].where}: {found}; at least two classes are required",
            f"Look whether {origin} holds the labels that you mean, and the column that `label` names.",
        )
    if len(trained) > max(FEW_CLASSES, min(len(tables[0].labels) / 2, MOST_CLASSES)):
        raise UserError(
            f"{tables[0].where}: {len(trained)} different labels in {len(tables[0].labels)} rows; these are no classes",
            f"Look whether `label` names the column of {origin} that you mean.",
        )
    for table in tables[1:]:
        for row, label in enumerate(table.labels, start=1):
            if label is not None and label not in trained:
                raise UserError(
                    f"{table.where}, row {row}: the label {shown_label(label)} stands in no row of {tables[0].where}",
                    "Add training texts with this label or remove the row.",
                )
    named = [name for name in reading.label_names or () if name in trained]
    return tuple(named) or tuple(sorted(trained, key=_natural))


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key that compares runs of digits as numbers."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]
