"""Best so far, test means and costs of studies and strategies."""

from __future__ import annotations

import pytest
from tracked_run import Made

from hpo.records.metrics import Metric
from hpo.records.trainings import Confirmation, SetScores
from hpo.tracking.progress import Names, StrategyProgress, StudyProgress, rung_points, training_points

NAMES = Names(Metric())


def confirmed(replicate: int, score: float) -> Confirmation:
    return Made("a", replicate, 0, (0.5,)).confirmation(score)


def test_a_study_without_a_complete_trial_has_no_best() -> None:
    progress = StudyProgress(NAMES)
    assert progress.add_trial(Made("a", 0, 0, (0.9,), "pruned").trial()) == {("cost/charged_seconds", 1): 2.5}
    points = progress.add_trial(Made("a", 0, 1, (0.5, 0.4)).trial())
    assert points == {("best_so_far/accuracy", 2): 0.5, ("cost/charged_seconds", 2): 7.5}


def test_a_strategy_means_over_replicates_at_equal_numbers_of_trials() -> None:
    progress = StrategyProgress(NAMES, replicates=2, confirmations=2)
    first = progress.add_trial(Made("a", 0, 0, (0.5,)).trial())
    assert first[1] == {("cost/charged_seconds", 1): 2.5}
    ahead = progress.add_trial(Made("a", 0, 1, (0.9,)).trial())
    assert ahead[0] == {("best_so_far/accuracy", 2): 0.9, ("cost/charged_seconds", 2): 5.0}
    assert ahead[1] == {("cost/charged_seconds", 2): 5.0}
    behind = progress.add_trial(Made("a", 1, 0, (0.7,)).trial())
    assert behind[1] == {("best_so_far/accuracy", 1): pytest.approx(0.6), ("cost/charged_seconds", 3): 7.5}


def test_a_strategy_has_no_mean_where_a_replicate_has_no_complete_trial() -> None:
    progress = StrategyProgress(NAMES, replicates=2, confirmations=2)
    progress.add_trial(Made("a", 0, 0, (0.5,)).trial())
    points = progress.add_trial(Made("a", 1, 0, (0.9,), "pruned").trial())[1]
    assert points == {("cost/charged_seconds", 2): 5.0}


def test_test_scores_weigh_searches_equally_however_many_seeds_each_had() -> None:
    progress = StrategyProgress(NAMES, replicates=2, confirmations=3)
    for score in (0.8, 0.6):
        points = progress.add_confirmation(confirmed(0, score))[1]
        assert not [name for name, _ in points if name.startswith("test/")]
    points = progress.add_confirmation(confirmed(1, 0.9))[1]
    assert points["test/accuracy", 3] == pytest.approx(0.8)
    assert points["test/loss", 3] == pytest.approx(0.2)


def test_a_loss_that_is_not_finite_is_left_out_and_so_is_its_mean() -> None:
    diverged = Made("a", 0, 0, (0.5,)).confirmation(0.6).model_copy(update={"test_loss": None})
    points = training_points(diverged, NAMES)
    assert points["test/accuracy", diverged.rungs[-1].examples] == 0.6
    assert "test/loss" not in {name for name, _ in points}
    progress = StrategyProgress(NAMES, replicates=2, confirmations=3)
    assert ("test/loss", 1) in progress.add_confirmation(confirmed(0, 0.8))[0]
    points = progress.add_confirmation(diverged)[0]
    assert points["test/accuracy", 2] == pytest.approx(0.7)
    assert "test/loss" not in {name for name, _ in points}
    progress.add_confirmation(confirmed(1, 0.9))
    assert progress.tests() == {("test/accuracy", 3): pytest.approx(0.8)}


def test_a_training_that_failed_at_once_has_its_cost_alone() -> None:
    assert training_points(Made("a", 0, 0, (), "failed").trial(), NAMES) == {("cost/charged_seconds", 0): 0.0}
    assert rung_points((), NAMES) == {}


def test_a_confirmation_has_its_scores_on_shift_sets() -> None:
    scores = SetScores(
        score=0.6,
        metrics={"accuracy": 0.6, "macro_f1": 0.5},
        loss=0.7,
        predictions=None,
        correct=None,
        values=None,
        seconds=1.0,
        evaluation="x",
    )
    scored = confirmed(0, 0.8).model_copy(update={"shifts": {"owner/other set": scores}})
    points = training_points(scored, NAMES)
    assert points["test_shift/owner_other set/accuracy", 200] == 0.6
    assert points["test_shift/owner_other set/macro_f1", 200] == 0.5
    assert points["test/accuracy", 200] == 0.8
