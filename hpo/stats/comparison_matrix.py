"""The multi-comparison matrix of Ismail-Fawaz et al. (arXiv 2305.11921, 2023).

What stands in a cell depends on its two strategies alone: mean difference, wins, ties and losses, and a p that is
not adjusted for the number of pairs. So a pair's cell is the same whatever else is compared, which mean ranks and
Holm's p are not; the order of the strategies is by mean score for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo.stats.ranks import Array, rounded, score_table
from hpo.stats.signed_rank import paired_differences, signed_rank


@dataclass(frozen=True)
class Cell:
    """A row's strategy against a column's.

    Attributes:
        difference: mean score of the row less that of the column, in the unit of the scores.
        wins: blocks in which the row is better; then those in which neither and in which the column is.
        p: two-sided, of the signed-rank test, of this pair alone.
    """

    difference: float
    wins: int
    ties: int
    losses: int
    p: float


@dataclass(frozen=True)
class ComparisonMatrix:
    """All pairs of k strategies; indices are those of the scores' columns.

    Attributes:
        order: (k,) indices from the best mean score to the worst; equal ones as given.
        means: (k,) mean scores, as the columns are.
        cells: (k, k), as the columns are; None on the diagonal.
    """

    order: tuple[int, ...]
    means: tuple[float, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


def comparison_matrix(scores: npt.ArrayLike, *, maximize: bool = True) -> ComparisonMatrix:
    """Compare all pairs of strategies of ``scores`` (blocks, strategies).

    Args:
        maximize: whether higher scores are better.

    Raises:
        ValueError: as ``score_table``.
    """
    table = score_table(scores)
    means = rounded(table.mean(axis=0))
    columns = range(table.shape[1])
    return ComparisonMatrix(
        order=tuple(int(index) for index in np.argsort(-means if maximize else means, kind="stable")),
        means=tuple(float(mean) for mean in means),
        cells=tuple(
            tuple(None if i == j else _cell(table[:, i], table[:, j], maximize=maximize) for j in columns)
            for i in columns
        ),
    )


def _cell(row: Array, column: Array, *, maximize: bool) -> Cell:
    differences = paired_differences(row, column)
    better = differences if maximize else -differences
    return Cell(
        difference=float(differences.mean()),
        wins=int((better > 0).sum()),
        ties=int((better == 0).sum()),
        losses=int((better < 0).sum()),
        p=signed_rank(row, column).p,
    )
