"""The simulation of verdicts: is its truth true, is its verdict the report's, are its rates rates?"""

from __future__ import annotations

from dataclasses import astuple
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.cases import CASES
from benchmarks.cases.verdicts import lead, measure, one_search, peers, plan, planned_lead, share
from benchmarks.judging import Judged, differences, judge, margin_of
from benchmarks.replay import Bench
from benchmarks.simulated import Design, Model, Trained
from benchmarks.table import table
from benchmarks.verdict_table import false_verdicts
from hpo.records.files import read_records
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.setup import SplitInfo
from hpo.records.trainings import Confirmation
from hpo.report.analysis import Analysis, analyse
from hpo.report.scores import collect
from hpo.stats.crossed import Estimate
from hpo.stats.decision import Outcome
from hpo.stats.power import Components, components

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
MODEL = Model()


@pytest.fixture(scope="module")
def plans() -> dict[bool, Components]:
    return plan(MODEL, 4)


def reported(trained: Trained, accuracies: np.ndarray) -> Analysis:
    """The report on a run with these test items and validation scores."""
    correct = trained.correct(accuracies)
    strategies, searches, seeds, items = correct.shape
    confirmations = tuple(
        Confirmation(
            role="strategy",
            strategy=str(a),
            replicate=j,
            index=s,
            parameters={},
            validation_score=float(trained.validation[a, j, s]),
            test_score=float(correct[a, j, s].mean()),
            test_correct=tuple(correct[a, j, s].astype(int).tolist()),
        )
        for a in range(strategies)
        for j in range(searches)
        for s in range(seeds)
    )
    split = SplitInfo(
        source="simulated",
        licence="none",
        labels=("wrong", "right"),
        train=1,
        validation=MODEL.validation,
        test=items,
        duplicates_dropped=0,
        groups=None,
        sha256="0" * 64,
    )
    run = Run(
        name="simulated",
        question="Which?",
        task="simulated",
        strategies=tuple(str(a) for a in range(strategies)),
        replicates=searches,
        trials=MODEL.trials,
        seeds=seeds,
        search=Search(),
        space=(),
        split=split,
    )
    return analyse(Records(run=run, trials=(), confirmations=confirmations))


@pytest.mark.parametrize("design", [Design(4, 3, 2), Design(3, 5, 1), Design(4, 1, 6), Design(2, 1, 2)])
@pytest.mark.parametrize("apart", [0.0, 0.12])
def test_the_simulated_verdict_and_margin_are_the_reports(design: Design, apart: float) -> None:
    trained = MODEL.train(np.random.default_rng(1), design)
    accuracies = trained.configuration + apart * (np.arange(design.strategies) == 1)[:, None]
    analysis = reported(trained, accuracies)
    margin = margin_of(trained.validation)
    judged = judge(trained.correct(accuracies), margin)
    assert margin == pytest.approx(analysis.margin.value)
    assert judged.outcomes == tuple(pair.outcome for pair in analysis.comparisons)
    for pair, estimate in zip(analysis.comparisons, judged.estimates, strict=True):
        assert estimate.interval() == pytest.approx(pair.estimate.interval())


def test_items_are_right_as_often_as_the_true_accuracy_says() -> None:
    trained = MODEL.train(np.random.default_rng(2), Design(2, 200, 2))
    accuracies = np.full((2, 200), 0.6)
    accuracies[1] = 0.8
    found = trained.correct(accuracies).mean(axis=(1, 2, 3))
    # All share their items' luck, whose standard error over 1,000 items is 1.5 points.
    assert found == pytest.approx([0.6, 0.8], abs=4 * 0.015)
    assert found[1] - found[0] == pytest.approx(0.2, abs=0.03)


def test_searches_select_better_configurations_than_they_draw_and_worse_than_the_best() -> None:
    configuration = MODEL.train(np.random.default_rng(3), Design(2, 500, 1)).configuration
    drawn = MODEL.best - MODEL.shortfall
    best_of_all = MODEL.best - MODEL.shortfall / MODEL.trials  # mean least of that many exponential variables
    assert drawn + 0.03 < configuration.mean() < best_of_all


