from __future__ import annotations

import pytest

from hpo.training.cuts import (
    LEAST_WARMUP_SHARE,
    LEAST_WARMUP_STEPS,
    RUNG,
    SHARED,
    Forks,
    count_steps,
    plan_cuts,
)
from hpo.training.schedules import Schedule, learning_rates

PEAK = 1e-3
TEXTS, BATCH = 50, 8  # 7 steps an epoch, the last of 2 texts


def cuts(
    schedule: Schedule, epochs: float = 4, forks: Forks = (), rungs: tuple[int, ...] = ()
) -> dict[int, float]:
    steps = count_steps(TEXTS, BATCH, epochs)
    planned = plan_cuts(schedule, PEAK, steps, (*rungs, steps), forks, TEXTS, BATCH)
    assert [cut.step for cut in planned] == sorted({cut.step for cut in planned})
    assert planned[-1].step == steps
    return {cut.step: cut.chance for cut in planned}


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "cosine_with_min_lr",
        "cosine_warmup_with_min_lr",
        "one_cycle",
    ],
)
def test_a_schedule_that_shares_nothing_is_cut_at_its_rungs_alone(name: str) -> None:
    assert cuts(Schedule(name), rungs=(3, 9), forks=((2.0, 0.5),)) == {3: RUNG, 9: RUNG, 28: 0.0}


@pytest.mark.parametrize("name", ["constant", "inverse_sqrt"])
def test_an_open_path_is_cut_at_the_ends_of_epochs(name: str) -> None:
    assert cuts(Schedule(name)) == {7: SHARED, 14: SHARED, 21: SHARED, 28: SHARED}
    assert cuts(Schedule(name), epochs=1.5) == {7: SHARED, 11: 0.0}  # longer ones are not cut at 11


def test_a_trunk_is_cut_where_its_cooldown_and_those_of_others_begin() -> None:
    steps = {epochs: count_steps(TEXTS, BATCH, epochs) for epochs in (1, 2, 4)}
    forks = tuple((float(epochs), 0.25) for epochs in steps)
    # The first step of a cool-down still has the peak: the trunk's end lies behind it.
    starts = {epochs: count - -(-count // 4) + 1 for epochs, count in steps.items()}
    long = cuts(Schedule("wsd", decay_ratio=0.25), 4, forks)
    assert long == {
        starts[1]: SHARED,
        7: SHARED,
        starts[2]: SHARED,
        14: SHARED,
        21: SHARED,
        starts[4]: SHARED,
        28: 0.0,
    }
    short = cuts(Schedule("wsd", decay_ratio=0.25), 2, forks)
    assert short == {starts[1]: SHARED, 7: SHARED, starts[2]: SHARED, 14: 0.0}


@pytest.mark.parametrize("shape", ["linear", "cosine", "one_minus_sqrt", "one_minus_square"])
@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.5])
def test_trainings_are_cut_at_the_last_step_that_they_share(shape: str, ratio: float) -> None:
    forks = ((2.0, ratio), (4.0, ratio))
    long, short = (Schedule("wsd", decay_ratio=ratio, decay_shape=shape) for _ in range(2))
    rates = [learning_rates(s, PEAK, count_steps(TEXTS, BATCH, e)) for s, e in ((long, 4), (short, 2))]
    shared = next(i for i, (a, b) in enumerate(zip(*rates, strict=False)) if a != b)
    assert shared in cuts(long, 4, forks)
    assert shared in cuts(short, 2, forks)


def test_by_slope_trainings_of_all_lengths_are_cut_alike_at_the_end_of_the_warmup() -> None:
    for warmup, cut in ((LEAST_WARMUP_STEPS, True), (LEAST_WARMUP_STEPS - 1, False)):
        schedule = Schedule("linear", warmup_slope=PEAK / warmup)
        for epochs in (2, 4, 40):
            steps = count_steps(TEXTS, BATCH, epochs)
            planned = plan_cuts(schedule, PEAK, steps, (steps,), (), TEXTS, BATCH)
            assert (warmup in [c.step for c in planned]) == cut


def test_a_warmup_is_a_cut_where_it_is_worth_one() -> None:
    assert 6 in cuts(Schedule("linear", warmup_ratio=0.2))
    assert list(cuts(Schedule("linear", warmup_ratio=LEAST_WARMUP_SHARE / 2))) == [28]
    by_slope = [cuts(Schedule(name, warmup_slope=PEAK / 10)) for name in ("linear", "cosine")]
    assert by_slope[0] == by_slope[1] == {10: SHARED, 28: 0.0}
    assert list(cuts(Schedule("linear", warmup_slope=PEAK / 100))) == [28]  # longer than the training


@pytest.mark.parametrize("ratio", [0.3, 0.5])
def test_one_cycles_with_other_ends_are_cut_where_they_part(ratio: float) -> None:
    ends = [Schedule("one_cycle", ratio, final_div_factor=factor) for factor in (10.0, 1e4)]
    rates = [learning_rates(schedule, PEAK, 28) for schedule in ends]
    shared = next(i for i, (a, b) in enumerate(zip(*rates, strict=True)) if a != b)
    assert [cuts(schedule) for schedule in ends] == [{shared: SHARED, 28: 0.0}] * 2


def test_a_rung_that_others_fork_from_is_kept_for_them() -> None:
    assert cuts(Schedule("constant"), rungs=(7, 10))[7] == SHARED
    assert cuts(Schedule("constant"), rungs=(7, 10))[10] == RUNG


@pytest.mark.parametrize(
    ("texts", "batch", "epochs", "steps"),
    [
        (10, 5, 1, 2),
        (10, 4, 1, 3),
        (10, 4, 2, 6),
        (10, 4, 1.5, 5),
        (10, 20, 3, 3),
        (10, 4, 0.01, 1),
        (3, 1, 0.1 * 3, 1),
    ],
)
def test_steps_are_counted_with_a_short_batch_at_each_end(
    texts: int, batch: int, epochs: float, steps: int
) -> None:
    assert count_steps(texts, batch, epochs) == steps
