"""The Bayesian signed-rank test with a region of practical equivalence.

Benavoli et al. (ICML 2014) put a Dirichlet process on the differences of two strategies; with the region (rope) it
is that of Benavoli et al. (Time for a change, JMLR 18, 2017, sec. 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo.stats.ranks import Array, rounded
from hpo.stats.signed_rank import paired_differences

PRIOR_STRENGTH = 0.5  # weight of the prior's one pseudo-observation, where a block weighs 1 (the paper's s)
MOST_WEIGHTS = 2**18  # held in memory at a time, 2 MiB


@dataclass(frozen=True)
class RopeProbabilities:
    """Posterior probabilities, of sum 1, of what is likeliest for the difference in a further block.

    Attributes:
        left: it is below the rope: the second strategy scores higher.
        rope: it is within, borders included: they are practically equivalent.
        right: it is above the rope: the first strategy scores higher.
        samples: Monte-Carlo samples; a probability P has the standard error sqrt(P (1 - P) / samples).
    """

    left: float
    rope: float
    right: float
    samples: int


def bayesian_signed_rank(
    first: npt.ArrayLike, second: npt.ArrayLike, rope: float, *, seed: int, samples: int = 50_000
) -> RopeProbabilities:
    """Compare ``first`` with ``second``, each (blocks,), by the Bayesian signed-rank test.

    With weights w of the blocks' differences z and of a pseudo-observation at 0, drawn from Dirichlet(1/2, 1, ..., 1),
    theta_left is the sum of w_i w_j over the pairs with z_i + z_j < -2 ``rope``, theta_right over those above
    2 ``rope``, theta_rope over the rest; a probability is the share of draws in which its theta is the largest.

    Args:
        rope: half the width of the rope, in the unit of the scores: the margin of practical equivalence.

    Raises:
        ValueError: as ``paired_differences``, or ``rope`` or ``samples`` is not positive.
    """
    if not rope > 0 or samples < 1:
        raise ValueError(f"rope and samples must be positive, not {rope} and {samples}")
    values = np.concatenate(([0.0], paired_differences(first, second)))
    left, right = _beyond(values, rope)
    strengths = np.ones(len(values))
    strengths[0] = PRIOR_STRENGTH
    random, rows = np.random.default_rng(seed), max(1, MOST_WEIGHTS // len(values))
    counts = np.zeros(3, dtype=np.int64)
    for start in range(0, samples, rows):
        weights = random.dirichlet(strengths, min(rows, samples - start))
        counts += _likeliest(weights, left, right)
    below, within, above = (float(count) / samples for count in counts)
    return RopeProbabilities(left=below, rope=within, right=above, samples=samples)


def _beyond(values: Array, rope: float) -> tuple[Array, Array]:
    """(n, n) 1 where the sum of two ``values`` is below and above the rope; rounded, for one may lie on its border."""
    sums = values[:, None] + values[None, :]
    scale = max(2 * rope, float(np.abs(sums).max()))
    sums, border = rounded(sums, scale), float(rounded(2 * rope, scale))
    return (sums < -border).astype(np.float64), (sums > border).astype(np.float64)


def _likeliest(weights: Array, left: Array, right: Array) -> npt.NDArray[np.int64]:
    """Number of rows of ``weights`` in which left, rope and right has the largest share."""
    below = ((weights @ left) * weights).sum(axis=1)
    above = ((weights @ right) * weights).sum(axis=1)
    shares = np.stack([below, 1 - below - above, above], axis=1)
    return np.bincount(shares.argmax(axis=1), minlength=3)
