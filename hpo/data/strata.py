"""Draw a number of items so that each class keeps its share."""

from __future__ import annotations

import numpy as np


def quotas(counts: np.ndarray, size: int) -> np.ndarray:
    """Share ``size`` items among classes in proportion to ``counts`` by the method of the largest remainder.

    Args:
        counts: int [classes], items of each class; ``size`` is at most their sum.

    Returns:
        int64 [classes], of sum ``size``, none above its count. Equal remainders: the earlier class first.
    """
    shares, remainders = np.divmod(size * counts, max(int(counts.sum()), 1))
    by_remainder = np.argsort(-remainders, kind="stable")
    shares[by_remainder[: size - int(shares.sum())]] += 1
    return shares


def draw(labels: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions (ascending) of ``wanted[c]`` items of each class c, drawn without replacement.

    Where a class has too few, items of other classes fill up, as far as there are any.
    """
    shuffled = rng.permutation(len(labels))
    chosen = np.concatenate(
        [shuffled[labels[shuffled] == label][:number] for label, number in enumerate(wanted)]
    )
    rest = shuffled[~np.isin(shuffled, chosen)]
    return np.sort(np.concatenate([chosen, rest[: int(wanted.sum()) - len(chosen)]]))
