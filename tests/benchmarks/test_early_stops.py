"""The simulation of early stops: does it stop by the rule, and count what is said otherwise?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases.early_stop import figures, measure
from benchmarks.judging import family
from benchmarks.simulated import Model
from benchmarks.stopping import Case, simulate
from benchmarks.stopping_table import rows


def test_far_apart_strategies_stop_and_equal_ones_hardly_do() -> None:
    """All but the first of three stop: two thirds of strategies, each half of its trials."""
    random = np.random.default_rng(0)
    far = [simulate(Model(), Case(3, 5, 0.2), random) for _ in range(20)]
    assert max(run.saved for run in far) == 2 / 3 / 2
    assert not any(run.changed for run in far if run.saved)
    equal = [simulate(Model(), Case(3, 5, 0.0), random) for _ in range(60)]
    assert sum(run.saved > 0 for run in equal) <= 2


def test_with_a_reference_the_others_are_compared_with_it_alone() -> None:
    assert family(3) == [(0, 1), (0, 2), (1, 2)]
    assert family(4, 1) == [(0, 1), (1, 2), (1, 3)]
    far = [simulate(Model(), Case(3, 5, 0.2, reference=True), np.random.default_rng(n)) for n in range(9)]
    assert max(run.saved for run in far) == 2 / 3 / 2
    of_pairs = [simulate(Model(), Case(4, 3, 0.1), np.random.default_rng(n)) for n in range(40)]
    of_reference = [
        simulate(Model(), Case(4, 3, 0.1, reference=True), np.random.default_rng(n)) for n in range(40)
    ]
    assert sum(run.saved for run in of_reference) > sum(
        run.saved for run in of_pairs
    )  # a third of the comparisons


def test_rates_are_shares_with_their_error_and_stand_in_the_table() -> None:
    cell = measure(Model(), Case(2, 3, 0.1), 40)
    share, error = cell["stopped"]
    assert error == pytest.approx(np.sqrt(share * (1 - share) / 40))
    design = {"strategies": 2, "searches": 3, "lead": 0.1, "learning": 1.0, "reference": True}
    _, row = rows({"early_stop": [design | cell]})
    assert row[:6] == ("2", "3", "10", "x 1", "the best", f"{100 * share:.1f} ({100 * error:.1f})")
    assert (
        figures([design | cell, design | cell | {"lead": 0.0}])["trials saved, most, %"]
        == 100 * cell["saved"][0]
    )
