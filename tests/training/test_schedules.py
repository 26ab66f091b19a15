from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from hpo.config.parameters import DECAY_SHAPES, OWN_WARMUP, SCHEDULES, Value, complete
from hpo.training.schedules import Schedule, learning_rates, schedule_of, trunk_steps, warmup_steps

PEAK = 3e-4
WARMED = [name for name in SCHEDULES if name not in OWN_WARMUP]
CASES: list[tuple[Schedule, str, dict[str, Any]]] = [
    (Schedule("constant", 0.0), "constant", {}),
    (Schedule("constant", 0.1), "constant_with_warmup", {}),
    (Schedule("linear", 0.1), "linear", {}),
    (Schedule("linear", 0.0), "linear", {}),
    (Schedule("cosine", 0.1), "cosine", {}),
    (Schedule("cosine_with_restarts", 0.1, cycles=3), "cosine_with_restarts", {"num_cycles": 3}),
    (Schedule("polynomial", 0.1, power=2.0), "polynomial", {"power": 2.0}),
    (Schedule("polynomial", 0.1, end_rate=2e-5), "polynomial", {"lr_end": 2e-5}),
    (Schedule("inverse_sqrt", 0.1), "inverse_sqrt", {}),
    (Schedule("inverse_sqrt", 0.1, timescale=25), "inverse_sqrt", {"timescale": 25}),
    (Schedule("cosine", 0.1, waves=1.5), "cosine", {"num_cycles": 1.5}),
    (Schedule("cosine_with_min_lr", 0.1, min_ratio=0.1), "cosine_with_min_lr", {"min_lr_rate": 0.1}),
    (
        Schedule("cosine_with_min_lr", 0.0, min_ratio=0.3, waves=2.0),
        "cosine_with_min_lr",
        {"min_lr_rate": 0.3, "num_cycles": 2.0},
    ),
    (
        Schedule("cosine_warmup_with_min_lr", 0.2, min_ratio=0.1),
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1},
    ),
    (
        Schedule("cosine_warmup_with_min_lr", 0.2, min_ratio=0.1, start_ratio=0.25, waves=1.0),
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1, "warmup_lr_rate": 0.25, "num_cycles": 1.0},
    ),
    (Schedule("inverse_sqrt", 0.0), "inverse_sqrt", {}),
    (Schedule("wsd", 0.1, decay_ratio=0.25), "warmup_stable_decay", {}),
    (Schedule("wsd", 0.9, decay_ratio=0.5), "warmup_stable_decay", {}),
    (
        Schedule("wsd", 0.1, decay_ratio=0.3, decay_shape="linear"),
        "warmup_stable_decay",
        {"decay_type": "linear"},
    ),
    (
        Schedule("wsd", 0.1, decay_ratio=0.3, decay_shape="one_minus_sqrt"),
        "warmup_stable_decay",
        {"decay_type": "1-sqrt"},
    ),
    (
        Schedule("wsd", 0.3, decay_ratio=0.3, min_ratio=0.2, waves=1.5),
        "warmup_stable_decay",
        {"min_lr_ratio": 0.2, "num_cycles": 1.5},
    ),
    (
        Schedule("wsd", 0.3, decay_ratio=0.3, decay_shape="linear", warmup_shape="cosine"),
        "warmup_stable_decay",
        {"decay_type": "linear", "warmup_type": "cosine"},
    ),
    (
        Schedule("wsd", 0.3, decay_ratio=0.3, min_ratio=0.1, warmup_shape="one_minus_sqrt"),
        "warmup_stable_decay",
        {"min_lr_ratio": 0.1, "warmup_type": "1-sqrt"},
    ),
    (Schedule("constant", warmup_slope=PEAK / 3), "constant_with_warmup", {}),
    (Schedule("linear", warmup_slope=PEAK / 3), "linear", {}),
    (Schedule("inverse_sqrt", warmup_slope=PEAK / 3), "inverse_sqrt", {}),
    (Schedule("wsd", warmup_slope=PEAK / 3), "warmup_stable_decay", {}),
]


