"""Best so far, test means and costs of studies and strategies."""

from __future__ import annotations

import pytest
from tracked_run import Made

from hpo.tracking.progress import Progress, rung_points, strategy_points, training_points
from hpo.tracking.progress import test_points as mean_points


def study(*trials: Made, tests: tuple[float, ...] = ()) -> Progress:
    progress = Progress()
    for made in trials:
        progress.add_trial(made.trial())
    for score in tests:
        progress.add_confirmation(Made("a", 0, 0, (0.5,)).confirmation(score))
    return progress


def test_a_study_without_a_complete_trial_has_no_best() -> None:
    points = study(Made("a", 0, 0, (0.9,), "pruned"), Made("a", 0, 1, (0.5, 0.4))).points()
    assert points == {("best_so_far/accuracy", 2): 0.5, ("cost/charged_seconds", 2): 7.5}


def test_a_strategy_means_over_replicates_at_equal_numbers_of_trials() -> None:
    ahead = study(Made("a", 0, 0, (0.5,)), Made("a", 0, 1, (0.9,)))
    behind = study(Made("a", 1, 0, (0.7,)))
    points = strategy_points([ahead, behind], replicates=2, confirmations=2)
    assert points == {("best_so_far/accuracy", 1): pytest.approx(0.6), ("cost/charged_seconds", 3): 7.5}
    assert strategy_points([ahead], replicates=2, confirmations=2) == {("cost/charged_seconds", 2): 5.0}
    assert strategy_points([], replicates=2, confirmations=2) == {}


def test_test_scores_weigh_searches_equally_however_many_seeds_each_had() -> None:
    points = strategy_points([study(tests=(0.8, 0.6)), study(tests=(0.9,))], replicates=2, confirmations=3)
    assert points["test/accuracy", 3] == pytest.approx(0.8)
    assert points["test/loss", 3] == pytest.approx(0.2)


def test_a_loss_that_is_not_finite_is_left_out_and_so_is_its_mean() -> None:
    diverged = Made("a", 0, 0, (0.5,)).confirmation(0.6).model_copy(update={"test_loss": None})
    points = training_points(diverged)
    assert points["test/accuracy", diverged.rungs[-1].examples] == 0.6
    assert "test/loss" not in {name for name, _ in points}
    progress = study(tests=(0.8,))
    assert ("test/loss", 1) in progress.points()
    progress.add_confirmation(diverged)
    assert progress.points()["test/accuracy", 2] == pytest.approx(0.7)
    assert "test/loss" not in {name for name, _ in progress.points()}
    assert mean_points([progress, study(tests=(0.9,))]) == {("test/accuracy", 3): pytest.approx(0.8)}


def test_a_training_that_failed_at_once_has_its_cost_alone() -> None:
    assert training_points(Made("a", 0, 0, (), "failed").trial()) == {("cost/charged_seconds", 0): 0.0}
    assert rung_points(()) == {}