def test_the_magnitudes_are_those_of_the_published_example() -> None:
    scores = [
        found.matrix() for (role, _), found in collect(read_records(EXAMPLE)).items() if role == "strategy"
    ]
    example = np.mean([astuple(components(a - b)) for a, b in combinations(scores, 2)], axis=0)
    trained = MODEL.train(np.random.default_rng(4), Design(2, 1000, 1))
    first, second = trained.correct(trained.configuration).astype(np.float64)
    ours = astuple(components(first - second))
    unit_and_seed, items = slice(0, 2), slice(3, 5)
    spread = np.sqrt(2 / (4 * 4))  # of a variance from four independent differences of five searches
    assert sum(ours[unit_and_seed]) == pytest.approx(sum(example[unit_and_seed]), rel=2 * spread)
    assert sum(ours[items]) == pytest.approx(sum(example[items]), rel=0.1)
    assert max(ours[2] / sum(ours[items]), example[2] / sum(example[items])) < 0.1  # items of strategies


def test_with_a_single_source_of_variance_the_lead_is_that_of_the_paired_t_test() -> None:
    found = Components(unit=0.0004, seed=0.0, item=0.0, unit_item=0.0, seed_item=0.0)
    shift = planned_lead(found, (5, 1, 1000), 3) / np.sqrt(0.0004 / 5)
    critical = stats.t.ppf(1 - 0.05 / 3 / 2, 4)
    assert stats.nct.sf(critical, 4, shift) == pytest.approx(0.8, abs=1e-4)


def test_no_lead_is_planned_where_no_verdict_is_allowed(plans: dict[bool, Components]) -> None:
    designs = [Design(2, searches, seeds) for searches in (1, 2, 3) for seeds in (1, 4, 5)]
    allowed = {(1, 5), (3, 1), (3, 4), (3, 5)}
    for design in designs:
        planned = lead(plans, design, MODEL.items)
        assert (planned is not None) == ((design.searches, design.seeds) in allowed)


def test_a_lead_is_smaller_with_more_searches_seeds_and_fewer_strategies(
    plans: dict[bool, Components],
) -> None:
    def of(*design: int) -> float:
        return lead(plans, Design(*design), MODEL.items) or 0.0

    assert of(2, 3, 1) > of(2, 3, 5) > of(2, 5, 5)
    assert of(6, 5, 1) > of(4, 5, 1) > of(2, 5, 1)
    assert of(2, 1, 5) > of(2, 1, 10) > 0


@pytest.mark.parametrize("seeds", [3, 10])
def test_t_tests_over_seeds_of_one_search_err_as_often_as_the_components_foretell(
    seeds: int, plans: dict[bool, Components]
) -> None:
    # What the search selected and the items stay; only seeds vary: t is Student's, stretched by the ratio of both.
    c = plans[True]
    stays = c.unit + (c.item + c.unit_item) / MODEL.items
    varies = (c.seed + c.seed_item / MODEL.items) / seeds
    foretold = 2 * stats.t.sf(stats.t.ppf(0.975, seeds - 1) / np.sqrt(1 + stays / varies), seeds - 1)
    found = peers(MODEL, Design(2, 1, seeds), 600)["t_tests"]
    assert found is not None
    rate, error = found
    assert rate == pytest.approx(foretold, abs=4 * error + 0.05)  # search effects are not normal
    assert rate > 0.1


def test_the_selected_trial_was_lucky_and_fresh_seeds_are_not() -> None:
    random = np.random.default_rng(5)
    accuracy = np.array([one_search(MODEL, random, 6, 1) for _ in range(200)])
    luck = (accuracy[..., 0] - accuracy[..., 1]).ravel()
    assert luck.mean() > 3 * luck.std() / np.sqrt(len(luck))


def test_one_search_speaks_of_configurations_which_differ_though_strategies_do_not() -> None:
    found = measure(MODEL, Design(2, 1, 10), None, 300)
    assert found["different"][0] > 0.15
    assert found["false_better"][0] < 0.10
    assert found["covers"][0] > 0.90


