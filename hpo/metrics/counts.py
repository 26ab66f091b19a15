"""What of each item counts: true positives, false positives and false negatives of each class.

Every array here is int64 (items, 3, classes); summed over items it is (3, classes), from which metrics are computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Span = tuple[int, int, str]  # first word, the one behind the last, type


def count_classes(labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> Counts:
    """Of items with one class each: ``labels`` and ``predictions`` (items,) are class indices."""
    counts = np.zeros((len(labels), 3, classes), np.int64)
    items = np.arange(len(labels))
    right = labels == predictions
    counts[items[right], 0, labels[right]] = 1
    counts[items[~right], 1, predictions[~right]] = 1
    counts[items[~right], 2, labels[~right]] = 1
    return counts


def count_labels(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> Counts:
    """Of items with any number of labels: both (items, classes), 1 where an item has the label."""
    true, found = labels.astype(bool), predictions.astype(bool)
    return np.stack([true & found, ~true & found, true & ~found], axis=1).astype(np.int64)


def count_entities(
    labels: Sequence[Sequence[Span]], predictions: Sequence[Sequence[Span]], types: Sequence[str]
) -> Counts:
    """Of sentences with entities: one is right where first word, last word and type are (Tjong Kim Sang and De
    Meulder 2003)."""
    counts = np.zeros((len(labels), 3, len(types)), np.int64)
    place = {name: column for column, name in enumerate(types)}
    for item, (true, found) in enumerate(zip(labels, predictions, strict=True)):
        wanted, got = set(true), set(found)
        for row, spans in enumerate((wanted & got, got - wanted, wanted - got)):
            for *_, name in spans:
                counts[item, row, place[name]] += 1
    return counts
