"""The verdict on simulated runs of known truth: false verdicts, coverage and power, beside what users do instead."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from benchmarks.judging import Judged, differences, judge, margin_of, verdict_allowed
from benchmarks.replay import Bench
from benchmarks.simulated import Bools, Design, Model, Trained
from hpo.records.verdict_rule import ALPHA, LEAST_MARGIN
from hpo.stats.comparisons import simultaneous_confidence
from hpo.stats.crossed import Array
from hpo.stats.decision import Outcome
from hpo.stats.power import Components, components, design_power

REPEATS = 4000
PILOTS, PILOT_UNITS = 40, 500
POWER = 0.8
SEEDS_OF_TWO = (3, 5, 10, 30)

Share = tuple[float, float]
Job = tuple[Model, Design, float | None, int]


def verdicts(bench: Bench) -> dict[str, Any]:
    """Every design of 2, 4, 6 strategies, 1, 3, 5 searches and 1, 2, 5, 10 fresh seeds.

    Rates are (share, its standard error over repeats); those of ``cells`` are described at ``measure``.
    """
    repeats = bench.repeats or (20 if bench.small else REPEATS)
    sizes = ((2, 4), (1, 3), (1, 5)) if bench.small else ((2, 4, 6), (1, 3, 5), (1, 2, 5, 10))
    model = Model()
    plans = plan(model, 1 if bench.small else PILOTS)
    jobs: list[Job] = [
        (model, design, lead(plans, design, model.items), repeats)
        for design in (Design(*size) for size in product(*sizes))
    ]
    jobs.sort(key=lambda job: job[1].trainings, reverse=True)  # the longest first
    cells = []
    with multiprocessing.get_context("spawn").Pool(min(bench.threads, len(jobs))) as pool:
        for cell in pool.imap_unordered(_measure, jobs):
            cells.append(cell)
            bench.say(f"verdicts: {len(cells)} of {len(jobs)} designs")
    cells.sort(key=lambda cell: (cell["strategies"], cell["searches"], cell["seeds"]))
    of_two = {str(seeds): peers(model, Design(2, 1, seeds), repeats)["t_tests"] for seeds in SEEDS_OF_TWO}
    return {
        "repeats": repeats,
        "model": asdict(model),
        "cells": cells,
        "t_tests_of_two": of_two,
        "figures": summary(cells)
        | {
            f"t-test of two, {seeds} seeds of one search, %": 100 * said[0]
            for seeds, said in of_two.items()
            if said
        },
    }


def summary(cells: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The least and the most of what is to be reached, in percent."""
    allowed = [cell for cell in cells if cell["lead"] is not None]
    single = [cell for cell in cells if cell["searches"] * cell["seeds"] == 1]
    rates = {
        "false better": [cell["false_better"] for cell in allowed],
        "false better beside a leader": [cell["false_better_beside_leader"] for cell in allowed],
        "95 % interval covers": [cell["covers"] for cell in cells if cell not in single],
        "95 % interval covers, one training a strategy": [cell["covers"] for cell in single],
        "power planned as 80 %, two strategies": [c["power"] for c in allowed if c["strategies"] == 2],
        "power planned as 80 %, more strategies": [c["power"] for c in allowed if c["strategies"] > 2],
    }
    ends = {"least": min, "most": max}
    return {
        f"{name}, {end}, %": 100 * of(share for share, _ in found)
        for name, found in rates.items()
        for end, of in ends.items()
    }


def plan(model: Model, pilots: int) -> dict[bool, Components]:
    """Components of a difference between strategies (True) and between configurations (False), means over pilots."""
    random = np.random.default_rng(0)
    found: dict[bool, list[tuple[float, ...]]] = {True: [], False: []}
    for _ in range(pilots):
        for of_strategies, design in ((True, Design(2, PILOT_UNITS, 2)), (False, Design(2, 1, PILOT_UNITS))):
            trained = model.train(random, design)
            first, second = trained.correct(trained.configuration).astype(np.float64)
            units = first - second if of_strategies else (first - second).transpose(1, 0, 2)
            found[of_strategies].append(astuple(components(units)))
    return {kind: Components(*np.mean(parts, axis=0).tolist()) for kind, parts in found.items()}


def lead(plans: Mapping[bool, Components], design: Design, items: int) -> float | None:
    """The difference that is told with a power of 80 % among all pairs; None where no verdict is allowed."""
    if not verdict_allowed(design.searches, design.seeds):
        return None
    if design.searches > 1:
        return planned_lead(plans[True], (design.searches, design.seeds, items), design.comparisons)
    return planned_lead(plans[False], (design.seeds, 1, items), design.comparisons)


def planned_lead(found: Components, shape: tuple[int, int, int], comparisons: int) -> float:
    """The difference for which ``hpo.stats.power`` plans 80 % with ``shape`` units, seeds a unit and items."""
    from scipy.optimize import brentq

    return float(
        brentq(lambda x: design_power(found, shape, x, ALPHA / comparisons) - POWER, 1e-4, 1.0, xtol=1e-6)
    )


def _measure(job: Job) -> dict[str, Any]:
    return measure(*job)


