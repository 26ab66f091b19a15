"""Searches in which nothing is trained: what the coordinator looks at does not grow with the trials; never seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import spaces
from benchmarks.cases import CASES
from benchmarks.data import open_space
from benchmarks.pretended import PretendedEngine
from benchmarks.replay import Bench
from benchmarks.sleepers import SleepingEngine, Slept, busy
from hpo.records import charges
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.runtime.serving import Wanted
from hpo.search import coordinator
from hpo.search.storage import StoredStudy


class EnoughError(Exception):
    """As many trials have ended as the test asks for."""


class Counts:
    """In place of the tracker, and as an observer: how many stored trials were looked at until each trial's end."""

    def __init__(self, *_: Any) -> None:
        self.looked: Counter[str] = Counter()
        self.at_ends: list[int] = []
        self.most = 0

    def trial(self, *_: Any) -> None:
        self.at_ends.append(self.looked.total())
        if len(self.at_ends) == self.most:
            raise EnoughError

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    found = Counts()
    one, all_of_them = StoredStudy.trial, StoredStudy.trials

    def trial(self: StoredStudy, draw: int) -> Any:
        found.looked["one"] += 1
        return one(self, draw)

    def trials(self: StoredStudy) -> Any:
        listed = all_of_them(self)
        found.looked["all"] += len(listed)
        return listed

    monkeypatch.setattr(StoredStudy, "trial", trial)
    monkeypatch.setattr(StoredStudy, "trials", trials)
    monkeypatch.setattr(coordinator, "Tracker", Counts)
    monkeypatch.setattr(coordinator, "Engine", PretendedEngine)
    return found


def search(folder: Path, trials: int, pruner: str, counts: Counts, **budget: Any) -> Records:
    """One search through the real coordinator, stopped when its last trial has ended."""
    bench = Bench(folder, small=True, say=lambda _: None)
    data = spaces.many(1, 1, trials, "random", pruner)
    data["budget"] |= budget
    space = open_space(bench.space("one", data))
    counts.most = trials
    with pytest.raises(EnoughError):
        coordinator.run_experiment(space, folder / "results", None, "cpu", counts)
    return read_records(folder / "results" / "one")


@pytest.mark.parametrize("pruner", ["successive_halving", "median", "none"])
def test_a_late_trial_looks_at_no_more_stored_trials_than_an_early_one(
    pruner: str, tmp_path: Path, counts: Counts
) -> None:
    records = search(tmp_path, 32, pruner, counts)
    assert len(records.trials) == 32
    looked = [after - before for before, after in zip([0, *counts.at_ends], counts.at_ends, strict=False)]
    rungs = 4
    # Its own when it begins, and for each rung when that is told and when it ends; the pruner one that ended before it.
    assert max(looked) <= 1 + 2 * rungs + 1
    assert sum(t.state == "pruned" for t in records.trials) > 4 or pruner == "none"


def test_what_an_ended_trial_is_charged_is_counted_once_by_each_that_counts(
    tmp_path: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[int] = []
    inner = charges.charged_seconds

    def seconds(trial: Trial) -> float:
        charged.append(trial.draw)
        return inner(trial)

    monkeypatch.setattr(charges, "charged_seconds", seconds)
    search(tmp_path, 12, "none", counts, device_seconds=1e9)
    # By the search and by the order of what goes on, neither of which has asked for that of the last yet.
    assert sorted(charged) == sorted([*range(11)] * 2)


def no_report(_: Path) -> None:
    raise EnoughError


def test_workers_that_sleep_train_each_segment_once_and_never_more_at_once_than_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Counts)
    monkeypatch.setattr(coordinator, "write_report", no_report)
    engines: list[SleepingEngine] = []

    def engine(wanted: Wanted, *_: Any) -> SleepingEngine:
        engines.append(SleepingEngine(wanted, 3, mean=0.01))
        return engines[0]

    monkeypatch.setattr(coordinator, "Engine", engine)
    bench = Bench(tmp_path, small=True, say=lambda _: None)
    space = open_space(bench.space("few", spaces.many(2, 3, 2, "random", "none")))
    with pytest.raises(EnoughError):
        coordinator.run_experiment(space, tmp_path / "results", None, "cpu", Counts())
    records = read_records(tmp_path / "results" / "few")
    assert (len(records.trials), len(records.confirmations)) == (12, 6)
    segments = {s.key: s.seconds for item in (*records.trials, *records.confirmations) for s in item.segments}
    slept = [s.seconds for s in engines[0].sleepers.slept if s.seconds]
    assert sorted(slept) == pytest.approx(sorted(segments.values()))
    assert all(0.005 <= seconds <= 0.015 for seconds in slept)


def test_workers_are_busy_for_the_part_of_a_time_in_which_they_slept() -> None:
    slept = [Slept(at=3.0, seconds=2.0), Slept(at=5.0, seconds=1.0), Slept(at=9.0, seconds=1.0)]
    assert busy(slept, 2, begin=2.0, end=5.0) == pytest.approx((1.0 + 1.0) / (2 * 3.0))


def test_what_workers_share_is_measured_in_small(tmp_path: Path) -> None:
    found = CASES["shared"].run(Bench(tmp_path, small=True, say=lambda _: None))["figures"]
    states = list((tmp_path / "quota" / "states").iterdir())
    assert 0 < len(states) <= 20  # one more was stored where room was for twenty
    assert len(list((tmp_path / "facts-1" / "segments").iterdir())) == pytest.approx(
        0.2 * found["facts stored a second, 1 writers"]
    )