@pytest.mark.parametrize("total", [2, 7, 40, 333])
@pytest.mark.parametrize(("schedule", "name", "specific"), CASES)
def test_every_step_has_the_rate_that_transformers_gives_it(
    schedule: Schedule, name: str, specific: dict[str, Any], total: int
) -> None:
    warmup = 3 if schedule.warmup_slope else math.ceil(total * schedule.warmup_ratio)
    if name == "warmup_stable_decay":
        decay = max(min(math.ceil(total * schedule.decay_ratio), total - warmup), 0)
        specific = specific | {"num_decay_steps": decay}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    arguments: dict[str, Any] = {"scheduler_specific_kwargs": specific} if specific else {}
    if name == "constant":
        warmup_arguments: dict[str, Any] = {}
    elif name in {"constant_with_warmup", "inverse_sqrt"}:
        warmup_arguments = {"num_warmup_steps": warmup}
    else:
        warmup_arguments = {"num_warmup_steps": warmup, "num_training_steps": total}
    scheduler = transformers.get_scheduler(name, optimizer, **warmup_arguments, **arguments)
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(learning_rates(schedule, PEAK, total), expected, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("total", [2, 7, 40, 333])
@pytest.mark.parametrize("rise", [0.0, 0.1, 0.3, 0.9])
@pytest.mark.parametrize(("div", "final"), [(25.0, 1e4), (1.0, 1.0), (10.0, 3.0)])
def test_every_step_of_one_cycle_has_the_rate_that_torch_gives_it(
    total: int, rise: float, div: float, final: float
) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=PEAK,
        total_steps=total,
        pct_start=rise,
        div_factor=div,
        final_div_factor=final,
        cycle_momentum=False,
    )
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    schedule = Schedule("one_cycle", rise, div_factor=div, final_div_factor=final)
    np.testing.assert_allclose(learning_rates(schedule, PEAK, total), expected, rtol=1e-12)


def test_one_cycle_of_a_single_step_of_rise_begins_at_its_peak() -> None:
    """Where torch divides by zero."""
    rates = learning_rates(Schedule("one_cycle", 0.1), PEAK, 10)
    assert rates[0] == PEAK
    assert (np.diff(rates) < 0).all()
    assert rates[-1] == pytest.approx(PEAK / 25 / 1e4, rel=1e-9)


def test_schedules_with_one_warmup_share_its_rates_to_the_bit() -> None:
    rates = [learning_rates(Schedule(name, 0.2), PEAK, 50)[:10] for name in WARMED]
    assert {r.tobytes() for r in rates} == {rates[0].tobytes()}


def test_warmup_stable_decay_is_constant_until_its_decay() -> None:
    wsd = learning_rates(Schedule("wsd", 0.1, decay_ratio=0.2), PEAK, 100)
    constant = learning_rates(Schedule("constant", 0.1), PEAK, 100)
    assert wsd[:81].tobytes() == constant[:81].tobytes()
    assert wsd[99] < 0.01 * PEAK


SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda p: 1 - p,
    "cosine": lambda p: math.cos(math.pi * p / 2) ** 2,
    "one_minus_sqrt": lambda p: 1 - p**0.5,
    "one_minus_square": lambda p: (1 - p) * (1 + p),
}


@pytest.mark.parametrize("shape", DECAY_SHAPES)
def test_a_cool_down_goes_from_the_peak_to_zero_in_its_shape(shape: str) -> None:
    schedule = Schedule("wsd", decay_ratio=0.4, decay_shape=shape)
    expected = [PEAK] * 30 + [PEAK * SHAPES[shape](i / 20) for i in range(20)]
    np.testing.assert_allclose(learning_rates(schedule, PEAK, 50), expected, rtol=1e-12)


def test_a_warmup_by_slope_has_the_same_bits_under_every_peak_horizon_and_schedule() -> None:
    slope = 7e-6
    longest = np.array([slope * step for step in range(43)])
    for name in WARMED:
        for peak in (1e-4, 2.1e-4, PEAK):
            for total in (50, 77, 200):
                rates = learning_rates(Schedule(name, warmup_slope=slope), peak, total)
                steps = math.ceil(peak / slope)
                assert rates[:steps].tobytes() == longest[:steps].tobytes()
                assert rates[steps] == peak
                assert rates.max() == peak


