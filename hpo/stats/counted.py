"""Metrics of a whole test set that follow from counts summed over its items.

All take sums (..., 3c): true positives, false positives and false negatives of each of c classes, class by class, and
give scores (...). Of single-label classification ``class_counts`` gives them; of entities or other spans they are
counted in each document, with c = 1, or of each type.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpo.stats.crossed import Array


def class_counts(labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int) -> Array:
    """What each of n items adds, (n, 3 ``classes``), given class indices (n,) of truth and prediction."""
    true, said = (np.eye(classes)[np.asarray(indices, dtype=np.intp)] for indices in (labels, predictions))
    parts = np.stack((true * said, said * (1 - true), true * (1 - said)), axis=-1)
    return parts.reshape(len(parts), -1)


def accuracy(sums: Array) -> Array:
    """Share of items, each of which has one label, that are right."""
    right, _, missed = _of_classes(sums)
    return _ratio(right.sum(axis=-1), (right + missed).sum(axis=-1))


def micro_f1(sums: Array) -> Array:
    """F1 of all classes' counts together: entity F1 where the counts are of entities. 0 where nothing is counted."""
    right, wrong, missed = (part.sum(axis=-1) for part in _of_classes(sums))
    return _ratio(2 * right, 2 * right + wrong + missed)


def macro_f1(sums: Array) -> Array:
    """Mean F1 over the classes that are true of an item or predicted of one; 0 where there is none."""
    right, wrong, missed = _of_classes(sums)
    counted = 2 * right + wrong + missed
    return _ratio(_ratio(2 * right, counted).sum(axis=-1), (counted > 0).sum(axis=-1))


def matthews(sums: Array) -> Array:
    """Matthews' correlation of items with one label each, of two classes or more.

    R_K of Gorodkin, Computational Biology and Chemistry 28 (2004). 0 where all items are, or are called, of one class.
    """
    right, wrong, missed = _of_classes(sums)
    true, said = right + missed, right + wrong
    items = true.sum(axis=-1)
    together = right.sum(axis=-1) * items - (true * said).sum(axis=-1)
    spreads = [items**2 - (part**2).sum(axis=-1) for part in (true, said)]
    return _ratio(together, np.sqrt(spreads[0] * spreads[1]))


def _of_classes(sums: Array) -> tuple[Array, Array, Array]:
    """True positives, false positives and false negatives, (..., c) each."""
    parts = sums.reshape(*sums.shape[:-1], -1, 3)
    return parts[..., 0], parts[..., 1], parts[..., 2]


def _ratio(above: Array, below: Array) -> Array:
    """``above`` over ``below``, 0 where that is 0."""
    shares: Array = np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)
    return shares
