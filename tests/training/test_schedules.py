from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from hpo.training.schedules import Schedule, learning_rates

PEAK = 3e-4
CASES: list[tuple[Schedule, str, dict[str, Any]]] = [
    (Schedule("constant", 0.0), "constant", {}),
    (Schedule("constant", 0.1), "constant_with_warmup", {}),
    (Schedule("linear", 0.1), "linear", {}),
    (Schedule("linear", 0.0), "linear", {}),
    (Schedule("cosine", 0.1), "cosine", {}),
    (Schedule("cosine_with_restarts", 0.1, cycles=3), "cosine_with_restarts", {"num_cycles": 3}),
    (Schedule("polynomial", 0.1, power=2.0), "polynomial", {"power": 2.0}),
    (Schedule("inverse_sqrt", 0.1), "inverse_sqrt", {}),
    (Schedule("inverse_sqrt", 0.0), "inverse_sqrt", {}),
    (Schedule("wsd", 0.1, decay_ratio=0.25), "warmup_stable_decay", {"decay": 0.25}),
    (Schedule("wsd", 0.9, decay_ratio=0.5), "warmup_stable_decay", {"decay": 0.1}),
]


@pytest.mark.parametrize("total", [2, 7, 40, 333])
@pytest.mark.parametrize(("schedule", "name", "specific"), CASES)
def test_every_step_has_the_rate_that_transformers_gives_it(
    schedule: Schedule, name: str, specific: dict[str, Any], total: int
) -> None:
    warmup = math.ceil(total * schedule.warmup_ratio)
    if "decay" in specific:
        decay = min(math.ceil(total * schedule.decay_ratio), total - warmup)
        specific = {"num_decay_steps": decay}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    arguments = {"scheduler_specific_kwargs": specific} if specific else {}
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


def test_schedules_with_one_warmup_share_its_rates_to_the_bit() -> None:
    rates = [
        learning_rates(Schedule(name, 0.2), PEAK, 50)[:10] for name in ("constant", "linear", "cosine", "wsd")
    ]
    assert {r.tobytes() for r in rates} == {rates[0].tobytes()}


def test_warmup_stable_decay_is_constant_until_its_decay() -> None:
    wsd = learning_rates(Schedule("wsd", 0.1, decay_ratio=0.2), PEAK, 100)
    constant = learning_rates(Schedule("constant", 0.1), PEAK, 100)
    assert wsd[:81].tobytes() == constant[:81].tobytes()
    assert wsd[99] < 0.01 * PEAK
