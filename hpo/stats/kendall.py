"""Agreement of two orders of the same things."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hpo.stats.ranks import rounded


def kendall_tau(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Kendall's tau-b of two scores of the same things, (k,): 1 for one order, -1 for opposite ones (Biometrika 33, 1945).

    Scores that are equal to 12 digits tie. None where one side ties everything.
    """
    signs = []
    for side in (first, second):
        scores = rounded(side)
        above = np.triu_indices(len(scores), 1)
        signs.append(np.sign(scores[above[0]] - scores[above[1]]))
    pairs = math.sqrt(float((signs[0] ** 2).sum() * (signs[1] ** 2).sum()))
    return float((signs[0] * signs[1]).sum()) / pairs if pairs else None
