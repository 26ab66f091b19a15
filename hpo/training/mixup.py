"""Mixup of pooled texts (Zhang et al. 2018, equation 1; of sentences' representations, Guo et al. 2019, section 3.2).

Each text of a batch, as the head reads it, is mixed with another of the batch, and so are their labels:
share x_i + (1 - share) x_j, share ~ Beta(alpha, alpha), one share a batch and j a permutation of i, as in the
authors' program. In how many parts a batch is computed changes nothing of it: a part reads the partners of its texts, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.seeds import derive


def draw_mix(seed: int, step: int, size: int, alpha: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The share, (1,), and the partner of each text, (size,): a function of the training's seed and the step alone."""
    rng = np.random.default_rng(derive(seed, "mixup", step))
    share = np.array([rng.beta(alpha, alpha)], np.float32)
    return share, rng.permutation(size).astype(np.int64)


def part_with_partners(
    rows: slice, partners: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The texts of a batch that a part of it reads, its own ``rows`` first, and where among them the partner of each stands.

    The whole batch has its partners already; a part has them behind its own texts.
    """
    own = np.arange(rows.start, rows.stop)
    if len(own) == len(partners):
        return own, partners
    return np.concatenate([own, partners[rows]]), len(own) + np.arange(len(own))