@pytest.mark.parametrize("slope", [1e-6, 1e-5, 3e-5, 5e-5, 1e-4, 7e-6])
@pytest.mark.parametrize("peak", [1e-5, 3e-4, 1e-3, 7e-4, 9e-4, 2.1e-4])
def test_a_warmup_by_slope_ends_where_the_product_reaches_the_peak(slope: float, peak: float) -> None:
    steps = warmup_steps(Schedule("constant", warmup_slope=slope), peak, 1)
    assert slope * (steps - 1) < peak <= slope * steps * (1 + 1e-15)


def test_a_training_too_short_for_its_slope_rises_to_its_end() -> None:
    for name in WARMED:
        rates = learning_rates(Schedule(name, warmup_slope=1e-5), PEAK, 8)
        assert rates.tolist() == [1e-5 * step for step in range(8)]


def test_schedules_without_a_horizon_go_on_with_the_same_bits_in_longer_trainings() -> None:
    for name in ("constant", "inverse_sqrt"):
        rates = [learning_rates(Schedule(name, warmup_slope=1e-5), PEAK, n) for n in (40, 64, 200)]
        assert {r[:40].tobytes() for r in rates} == {rates[0].tobytes()}


def test_the_trunk_is_what_all_shapes_and_longer_trainings_share_and_no_step_more() -> None:
    for warmup, total, ratio in ((1e-5, 64, 0.25), (1e-4, 33, 0.1), (1e-5, 32, 0.9), (1e-5, 20, 0.5)):
        schedules = [
            Schedule("wsd", warmup_slope=warmup, decay_ratio=ratio, decay_shape=s) for s in DECAY_SHAPES
        ]
        shared = trunk_steps(schedules[0], PEAK, total)
        longer = learning_rates(schedules[0], PEAK, 100 * total)[:total]
        rates = np.array([learning_rates(s, PEAK, total) for s in schedules])
        assert {r[:shared].tobytes() for r in (*rates, longer)} == {longer[:shared].tobytes()}
        assert shared == total or (rates[:, shared] < PEAK).all()


def test_a_schedule_is_read_from_the_active_parameters() -> None:
    assert schedule_of(complete({})) == Schedule("linear", warmup_ratio=0.0)
    given: dict[str, Value] = {
        "schedule": "wsd",
        "warmup": "slope",
        "warmup_slope": 2e-5,
        "warmup_ratio": 0.5,
    }
    cooling = given | {"schedule_decay_ratio": 0.3, "schedule_decay_shape": "linear"}
    assert schedule_of(complete(cooling)) == Schedule(
        "wsd", warmup_slope=2e-5, decay_ratio=0.3, decay_shape="linear"
    )
    assert schedule_of(complete({"schedule": "cosine_with_restarts", "schedule_cycles": 3})).cycles == 3
    assert schedule_of(complete({"schedule": "polynomial", "schedule_power": 2.0})).power == 2.0


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_of_defaults_is_the_schedule_of_its_name(name: str) -> None:
    assert schedule_of(complete({"schedule": name})) == Schedule(name, warmup_ratio=0.0)


@pytest.mark.parametrize(
    ("name", "parameter", "value", "field"),
    [
        ("polynomial", "schedule_end_rate", 1e-5, "end_rate"),
        ("inverse_sqrt", "schedule_timescale", 9, "timescale"),
        ("cosine", "schedule_waves", 1.5, "waves"),
        ("cosine_with_min_lr", "schedule_min_ratio", 0.1, "min_ratio"),
        ("cosine_warmup_with_min_lr", "schedule_start_ratio", 0.2, "start_ratio"),
        ("wsd", "schedule_warmup_shape", "cosine", "warmup_shape"),
        ("one_cycle", "schedule_div_factor", 9.0, "div_factor"),
        ("one_cycle", "schedule_final_div_factor", 9.0, "final_div_factor"),
    ],
)
def test_every_parameter_of_a_schedule_reaches_it(
    name: str, parameter: str, value: Value, field: str
) -> None:
    given: dict[str, Value] = {"schedule": name, parameter: value}
    assert getattr(schedule_of(complete(given)), field) == value


def test_without_a_schedule_the_rate_stays_at_its_peak_after_the_warmup() -> None:
    given: dict[str, Value] = {"optimizer": "schedule_free_adamw", "schedule": "wsd", "warmup_ratio": 0.2}
    assert schedule_of(complete(given)) == Schedule("constant", warmup_ratio=0.2)
