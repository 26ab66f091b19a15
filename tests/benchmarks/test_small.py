"""The benchmark's small form, to keep it alive: counts alone, never seconds."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import spaces
from benchmarks.cases import CASES
from benchmarks.cases.estimates import compare
from benchmarks.cases.searches import answered
from benchmarks.measure import Measured
from benchmarks.replay import Bench, Replayed, check_work, replay, result
from benchmarks.table import BEGIN, END, README, read_results, table
from benchmarks.trainings import Training
from hpo.training.schedules import learning_rates, schedule_of

needs_accelerate = pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="the extra `bench` is not installed"
)
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra `bench` is not installed"
)


def bench(folder: Path) -> Bench:
    return Bench(folder, small=True, repeats=1, say=lambda _: None)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return replay(
        bench(tmp_path_factory.mktemp("forks")), "cool_down", spaces.cool_down(small=True), ("P*",), 1
    )


@pytest.fixture(scope="module")
def unlike(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return replay(bench(tmp_path_factory.mktemp("unlike")), "poor_case", spaces.poor_case(small=True), (), 1)


def prefixes(trainings: list[Training]) -> set[tuple[Any, ...]]:
    """Every step by what it shares with others: the seed, and the rates up to it. All else is alike here."""
    found = set()
    for training in trainings:
        p = training.parameters
        rates = learning_rates(schedule_of(p), p["learning_rate"], training.horizon)
        found |= {(training.seed, *rates[: step + 1]) for step in range(training.steps)}
    return found


def test_forks_of_one_trunk_are_trained_as_often_as_their_rates_differ(forks: Replayed) -> None:
    assert len(forks.trainings) == 4 * 4 * 2 * 2 + 2  # horizons, shapes, peaks, seeds; confirmations
    assert forks.counts.asked_steps == sum(t.steps for t in forks.trainings)
    least = len(
        prefixes(forks.trainings)
    )  # rates that agree by chance, such as two shapes half-way, are not planned for
    assert least <= forks.counts.unique_steps <= 1.2 * least
    assert forks.counts.reuse > 3


def test_each_segment_is_trained_once(unlike: Replayed) -> None:
    assert unlike.runs["H"][0].report["trained"] == unlike.counts.segments


def test_few_segments_of_forks_are_trained_again(forks: Replayed) -> None:
    segments = forks.counts.segments  # a state that is not stored yet, or no more, costs its segment again
    assert segments <= forks.runs["H"][0].report["trained"] <= 1.3 * segments


def test_where_no_two_trainings_are_alike_nothing_is_shared(unlike: Replayed) -> None:
    assert unlike.counts.unique_steps == unlike.counts.asked_steps == len(prefixes(unlike.trainings))
    assert unlike.counts.reuse == 1


def test_the_loop_by_hand_repeats_the_list_in_several_processes(forks: Replayed) -> None:
    done = forks.runs["P*"][0].report["done"]
    assert sorted(d["steps"] for d in done) == sorted(t.steps for t in forks.trainings)


def test_other_work_than_the_lists_is_refused(forks: Replayed) -> None:
    with pytest.raises(AssertionError, match="did other work"):
        check_work("P*", forks.runs["P*"][0], forks.trainings[1:])


def test_a_state_is_written_both_ways(tmp_path: Path) -> None:
    found = CASES["writes"].run(bench(tmp_path))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "writes").iterdir()}
    assert sizes["into-0"] == found["figures"]["megabytes"] << 20
    if found["figures"]["written past it"]:  # not every file system takes it
        assert sizes["past-0"] == sizes["into-0"]


def test_both_forms_of_each_optimizer_take_the_same_number_of_steps(tmp_path: Path) -> None:
    found = CASES["optimizer"].run(bench(tmp_path))
    assert {name: len(ratios) for name, ratios in found["ratios"].items()} == {
        f"{name}, {frozen} layers frozen": 1 for name in ("adamw", "adam", "sgd") for frozen in (1, 0)
    }


def test_what_is_estimated_of_a_run_is_held_against_it(tmp_path: Path) -> None:
    found = CASES["estimates"].run(bench(tmp_path))
    labels = ("time, measured / estimated", "disk, measured / estimated", "seconds of the estimate")
    for name in ("frozen", "poor_case"):
        for label in labels:
            assert found["figures"][f"{name}, {label}"] > 0


def test_time_and_disk_are_held_against_the_middle_of_their_range_and_memory_against_its_most() -> None:
    run = Measured({"wall_seconds": 100.0}, coordinator=7, workers=(400, 300), store=600)
    estimate = {
        "workers": 2,
        "seconds": {"low": 10.0, "high": 40.0},
        "memory": {"low": 100.0, "high": 200.0},
        "disk": {"low": 150.0, "high": 600.0},
        "tried": 3.0,
    }
    found = compare(estimate, run)
    assert found["time, measured / estimated"] == 5.0
    assert found["disk, measured / estimated"] == 2.0
    assert found["memory, measured / estimated"] == 2.0
    alone = compare({**estimate, "workers": 1}, Measured({"wall_seconds": 100.0}, 500, (), 600))
    assert alone["memory, measured / estimated"] == 2.5
    assert "memory, measured / estimated" not in compare({**estimate, "memory": None}, run)


@pytest.mark.slow
@needs_accelerate
def test_the_trainers_search_repeats_the_list_with_pruned_trials_and_a_baseline(tmp_path: Path) -> None:
    data = spaces.main_job(small=True, replicates=3)
    data["compare"]["values"] = ["linear", "wsd"]
    found = replay(bench(tmp_path), "main_job", data, ("T", "T*"), 1)
    assert len(found.trainings) == 3 * (2 * 2 + 2 + 1)
    assert set(result(found)["ratios"]) == {"T", "T*"}


@pytest.mark.slow
@needs_ray
def test_ray_tune_repeats_the_list(tmp_path: Path) -> None:
    found = replay(bench(tmp_path), "poor_case", spaces.poor_case(small=True), ("R",), 1)
    assert len(found.runs["R"][0].report["done"]) == 2 + 1


def test_an_answer_is_the_first_whole_trial_near_the_best() -> None:
    def done(ended: float, accuracy: float, **flags: bool) -> Mapping[str, Any]:
        return {"ended": ended, "accuracy": accuracy, "pruned": False, "confirmation": False} | flags

    searched = [done(1, 0.7), done(2, 0.796), done(3, 0.8), done(4, 0.9, confirmation=True)]
    assert answered({"wall_seconds": 9.0, "done": searched}, best=0.8) == (2, True)
    never = [done(20, 0.79), done(30, 0.8, pruned=True)]
    assert answered({"wall_seconds": 50.0, "done": never}, best=0.8) == (50.0, False)


def test_the_readmes_table_says_what_the_results_say() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0] == table(read_results())


def test_every_case_stands_in_the_table() -> None:
    assert [name for name in CASES if f"| `{name}` |" not in table({})] == []