def measure(model: Model, design: Design, lead: float | None, repeats: int) -> dict[str, Any]:
    """Rates of one design. Claims are about strategies, or about configurations where there is one search.

    - ``false_better``: runs in which any pair is said to differ while all are equal in what is claimed;
      ``false_better_beside_leader``: any of those that are equal, or any the wrong way round, beside one that leads.
    - ``covers``: pairs whose 95 % interval holds the true difference; ``covers_together``: runs in which all the
      simultaneous ones do.
    - ``different``: runs of equal strategies in which any pair is said to differ. With one search that is said, and
      mostly true, of the configurations that the searches selected.
    - ``power``: comparisons of a strategy that leads by ``lead`` with the others in which it is said to be better;
      ``lead`` is what is planned to be told with a power of 80 %.
    - ``equivalent``: pairs of equals said to be equivalent; ``false_equivalent``: pairs that differ by exactly the
      margin; ``false_relevant``: runs with such a leader in which any is said to be better by a relevant margin.
    - ``t_tests``, ``best_trial``: of ``peers``.

    ``lead``, ``power`` and ``false_better_beside_leader`` are None where no verdict is allowed.
    """
    random = np.random.default_rng([design.strategies, design.searches, design.seeds])
    runs = [_rates(model.train(random, design), lead) for _ in range(repeats)]
    shares = {name: share([run[name] for run in runs]) for name in runs[0]}
    none = {"power": None, "false_better_beside_leader": None}
    return asdict(design) | {"lead": lead} | none | shares | peers(model, design, repeats)


def _rates(trained: Trained, lead: float | None) -> dict[str, float]:
    """What came out in one run under each truth: the same trainings and items, the true accuracies moved."""
    selected = trained.configuration
    strategies, searches = selected.shape
    # With one search the claim is about the configurations: equals have the first one's accuracy.
    equal = selected if searches > 1 else np.repeat(selected[:1], strategies, axis=0)
    nothing = np.zeros(strategies)
    leader = np.where(
        np.arange(strategies) == 0, 0.5, -0.5
    )  # half a lead above and below keeps shares within 0 and 1
    with_leader = slice(strategies - 1)  # the pairs of the first strategy
    margin = margin_of(trained.validation)

    def judged(accuracies: Array, moved: Array) -> Judged:
        return judge(trained.correct(accuracies + moved[:, None]), margin)

    alike, at_margin = judged(equal, nothing), judged(equal, margin * leader)
    found = alike if searches > 1 else judged(selected, nothing)
    truth = differences(nothing if searches > 1 else selected[:, 0])
    rates = {
        "false_better": alike.false_better(differences(nothing)),
        "different": found.different().any(),
        "covers": found.covered(truth, 1 - ALPHA).mean(),
        "covers_together": found.covered(truth, simultaneous_confidence(len(truth), 1 - ALPHA)).all(),
        "equivalent": alike.equivalent().mean(),
        "false_equivalent": at_margin.equivalent()[with_leader].mean(),
        "false_relevant": Outcome.RELEVANT in at_margin.outcomes,
    }
    if lead is not None:
        led, truth = judged(equal, lead * leader), differences(lead * leader)
        rates["power"] = led.better(truth)[with_leader].mean()
        rates["false_better_beside_leader"] = led.false_better(truth)
    return {name: float(rate) for name, rate in rates.items()}


def peers(model: Model, design: Design, repeats: int) -> dict[str, Share | None]:
    """How often users call equal strategies different after one search each, with as many trainings as ``design``.

    ``t_tests``: paired over the fresh seeds, any pair below 0.05, not corrected (None with a single seed).
    ``best_trial``: test accuracy of the selected trials themselves; any two more than the least margin apart.
    """
    from scipy.stats import ttest_rel

    random = np.random.default_rng([design.strategies, design.searches, design.seeds, 1])
    seeds = design.searches * design.seeds
    accuracy = np.array([one_search(model, random, design.strategies, seeds) for _ in range(repeats)])
    trial, fresh = accuracy[..., 0], accuracy[..., 1:]
    said: dict[str, Share | None] = {
        "best_trial": share(np.ptp(trial, axis=1) > LEAST_MARGIN),
        "t_tests": None,
    }
    if seeds > 1:
        pairs = combinations(range(design.strategies), 2)
        with warnings.catch_warnings(action="ignore"):  # two seeds may differ by the same number of items
            p_values = [ttest_rel(fresh[:, a], fresh[:, b], axis=-1).pvalue for a, b in pairs]
        said["t_tests"] = share(np.min(np.nan_to_num(p_values, nan=1.0), axis=0) < ALPHA)
    return said


def one_search(model: Model, random: np.random.Generator, strategies: int, seeds: int) -> Array:
    """Test accuracy (strategies, 1 + seeds) of the selected trial itself, then of the fresh seeds."""
    trained = model.train(random, Design(strategies, 1, 1 + seeds))
    luck = np.concatenate([trained.selected_luck[..., None], trained.luck[..., 1:]], axis=-1)
    accuracy: Array = replace(trained, luck=luck).correct(trained.configuration).mean(axis=-1)[:, 0]
    return accuracy


def share(runs: Sequence[float] | Bools) -> Share:
    """Mean over repeats and its standard error: the binomial one where each is 0 or 1."""
    values = np.asarray(runs, dtype=np.float64)
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))
