"""The cost of private trainings against the accountant's own history, and against the closed form without sampling."""

from __future__ import annotations

import numpy as np
import pytest
from opacus.accountants import RDPAccountant
from opacus.accountants.utils import get_noise_multiplier

from hpo.training.accounting import (
    LEAST,
    ORDERS,
    Sampling,
    Trainings,
    _divergences,
    accountant,
    least_multiplier,
    spent,
)

DELTA = 1e-5


def trainings(count: int, *samplings: tuple[float, int]) -> Trainings:
    return Trainings(count, tuple(Sampling(*s) for s in samplings))


@pytest.mark.parametrize(
    ("multiplier", "rate", "steps", "count"),
    [(1.1, 0.01, 1000, 1), (2.0, 0.064, 63, 20), (0.8, 0.004, 500, 3)],
)
def test_a_search_costs_what_opacus_says_of_all_its_steps(
    multiplier: float, rate: float, steps: int, count: int
) -> None:
    whole = RDPAccountant()
    whole.history = [(multiplier, rate, steps)] * count
    theirs = whole.get_epsilon(DELTA)
    ours = spent([(multiplier, trainings(count, (rate, steps)))], DELTA)
    assert theirs * 0.9999 <= ours <= theirs * 1.03, "with fewer orders, which each bound it"


@pytest.mark.parametrize(
    ("multiplier", "rate", "steps", "published"),
    [
        (4.0, 0.01, 10_000, 1.26),  # Abadi et al. 2016, section 3.2
        (1.3, 256 / 60_000, 20 * 60_000 / 256, 1.34),  # Bu et al. 2020, figure 4
        (0.7, 256 / 60_000, 70 * 60_000 / 256, 8.68),  # the same
    ],
)
def test_divergences_give_published_figures_of_the_moments_accountant(
    multiplier: float, rate: float, steps: float, published: float
) -> None:
    """By the conversion of these papers, which is looser than the one of Balle et al. 2020."""
    orders = np.array(ORDERS)
    bounds = _divergences(multiplier, rate) * steps + np.log(1 / DELTA) / (orders - 1)
    assert bounds.min() == pytest.approx(published, rel=0.02)
    assert spent([(multiplier, trainings(1, (rate, round(steps))))], DELTA) < bounds.min()


def test_without_sampling_it_is_the_gaussian_mechanism() -> None:
    """RDP of order a is a T / (2 s^2) (Mironov 2017, proposition 7), and epsilon by theorem 21 of Balle et al. 2020."""
    multiplier, steps = 12.0, 50
    a = np.linspace(1.01, 500, 200_000)
    wanted = a * steps / (2 * multiplier**2) + np.log((a - 1) / a) - (np.log(DELTA) + np.log(a)) / (a - 1)
    ours = spent([(multiplier, trainings(5, (1.0, 10)))], DELTA)
    assert wanted.min() * 0.9999 <= ours <= wanted.min() * 1.02


def test_each_training_counts_as_the_costliest_that_it_may_be() -> None:
    cheap, dear = (0.01, 100), (0.05, 100)
    both = spent([(1.5, trainings(10, cheap, dear))], DELTA)
    assert both == spent([(1.5, trainings(10, dear))], DELTA)
    assert both > spent([(1.5, trainings(10, cheap))], DELTA)


def test_costs_of_several_kinds_of_trainings_are_composed() -> None:
    parts = [(1.5, trainings(4, (0.05, 50))), (3.0, trainings(6, (0.1, 20)))]
    whole = RDPAccountant()
    whole.history = [(1.5, 0.05, 200), (3.0, 0.1, 120)]
    assert whole.get_epsilon(DELTA) * 0.9999 <= spent(parts, DELTA) <= whole.get_epsilon(DELTA) * 1.03
    assert spent(parts, DELTA) > max(spent([part], DELTA) for part in parts)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 8.0, 50.0])
def test_the_least_noise_keeps_to_epsilon_and_less_does_not(epsilon: float) -> None:
    given = trainings(20, (0.064, 63))
    found = least_multiplier(epsilon, given, DELTA)
    assert found is not None
    assert spent([(found, given)], DELTA) <= epsilon
    assert found / 1.002 < LEAST or spent([(found / 1.002, given)], DELTA) > epsilon


def test_the_least_noise_is_that_of_opacus() -> None:
    theirs = get_noise_multiplier(
        target_epsilon=3.0,
        target_delta=DELTA,
        sample_rate=0.064,
        steps=20 * 63,
        epsilon_tolerance=0.001,
        accountant="rdp",
    )
    ours = least_multiplier(3.0, trainings(20, (0.064, 63)), DELTA)
    assert ours == pytest.approx(theirs, rel=0.02)


def test_an_epsilon_below_what_any_order_bounds_has_no_noise() -> None:
    assert least_multiplier(0.001, trainings(1, (0.01, 10)), DELTA) is None


def test_the_accountant_is_named_with_its_version() -> None:
    assert accountant().startswith("RDP, by Opacus 1.")