def test_one_seed_has_no_t_test() -> None:
    assert peers(MODEL, Design(2, 1, 1), 5)["t_tests"] is None


def estimate(mean: float) -> Estimate:
    return Estimate(mean=mean, variance=1e-4, df=100, unit_variance=0.0, units=5, items=100)


def test_better_is_false_of_equals_and_the_wrong_way_round_alone() -> None:
    judged = Judged(
        (estimate(0.04), estimate(0.03), estimate(0.0)),
        (Outcome.RELEVANT, Outcome.DIFFERENT, Outcome.EQUIVALENT),
    )
    assert differences(np.array([0.7, 0.6, 0.65])) == pytest.approx([0.1, 0.05, -0.05])
    assert not judged.false_better(np.array([0.1, 0.05, -0.05]))
    assert judged.false_better(np.array([0.1, -0.05, -0.05]))
    assert judged.false_better(np.array([0.0, 0.05, -0.05]))
    assert judged.better(np.array([0.1, -0.05, 0.0])).tolist() == [True, False, False]
    assert judged.equivalent().tolist() == [False, True, True]


def test_an_interval_covers_what_lies_in_it() -> None:
    judged = Judged((estimate(0.0), estimate(0.0)), (Outcome.EQUIVALENT,) * 2)
    half = stats.t.ppf(0.975, 100) * 0.01
    assert judged.covered(np.array([0.99 * half, 1.01 * half]), 0.95).tolist() == [True, False]


def test_a_share_has_its_binomial_error() -> None:
    rate, error = share([1.0] * 30 + [0.0] * 70)
    assert (rate, error) == pytest.approx((0.3, np.sqrt(0.3 * 0.7 / 100)))


def test_a_design_without_a_verdict_says_nothing_and_covers_all_the_same() -> None:
    found = measure(MODEL, Design(3, 1, 2), None, 40)
    assert found["false_better"] == found["different"] == found["equivalent"] == (0.0, 0.0)
    assert found["power"] is None
    assert found["covers"][0] > 0.8


def test_the_same_design_gives_the_same_rates() -> None:
    assert measure(MODEL, Design(2, 3, 1), 0.08, 10) == measure(MODEL, Design(2, 3, 1), 0.08, 10)


def test_the_note_on_false_verdicts_has_their_exact_binomial_interval() -> None:
    def note(count: int) -> str:
        cell = {
            "strategies": 2,
            "searches": 1,
            "seeds": 5,
            "lead": 0.036,
            "false_better": (count / 4000, 0.0035),
        }
        lower = {**cell, "seeds": 10, "false_better": (0.04, 0.003)}
        return false_verdicts({"repeats": 4000, "cells": [lower, cell]})

    low, high = (
        stats.beta.ppf(0.025, 209, 3792),
        stats.beta.ppf(0.975, 210, 3791),
    )  # Clopper and Pearson (1934)
    assert f"(2 strategies, 1 search, 5 seeds; 209 of 4,000 runs; 95 % interval {100 * low:.1f} to" in note(
        209
    )
    assert f" to {100 * high:.1f} %)" in note(209)
    assert f"is within its Monte-Carlo error (one-sided p {stats.binom.sf(208, 4000, 0.05):.2f}, " in note(
        209
    )
    assert "is more than its Monte-Carlo error" in note(250)


def test_every_design_has_a_row_in_the_table(tmp_path: Path) -> None:
    bench = Bench(tmp_path, small=True, repeats=4, say=lambda _: None)
    found = CASES["verdicts"].run(bench) | {"machine": {"name": "this one"}}
    rows = [line.split("|")[1:4] for line in table({"verdicts": found}).splitlines() if line.startswith("| ")]
    designs = [tuple(int(cell) for cell in row) for row in rows if row[0].strip().isdigit()]
    assert designs == [(k, searches, seeds) for k in (2, 4) for searches in (1, 3) for seeds in (1, 5)]
    assert found["repeats"] == 4
    assert len(found["figures"]) == 16
