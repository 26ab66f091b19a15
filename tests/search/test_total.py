"""A total budget ends the searches of all strategies after the same number of draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.experiment import Budget, Confirmation, Total
from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.files import read_records, read_run
from hpo.records.run import Records
from hpo.records.trainings import Segment, Trial
from hpo.report.kit.methods import methods_tex
from hpo.report.sentences import verdict
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from hpo.search.remaining import in_all
from hpo.search.total import WALL
from hpo.search.total import Total as InAll
from tests.cli.cli_events import experiment, trial
from tests.search.test_run import Nobody, told

SPACE = """\
question: How long, before the money is gone?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: epochs, values: [1, 2], reference: 1}}
parameters:
  learning_rate: {{low: 1e-3, high: 1e-2, log: true}}
  batch_size: 16
budget: {{replicates: 3, trials: 6, total: {{trials: {total}}}, {more}}}
"""
RANDOM = "sampler: random, pruner: none"


class Stops(Nobody):
    """Stops the run when it is told of its n-th trial, or of the end of the searches."""

    def __init__(self, what: str, count: int) -> None:
        self.what, self.left = what, count

    def _tell(self, what: str) -> None:
        self.left -= what == self.what
        if not self.left:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        if text.startswith("no further round"):
            self._tell("note")

    def trial(self, *_: Any) -> None:
        self._tell("trial")


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


@pytest.fixture
def space(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> Any:
    def made(total: int, more: str = RANDOM) -> Space:
        path = tmp_path / "total.yaml"
        path.write_text(SPACE.format(data=tiny_data, model=tiny_model, total=total, more=more))
        return load_space(str(path), [], [])

    return made


def run(space: Space, results: Path, observer: Any = None) -> Records:
    return read_records(run_experiment(space, results, None, "cpu", observer or Nobody(), 1).folder)


def rounds(records: Records) -> set[int]:
    searches = Counter((t.strategy, t.replicate) for t in records.trials)
    assert len(searches) == 6
    return set(searches.values())


@pytest.mark.parametrize("more", [RANDOM, "rungs: [32], sampler: tpe, startup_trials: 2"])
def test_no_round_begins_that_would_not_end_within_the_total(space: Any, tmp_path: Path, more: str) -> None:
    """Of 6 trials a round, 3 rounds fit into 20; wherever the run is stopped, it goes on to the same."""
    records = run(space(20, more), tmp_path / "whole")
    assert rounds(records) == {3}
    assert records.run.closed is not None
    assert records.run.closed.rounds == 3
    assert "24 trials in all" in records.run.closed.reason
    assert len(records.confirmations) == 6
    judged = verdict(records)
    assert "t this tuning budget (3 trials a search;" in judged.sentences[0]
    assert "After 3 rounds of at most 6 none did, as 4 rounds of draws with all" in methods_tex(
        records, judged, ()
    )
    for stop in (Stops("trial", 7), Stops("note", 1)):
        with pytest.raises(KeyboardInterrupt):
            run(space(20, more), tmp_path / "stopped", stop)
    run(space(20, more), tmp_path / "stopped")
    assert told(tmp_path / "stopped" / "total") == told(tmp_path / "whole" / "total")


def test_a_larger_total_goes_on_until_the_test_split_was_opened(space: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(space(12), tmp_path, Stops("note", 1))
    head = read_run(tmp_path / "total")
    assert head is not None
    assert head.closed is not None
    records = run(space(18), tmp_path)
    assert rounds(records) == {3}
    with pytest.raises(UserError, match=r"budget.total.trials: 18 -> 36\nThe test split was opened"):
        run(space(36), tmp_path)
    larger = space(36)
    named = larger.experiment.model_copy(update={"name": "again"})
    assert rounds(run(replace(larger, experiment=named), tmp_path)) == {6}


def test_the_expected_cost_shares_work_and_counts_all_confirmations(tmp_path: Path) -> None:
    """Two strategies, one replicate, two seeds and no baseline: 4 confirmations. Draws 0 share their first segment."""

    def told_of(
        strategy: str, draw: int, *segments: tuple[str, int, float], state: Any = "complete"
    ) -> Trial:
        made = tuple(Segment(key=key, examples=n, steps=n, seconds=s) for key, n, s in segments)
        score = 0.5 if state == "complete" else None
        return Trial(
            strategy=strategy,
            replicate=0,
            draw=draw,
            parameters={},
            state=state,
            reason="-",
            score=score,
            segments=made,
        )

    ended = [
        told_of("linear", 0, ("trunk", 100, 10.0), ("a", 200, 12.0)),
        told_of("cosine", 0, ("trunk", 100, 10.0), ("b", 200, 8.0)),
        told_of("linear", 1, ("c", 100, 5.0), state="pruned"),
    ]
    asked = experiment().model_copy(
        update={
            "budget": Budget(replicates=1, trials=9, total=Total(wall_seconds=9.0)),
            "confirmation": Confirmation(seeds=2),
        }
    )
    now = iter([60.0, 60.0, 75.0])
    (tmp_path / WALL).write_text("30.0\n")
    total = InAll(asked, tmp_path, 50.0, lambda: next(now))
    expected = in_all(ended, ended, 6, 4, total.wall_seconds())  # 3 rounds of two trials, of which 3 ended
    assert expected == {
        "trials": 6,
        "examples": 2 * (100 + 100 + 100 + 100) + 4 * 200,
        "device_seconds": 2 * (10 + 12 + 8 + 5) + 4 * (22 + 18) / 2,
        "wall_seconds": 2 * (30 + 10) + 4 * (22 + 18) / 2,
    }
    closed = total.exceeded(ended, 2, 3, {"linear": 3, "cosine": 3})
    assert closed is not None
    assert (closed.rounds, "160 seconds of wall time" in closed.reason) == (2, True)
    total.keep_wall_seconds()
    assert (tmp_path / WALL).read_text() == "55.000\n"


def test_rounds_that_come_to_the_total_exactly_fit_in_however_many_trials_have_ended(tmp_path: Path) -> None:
    """Trials are counted, and not reckoned from the share of them that ended, which is rounded."""
    assert 50 / 22 * 22 > 50
    budget = Budget(replicates=5, trials=9, total=Total(trials=50))  # of two strategies: 10 trials a round
    total = InAll(experiment().model_copy(update={"budget": budget}), tmp_path, 0.0, lambda: 0.0)
    ended = trial("linear", 0, 0)
    for count in range(10, 50):
        assert total.exceeded([ended] * count, 1, 5, {"linear": 5, "cosine": 5}) is None
        closed = total.exceeded([ended] * count, 1, 6, {"linear": 6, "cosine": 6})
        assert closed is not None
        assert closed.rounds == 5
