from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpo.stats.kendall import kendall_tau


def test_it_is_scipys_tau_b_with_and_without_ties() -> None:
    random = np.random.default_rng(6)
    for k in (2, 3, 5, 9):
        for _ in range(20):
            first, second = random.integers(0, 6, k), random.integers(0, 6, k)
            wanted = stats.kendalltau(first, second).statistic
            found = kendall_tau(first, second)
            assert (found is None and np.isnan(wanted)) or found == pytest.approx(wanted)


def test_equal_and_opposite_orders_are_the_ends() -> None:
    assert kendall_tau([0.1, 0.2, 0.5], [7, 8, 9]) == 1.0
    assert kendall_tau([0.1, 0.2, 0.5], [9, 8, 7]) == -1.0


def test_scores_that_differ_in_their_last_bits_tie() -> None:
    assert kendall_tau([0.1 + 0.2, 0.3, 0.5], [1, 2, 3]) == pytest.approx(
        stats.kendalltau([3, 3, 5], [1, 2, 3]).statistic
    )


def test_it_is_not_defined_where_a_side_ties_everything() -> None:
    assert kendall_tau([1, 1, 1], [1, 2, 3]) is None
