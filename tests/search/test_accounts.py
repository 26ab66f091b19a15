"""Which trainings count, and what the whole search then meets."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hpo.config import parameters
from hpo.config.experiment import Choices, Compare, Experiment, Fixed, Privacy
from hpo.errors import UserError
from hpo.search.accounts import mechanism, privacy_info
from hpo.search.secret import SECRET, noise_secret
from tests.search.search_space import experiment

PARAMETERS = {"batch_size": Fixed(value=16), "epochs": Fixed(value=2.0)}


def private(epsilon: float = 8.0, **changes: Any) -> Experiment:
    """Of two strategies with three replicates of four trials, one confirmation each, and a baseline."""
    parameters = {**PARAMETERS, **changes.pop("parameters", {}), "privacy_epsilon": Fixed(value=epsilon)}
    baseline = {"epochs": 2.0, "batch_size": 16, "privacy_epsilon": epsilon}
    given = {"parameters": parameters, "baseline": baseline, "privacy": Privacy(epsilon=epsilon, delta=1e-5)}
    return experiment(**given | changes)


def compared(*epsilons: float, **changes: Any) -> Experiment:
    compare = Compare(parameter="privacy_epsilon", values=epsilons)
    given = {"parameters": PARAMETERS, "compare": compare, "privacy": Privacy(delta=1e-5), "baseline": None}
    return experiment(**given | changes)


def test_without_private_trainings_there_is_nothing_to_account_for(tmp_path: Path) -> None:
    assert privacy_info(experiment()) is None
    assert mechanism(experiment(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_every_trial_confirmation_and_baseline_of_all_strategies_counts() -> None:
    info = privacy_info(private())
    assert info is not None
    (group,) = info.groups
    assert group.trainings == 2 * 3 * (4 + 1) + 3 * 1
    assert group.strategies == ("linear", "cosine_with_restarts", "baseline")
    assert (group.steps, group.rate) == (8, 16 / 64)
    assert group.epsilon == 8.0 >= group.spent > 7.9
    assert info.together == group.spent
    assert info.unprotected == ()
    assert (info.delta, info.clip) == (1e-5, 1.0)


def test_each_compared_epsilon_has_the_trainings_of_its_strategy() -> None:
    info = privacy_info(compared(0.0, 8.0, 1.0))
    assert info is not None
    assert [(g.epsilon, g.trainings, g.strategies) for g in info.groups] == [
        (8.0, 15, ("privacy_epsilon=8.0",)),
        (1.0, 15, ("privacy_epsilon=1.0",)),
    ]
    assert info.groups[0].noise_multiplier < info.groups[1].noise_multiplier
    assert info.together > 8.0
    assert info.unprotected == ("privacy_epsilon=0.0",)


def test_a_baseline_that_is_not_private_is_named() -> None:
    info = privacy_info(private(baseline={"epochs": 2.0}))
    assert info is not None
    assert info.unprotected == ("baseline",)
    assert info.groups[0].trainings == 30


def test_more_trainings_need_more_noise() -> None:
    few, many = (privacy_info(private(budget={"trials": n})) for n in (2, 20))
    assert few is not None
    assert many is not None
    assert few.groups[0].noise_multiplier < many.groups[0].noise_multiplier
    assert few.groups[0].spent == pytest.approx(many.groups[0].spent, rel=0.01)


def test_a_searched_batch_size_counts_as_the_costliest() -> None:
    choices = {"batch_size": Choices(choices=(8, 16, 64), default=16)}
    info = privacy_info(private(parameters=choices))
    assert info is not None
    assert (info.groups[0].steps, info.groups[0].rate) == (16, 1.0)
    alone = privacy_info(private(parameters={"batch_size": Fixed(value=64)}))
    assert alone is not None
    assert info.groups[0].noise_multiplier >= alone.groups[0].noise_multiplier


def test_a_batch_size_that_holds_under_a_condition_is_the_default_elsewhere_and_counts_there_too() -> None:
    choices = Choices(choices=(8,), default=8, when={"schedule": ("linear",)})
    info = privacy_info(private(parameters={"batch_size": choices}, baseline=None))
    assert info is not None
    default = parameters.PARAMETERS["batch_size"].default
    assert isinstance(default, int)
    assert (info.groups[0].steps, info.groups[0].rate) == (16, default / 64)


def test_an_epsilon_that_no_noise_meets_is_told() -> None:
    with pytest.raises(UserError, match=r"no noise brings 33 trainings to epsilon 0\.001 at delta 1e-05"):
        privacy_info(private(0.001))


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = mechanism(private(), tmp_path)
    finally:
        os.umask(before)
    again = mechanism(private(), tmp_path)
    assert first is not None
    assert first == again
    assert len(bytes.fromhex(first.secret)) == 32
    assert [p.name for p in tmp_path.iterdir()] == [SECRET]
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / SECRET).stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    assert noise_secret(tmp_path / "other") != first.secret


def test_records_whose_secret_is_gone_cannot_be_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "run.json").write_text("{}")
    with pytest.raises(UserError, match="noise-secret is gone"):
        noise_secret(tmp_path)
    assert not (tmp_path / SECRET).exists()
