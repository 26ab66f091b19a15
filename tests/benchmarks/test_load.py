"""Searches in which nothing is trained: what the coordinator looks at does not grow with the trials; never seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import spaces
from benchmarks.data import open_space
from benchmarks.pretended import PretendedEngine
from benchmarks.replay import Bench
from hpo.records.files import read_records
from hpo.records.schema import Records
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


def search(folder: Path, trials: int, pruner: str, counts: Counts) -> Records:
    """One search through the real coordinator, stopped when its last trial has ended."""
    bench = Bench(folder, small=True, say=lambda _: None)
    space = open_space(bench.space("one", spaces.many(1, 1, trials, "random", pruner)))
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
