"""Data sets of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpo.config.experiment import DataSource, Kind
from hpo.data.tables import SPLITS, Reading, Table, table_from_columns
from hpo.errors import UserError

UNLABELLED = -1  # what the hub writes for the hidden labels of a test split


def read_hub(name: str, source: DataSource, kind: Kind) -> Reading:
    """Read the splits train, validation and test of the data set with the id ``name``; others are left alone.

    A split whose labels are all hidden counts as not given. No code of the data set is run.

    Raises:
        UserError: it cannot be loaded, or has no train split.
    """
    data = _load(name)
    if "train" not in data:
        raise UserError(
            f"{name}: no split named train; its splits are {', '.join(data)}",
            "Download it, write its texts into one file and name that under `path`.",
        )
    tables = {
        split: _table(f"{name}, {split}", data[split], source, kind) for split in SPLITS if split in data
    }
    label_names = None if kind == "token-classification" else _names(data["train"], source.label)
    return Reading(
        tables={split: table for split, table in tables.items() if table is not None},
        source=f"{name} of the Hugging Face hub",
        licence=data["train"].info.license or "as its page on the hub says",
        label_names=tuple(label_names) if label_names else None,
    )


def _load(name: str) -> Any:
    import datasets

    try:
        return datasets.load_dataset(name)
    except Exception as error:  # of files that nobody checked: whatever comes
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"{name}: the hub's data set cannot be loaded: {first}",
            "Look whether the id is right and the hub can be reached, or name a file under `path`.",
        ) from error


def _table(where: str, split: Any, source: DataSource, kind: Kind) -> Table | None:
    """The rows of one split, class numbers replaced by the names that the data set has for them."""
    columns = {name: split[name][:] for name in split.column_names}
    labels = columns.get(source.label, [])
    if labels and all(label == UNLABELLED for label in labels):
        return None
    names = dict(enumerate(_names(split, source.label) or ()))
    if names:
        columns[source.label] = [
            [names.get(item) for item in label] if isinstance(label, list) else names.get(label)
            for label in labels
        ]
    return table_from_columns(where, columns, source, kind)


def _names(split: Any, column: str) -> Sequence[str] | None:
    """What the numbers in a column stand for, alone or in lists."""
    feature = split.features.get(column)
    return getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
