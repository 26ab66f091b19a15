"""How often an early stop of decided strategies changes a comparison of known truth, and what it saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import product
from typing import Any

import numpy as np

from benchmarks.replay import Bench
from benchmarks.simulated import Model
from benchmarks.stopping import Case, Stopped, simulate

REPEATS = 1000


def early_stop(bench: Bench) -> dict[str, Any]:
    """2, 4, 6 strategies, 3, 5 searches, each strategy 0 to 10 points below the one before; draws that learn or not; the
    best one as the reference, or none.

    Rates are (share, its standard error over repeats).
    """
    repeats = bench.repeats or (20 if bench.small else REPEATS)
    leads, learning = ((0.0, 0.1), (1.0,)) if bench.small else ((0.0, 0.02, 0.05, 0.1), (1.0, 0.5))
    cases = [Case(*case) for case in product((2, 4, 6), (3, 5), leads, learning, (False, True))]
    cells = [asdict(case) | measure(Model(), case, repeats) for case in cases]
    return {"repeats": repeats, "early_stop": cells, "figures": figures(cells)}


def measure(model: Model, case: Case, repeats: int) -> dict[str, tuple[float, float]]:
    """Of one design the share of runs in which any strategy stopped, and the means of ``Stopped``."""
    seed = [case.strategies, case.searches, round(1000 * case.lead), round(10 * case.learning)]
    random = np.random.default_rng([*seed, *[1] * case.reference])
    runs = [simulate(model, case, random) for _ in range(repeats)]
    found = {
        field.name: _mean([float(getattr(run, field.name)) for run in runs]) for field in fields(Stopped)
    }
    return {"stopped": _mean([float(run.saved > 0) for run in runs]), **found}


def figures(cells: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The worst designs in percent, and the most that was saved."""
    return {
        "runs in which what is said of a strategy that went on changed, most, %": _most(cells, "changed"),
        "runs in which those level with the best changed, most, %": _most(cells, "leaders"),
        "false better, most, %": _most(cells, "false_better"),
        "equal strategies: runs with a stop, most, %": _most([c for c in cells if not c["lead"]], "stopped"),
        "trials saved, most, %": _most(cells, "saved"),
    }


def _most(cells: Sequence[dict[str, Any]], name: str) -> float:
    return 100 * max(float(cell[name][0]) for cell in cells)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values) / np.sqrt(len(values)))
