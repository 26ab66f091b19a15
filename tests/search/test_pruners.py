from __future__ import annotations

import numpy as np
import optuna
import pytest

from hpo.search.pruners import Field, Pruner

RUNGS = (1, 2, 4)


def field(pruner: Pruner, *scores: float) -> Field:
    """Earlier trials that ended at the first rung."""
    found = Field(pruner)
    for draw, score in enumerate(scores):
        found.add(draw, {1: score}, complete=False)
    return found


def replay(pruner: Pruner, curves: np.ndarray) -> list[int]:
    """Number of evaluations that each trial reached, trials one after another."""
    earlier = Field(pruner)
    reached = []
    for draw, curve in enumerate(curves):
        scores: dict[int, float] = {}
        for rung, score in zip((*RUNGS, 8), curve, strict=True):
            scores[rung] = float(score)
            if pruner.decide(rung, float(score), draw, earlier).prune:
                break
        earlier.add(draw, scores, complete=len(scores) == len(curve))
        reached.append(len(scores))
    return reached


def replay_in_optuna(pruner: optuna.pruners.BasePruner, curves: np.ndarray) -> list[int]:
    study = optuna.create_study(direction="maximize", pruner=pruner)
    reached = []
    for curve in curves:
        trial = study.ask()
        count = 0
        for rung, score in zip((*RUNGS, 8), curve, strict=True):
            trial.report(float(score), rung)
            count += 1
            if rung in RUNGS and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(curve[-1]))
        reached.append(count)
    return reached


@pytest.mark.parametrize("seed", range(20))
def test_successive_halving_stops_what_optunas_stops(seed: int) -> None:
    curves = np.random.default_rng(seed).random((25, 4))
    oracle = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    assert replay(Pruner("successive_halving", 2, RUNGS), curves) == replay_in_optuna(oracle, curves)


@pytest.mark.parametrize("seed", range(20))
def test_the_median_rule_stops_what_optunas_stops_on_rising_curves(seed: int) -> None:
    curves = np.sort(np.random.default_rng(seed).random((25, 4)), axis=1)
    oracle = optuna.pruners.MedianPruner(n_startup_trials=2, n_min_trials=2)
    assert replay(Pruner("median", 2, RUNGS), curves) == replay_in_optuna(oracle, curves)


def test_none_stops_nothing() -> None:
    curves = np.random.default_rng(0).random((10, 4))
    assert replay(Pruner("none", 2, RUNGS), curves) == [4] * 10


def test_hyperband_deals_brackets_by_draw_and_compares_within_one() -> None:
    pruner = Pruner("hyperband", 2, (1, 2))
    brackets = [pruner.bracket(draw) for draw in range(10)]
    assert brackets[:3] == [0, 1, 2]
    assert {b: brackets.count(b) for b in (0, 1, 2)} == {0: 4, 1: 3, 2: 3}
    earlier = field(pruner, 0.9, 0.8)
    assert not pruner.decide(1, 0.1, 4, earlier).prune  # bracket 1 begins at the second rung
    assert pruner.decide(1, 0.1, 3, earlier).prune  # bracket 0, against draw 0


def test_a_decision_asked_again_comes_out_the_same_and_has_a_reason() -> None:
    pruner = Pruner("successive_halving", 2, RUNGS)
    earlier = field(pruner, 0.7, 0.6)
    first = pruner.decide(1, 0.65, 2, earlier)
    assert first == pruner.decide(1, 0.65, 2, earlier)
    assert first.prune
    assert first.reason == "2 of 3 at this rung, the best 1 go on"


def test_equal_scores_go_on_together() -> None:
    pruner = Pruner("successive_halving", 2, RUNGS)
    assert not pruner.decide(1, 0.7, 1, field(pruner, 0.7)).prune


def test_only_rungs_stop_a_trial() -> None:
    pruner = Pruner("successive_halving", 2, RUNGS)
    earlier = Field(pruner)
    earlier.add(0, {8: 0.9}, complete=True)
    assert not pruner.decide(8, 0.1, 1, earlier).prune
