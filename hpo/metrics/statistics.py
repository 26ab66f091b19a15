"""Metrics as functions of what was counted: (..., 3, classes) true positives, false positives, false negatives -> (...).

A share whose denominator is 0 is 0, as scikit-learn has it with ``zero_division=0``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def accuracy(counts: NDArray[np.generic]) -> Array:
    """Share of items whose one class was predicted."""
    right, _, missed = _parts(counts)
    return _share(right.sum(-1), right.sum(-1) + missed.sum(-1))


def precision(counts: NDArray[np.generic]) -> Array:
    """Share of what was predicted that is right, over all classes together."""
    right, wrong, _ = _parts(counts)
    return _share(right.sum(-1), right.sum(-1) + wrong.sum(-1))


def recall(counts: NDArray[np.generic]) -> Array:
    """Share of what is there that was predicted, over all classes together."""
    right, _, missed = _parts(counts)
    return _share(right.sum(-1), right.sum(-1) + missed.sum(-1))


def micro_f1(counts: NDArray[np.generic]) -> Array:
    """Harmonic mean of ``precision`` and ``recall``; of entities what the CoNLL script calls FB1."""
    return class_f1(np.sum(counts, axis=-1, keepdims=True))[..., 0]


def class_f1(counts: NDArray[np.generic]) -> Array:
    """F1 of each class by itself: (..., 3, classes) -> (..., classes)."""
    right, wrong, missed = _parts(counts)
    return _share(2 * right, 2 * right + wrong + missed)


def macro_f1(counts: NDArray[np.generic]) -> Array:
    """Mean of each one's F1 over the classes that are there or were predicted, as scikit-learn has it."""
    there = np.asarray(counts).sum(-2) > 0
    return _share((class_f1(counts) * there).sum(-1), there.sum(-1).astype(np.float64))


def matthews(counts: NDArray[np.generic]) -> Array:
    """Matthews' correlation over any number of classes (Gorodkin 2004, R_K); 0 where one side is a single class."""
    right, wrong, missed = _parts(counts)
    predicted, true = right + wrong, right + missed
    items = true.sum(-1)
    covariance = right.sum(-1) * items - (predicted * true).sum(-1)
    spread = (items**2 - (predicted**2).sum(-1)) * (items**2 - (true**2).sum(-1))
    return _share(covariance, np.sqrt(spread))


def _parts(counts: NDArray[np.generic]) -> tuple[Array, Array, Array]:
    whole = np.asarray(counts, np.float64)
    return whole[..., 0, :], whole[..., 1, :], whole[..., 2, :]


def _share(part: Array, whole: Array) -> Array:
    share: Array = np.divide(part, whole, out=np.zeros_like(whole, np.float64), where=whole != 0)
    return share
