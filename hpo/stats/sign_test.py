"""The exact sign test of all pairs with Holm: for blocks whose differences cannot be set beside one another.

Where blocks have different metrics, sizes of differences cannot be ranked as Wilcoxon's test does; who is better in
each block still counts (Demsar, JMLR 7, 2006, sec. 3.1.4). Blocks in which both are level are left out of the count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from hpo.stats.comparisons import holm
from hpo.stats.ranks import score_table
from hpo.stats.signed_rank import Pairwise, paired_differences


def pairwise_signs(scores: npt.ArrayLike) -> Pairwise:
    """The sign test of all pairs of strategies of ``scores`` (blocks, strategies), where higher is better.

    ``effect``: share of the blocks won by the row less the share lost. The least p of N blocks is 2 / 2^N, that of
    the signed-rank test too.

    Raises:
        ValueError: as ``score_table``.
    """
    table = score_table(scores)
    blocks, count = table.shape
    rows, columns = np.triu_indices(count, k=1)
    signs = [
        np.sign(paired_differences(table[:, i], table[:, j])) for i, j in zip(rows, columns, strict=True)
    ]
    p_values = [_sign_test(int((s > 0).sum()), int((s < 0).sum())) for s in signs]
    p, holm_p = np.ones((2, count, count))
    effect = np.zeros_like(p)
    for matrix, values in ((p, p_values), (holm_p, holm(p_values))):
        matrix[rows, columns] = matrix[columns, rows] = values
    effect[rows, columns] = [s.sum() / blocks for s in signs]
    return Pairwise(p=p, holm_p=holm_p, effect=effect - effect.T, method="exact")


def _sign_test(wins: int, losses: int) -> float:
    """Two-sided p of so many wins and losses where each is as likely."""
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))
