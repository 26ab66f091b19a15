from __future__ import annotations

import pytest
from search_space import experiment

from hpo.config.experiment import Choices, Compare, Experiment, Fixed, Range, Setting
from hpo.search.plan import MOST_FORKS, forks


def cooling(**parameters: Setting) -> Experiment:
    return experiment(compare=None, parameters={"schedule": Fixed(value="wsd"), **parameters})


def test_every_listed_horizon_and_share_of_a_cool_down_is_a_fork() -> None:
    epochs = Choices(choices=(2.0, 1.0), default=2.0)
    ratios = Choices(choices=(0.1, 0.3), default=0.1)
    assert forks(cooling(epochs=epochs, schedule_decay_ratio=ratios)) == (
        (1.0, 0.1),
        (1.0, 0.3),
        (2.0, 0.1),
        (2.0, 0.3),
    )


def test_what_the_space_leaves_out_forks_by_its_default_and_what_is_compared_by_its_values() -> None:
    assert forks(cooling(epochs=Fixed(value=4))) == ((4.0, 0.2),)
    compared = cooling().model_copy(update={"compare": Compare(parameter="epochs", values=(1.0, 4.0))})
    assert forks(compared) == ((1.0, 0.2), (4.0, 0.2))


@pytest.mark.parametrize("name", ["epochs", "schedule_decay_ratio"])
def test_a_range_has_no_forks(name: str) -> None:
    assert forks(cooling(**{name: Range(low=0.5, high=1.0, default=1.0)})) == ()


def test_only_a_space_with_warmup_stable_decay_has_forks() -> None:
    assert forks(experiment()) == ()
    compare = Compare(parameter="schedule", values=("linear", "wsd"))
    assert forks(experiment(compare=compare)) == ((2.0, 0.2),)


def test_forks_are_few() -> None:
    epochs = Choices(choices=tuple(float(n) for n in range(1, 101)), default=1.0)
    assert forks(cooling(epochs=epochs)) == tuple((float(n), 0.2) for n in range(1, MOST_FORKS + 1))
