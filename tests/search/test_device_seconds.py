"""Searches that end by what their trials are charged: whole runs of the tiny model, on a clock of steps or the real one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.config.space import Space, load_space
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.runtime import engine, worker
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from hpo.training import prefixes
from tests.search.test_run import Nobody, told

SPACE = """\
question: How long, at equal cost?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: epochs, values: [1, 4], reference: 1}}
parameters:
  learning_rate: {{low: 1e-3, high: 1e-2, log: true}}
  frozen_layers: {{choices: [0, 3]}}
  batch_size: 16
budget: {{replicates: 3, trials: {trials}, {unit}: {seconds}, {more}}}
"""


class Stops(Nobody):
    """Stops the run at one of its evaluations."""

    def __init__(self, evaluation: int) -> None:
        self.left = evaluation

    def rung(self, *_: Any) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


@pytest.fixture
def clock_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of training takes one second, and all else none: 4 seconds an epoch."""
    real = worker.train_segment

    def timed(*arguments: Any, **options: Any) -> Any:
        backward, optimizer, steps, *others = arguments
        steps = list(steps)
        return replace(real(backward, optimizer, steps, *others, **options), seconds=float(len(steps)))

    monkeypatch.setattr(worker, "train_segment", timed)
    for module in (worker, prefixes):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.0))


def space(
    folder: Path,
    data: Path,
    model: Path,
    seconds: float,
    trials: int = 8,
    more: str = "",
    unit: str = "device_seconds",
) -> Space:
    path = folder / "cost.yaml"
    more = more or "sampler: random, pruner: none"
    path.write_text(
        SPACE.format(data=data, model=model, seconds=seconds, trials=trials, more=more, unit=unit)
    )
    return load_space(str(path), [], [])


def run(space: Space, results: Path, workers: int = 1, observer: Any = None) -> Records:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "cores", lambda: workers)
        return read_records(run_experiment(space, results, None, "cpu", observer or Nobody(), workers).folder)


def by_search(records: Records) -> dict[tuple[str, int], list[Trial]]:
    found: dict[tuple[str, int], list[Trial]] = {}
    for trial in sorted(records.trials, key=lambda t: t.draw):
        found.setdefault((trial.strategy, trial.replicate), []).append(trial)
    return found


def cost(trial: Trial) -> float:
    pieces = (*trial.segments, *trial.passes, *trial.rungs)
    return sum(piece.seconds for piece in pieces)


@pytest.mark.usefixtures("clock_of_steps")
@pytest.mark.parametrize(
    ("seconds", "trials", "short", "long"),
    [
        (20.0, 8, 5, 2),  # 5 x 4 reaches it; 16 does not, and the second one is finished
        (16.0, 3, 3, 1),  # the most, and reached to the second
    ],
)
def test_a_search_begins_trials_until_they_are_charged_the_budget(
    seconds: float, trials: int, short: int, long: int, tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    records = run(space(tmp_path, tiny_data, tiny_model, seconds, trials), tmp_path / "results")
    counts = Counter((t.strategy, t.replicate) for t in records.trials)
    assert counts == {(f"epochs={e}.0", r): n for e, n in ((1, short), (4, long)) for r in range(3)}
    assert (records.run.trials, records.run.device_seconds) == (trials, seconds)
    confirmed = Counter((c.strategy, c.replicate) for c in records.confirmations)
    assert confirmed == dict.fromkeys(counts, 1)


@pytest.mark.parametrize(
    "more", ["rungs: [32], sampler: tpe, startup_trials: 2", "sampler: random, pruner: none"]
)
def test_two_workers_on_a_real_clock_charge_pruned_and_repeated_trials_what_they_trained(
    more: str, tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    """Whatever the clock says: before its last trial a search was below the budget, and with it no more, or at the most."""
    records = run(space(tmp_path, tiny_data, tiny_model, 0.15, 6, more), tmp_path / "results", workers=2)
    found = by_search(records)
    assert len(found) == 6
    for own in found.values():
        assert [t.draw for t in own] == list(range(len(own)))
        paid = [sum(map(cost, own[: n + 1])) for n in range(len(own))]
        assert all(before < 0.15 for before in paid[:-1])
        assert paid[-1] >= 0.15 or len(own) == 6


def test_a_search_begins_trials_until_they_are_charged_so_many_examples(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    """A training of one epoch is charged 64, one of four 256; whatever the clock says, in money too."""
    pays_for_all = "sampler: random, pruner: none, price_per_hour: 1, money: 99"
    asked = space(tmp_path, tiny_data, tiny_model, 300, 4, pays_for_all, unit="examples")
    records = run(asked, tmp_path / "results")
    counts = Counter((t.strategy, t.replicate) for t in records.trials)
    assert counts == {(f"epochs={e}.0", r): n for e, n in ((1, 4), (4, 2)) for r in range(3)}
    assert (records.run.examples, records.run.device_seconds) == (300, 99 * 3600)
    assert len(records.confirmations) == len(counts)


@pytest.mark.usefixtures("clock_of_steps")
def test_money_ends_a_search_as_the_device_seconds_do_that_it_pays_for(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    more = "sampler: random, pruner: none, price_per_hour: 36"
    records = run(space(tmp_path, tiny_data, tiny_model, 0.2, 8, more, unit="money"), tmp_path / "results")
    assert records.run.device_seconds == pytest.approx(20.0)  # at 0.01 a second
    counts = Counter((t.strategy, t.replicate) for t in records.trials)
    assert counts == {(f"epochs={e}.0", r): n for e, n in ((1, 5), (4, 2)) for r in range(3)}


@pytest.mark.usefixtures("clock_of_steps")
def test_a_run_stopped_at_any_evaluation_goes_on_to_the_same_trials(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    asked = space(tmp_path, tiny_data, tiny_model, 20.0, more="rungs: [32], sampler: tpe, startup_trials: 2")
    whole = run(asked, tmp_path / "whole")
    assert len({len(own) for own in by_search(whole).values()}) > 1
    for evaluation in (1, 9, 20):
        with pytest.raises(KeyboardInterrupt):
            run(asked, tmp_path / "stopped", observer=Stops(evaluation))
    run(asked, tmp_path / "stopped")
    assert told(tmp_path / "stopped" / "cost") == told(tmp_path / "whole" / "cost")


def test_the_same_work_in_another_run_is_charged_and_so_counted_alike(
    tmp_path: Path, tiny_data: Path, tiny_model: Path
) -> None:
    asked = space(tmp_path, tiny_data, tiny_model, 0.15)
    first = run(asked, tmp_path / "results")
    named = asked.experiment.model_copy(update={"name": "again"})
    again = run(replace(asked, experiment=named), tmp_path / "results")
    assert again.trials == first.trials
