"""Items' influence on a score that is no mean over items: the jackknife's pseudo-values.

A metric of a whole test set, such as macro F1, has no value of a single item. Its pseudo-values stand in their place
(Tukey; Miller, Biometrika 61, 1974; Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11): their
variance over n is that of the score, and where the score is a mean over items they are the items' own values. So what
``hpo.stats.crossed`` does with items' scores it does with them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hpo.stats.crossed import Array

Statistic = Callable[[Array], Array]  # (..., k) sums -> (...) scores


def pseudo_values(counts: npt.ArrayLike, statistic: Statistic) -> Array:
    """n theta - (n - 1) theta_(-i) of each item i, (n,), where theta is ``statistic`` of the sum of ``counts``.

    Their mean is the jackknife's estimate, theta less its bias as far as that goes with 1 / n, and not theta itself.
    The statistic must be smooth in the sums: the jackknife of a median, say, is none. Where few items make up a part
    of it, such as a class of two or three items in macro F1, the variance is roughly told.

    Args:
        counts: (n, k) what each item adds to the sums, n at least 2. Where items come in groups, sum them over each
            group first: groups are then what is left out.
        statistic: of ``hpo.stats.counted``, or any that takes sums (..., k) and gives scores (...).

    Raises:
        ValueError: ``counts`` is not of that shape.
    """
    parts = np.asarray(counts, dtype=np.float64)
    if parts.ndim != 2 or len(parts) < 2:
        raise ValueError(f"counts must be (items, k) with at least 2 items, not {parts.shape}")
    total = parts.sum(axis=0)
    n = len(parts)
    values: Array = n * statistic(total) - (n - 1) * statistic(total - parts)
    return values
