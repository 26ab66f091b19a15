"""Strategies that can no longer change the comparison make no further draws; what they selected is confirmed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hpo.config.experiment import Budget, Experiment
from hpo.config.space import Space, load_space
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.search import EarlyStop
from hpo.records.trainings import Trial
from hpo.report.kit.methods import methods_tex
from hpo.report.sentences import verdict
from hpo.report.sizes import sizes_of
from hpo.search import coordinator, endings
from hpo.search.coordinator import run_experiment
from hpo.search.endings import early_stop
from tests.cli.cli_events import experiment, trial
from tests.search.test_run import Nobody, told

SPACE = """\
question: How long?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: epochs, values: [1, 2]}}
parameters:
  learning_rate: {{low: 1e-3, high: 1e-2, log: true}}
  batch_size: 16
budget: {{replicates: 3, trials: 5, stop_decided: true, sampler: random, pruner: none}}
"""


class Stops(Nobody):
    """Stops the run when it is told who goes on: that is written, and no draw after it has begun."""

    def note(self, text: str) -> None:
        if text.startswith("after 3 draws of each search"):
            raise KeyboardInterrupt


def run(space: Space, results: Path, observer: Any = None) -> Records:
    return read_records(run_experiment(space, results, None, "cpu", observer or Nobody(), 1).folder)


def test_a_strategy_that_is_decided_stops_after_half_and_is_confirmed(
    tmp_path: Path, tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def second(scores: Any, further: int, margin: float, kept: Any, alpha: float) -> tuple[int, ...]:
        asked.append((scores.shape, further, margin, kept, alpha))
        return (1,)

    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    monkeypatch.setattr(endings, "decided", second)
    path = tmp_path / "early.yaml"
    path.write_text(SPACE.format(data=tiny_data, model=tiny_model))
    space = load_space(str(path), [], [])
    records = run(space, tmp_path / "whole")
    assert asked == [((2, 3, 3), 2, 0.005, (), 0.025)]
    counts = Counter((t.strategy, t.replicate) for t in records.trials)
    assert counts == {(f"epochs={e}.0", r): n for e, n in ((1, 5), (2, 3)) for r in range(3)}
    assert records.run.early_stop == EarlyStop(after=3, strategies=("epochs=2.0",))
    assert len(records.confirmations) == 6
    judged = verdict(records)
    assert judged.analysis.finished
    assert sizes_of(records).trials == (3, 5)
    assert any(
        s.startswith("epochs=2.0 stopped early, after 3 of 5 trials a search") for s in judged.sentences
    )
    assert "Of the strategies, so did epochs=2.0; pairs" in methods_tex(records, judged, ())
    with pytest.raises(KeyboardInterrupt):
        run(space, tmp_path / "stopped", Stops())
    monkeypatch.setattr(endings, "decided", lambda *_: ())  # it was decided, and is not again
    run(space, tmp_path / "stopped")
    assert told(tmp_path / "stopped" / "early") == told(tmp_path / "whole" / "early")


def asked(**changes: Any) -> Experiment:
    whole = experiment("linear", "cosine", replicates=3, trials=8)
    budget = Budget(replicates=3, trials=8, stop_decided=True)
    return whole.model_copy(update={"budget": budget, **changes})


def records(cosine: float, lost: tuple[str, int, int] | None = None) -> dict[tuple[str, int, int], Trial]:
    found = {}
    for strategy, level in (("linear", 0.8), ("cosine", cosine)):
        for replicate in range(3):
            for draw in range(4):
                made = trial(strategy, replicate, draw, level + 0.001 * replicate + 0.001 * draw)
                found[strategy, replicate, draw] = made
    if lost is not None:
        found[lost] = trial(*lost, None)
    return found


def test_a_strategy_far_below_stops_unless_it_is_the_reference() -> None:
    """The best of 4 draws 0.001 apart is 4/6 of that above the mean best of 2; twice that may come; the margin is 0.005."""
    assert early_stop(asked(), records(0.5), 4) == EarlyStop(after=4, strategies=("cosine",))
    assert early_stop(asked(), records(0.8 - 0.005 - 0.0014), 4).strategies == ("cosine",)
    assert early_stop(asked(), records(0.8 - 0.005 - 0.0013), 4).strategies == ()
    reference = asked().compare.model_copy(update={"reference": "cosine"})  # type: ignore[union-attr]
    assert early_stop(asked(compare=reference), records(0.5), 4).strategies == ()


def test_where_lower_is_better_the_higher_stops() -> None:
    loss = asked().task.model_copy(update={"metric": "log_loss"})
    reference = asked().compare.model_copy(update={"reference": "cosine"})  # type: ignore[union-attr]
    assert early_stop(asked(task=loss, compare=reference), records(0.5), 4).strategies == ("linear",)


def test_a_pruned_trial_counts_as_the_worst_and_a_search_without_a_complete_one_stops_nobody() -> None:
    assert early_stop(asked(), records(0.5, ("linear", 1, 3)), 4).strategies == ("cosine",)
    found = records(0.5)
    found |= {("cosine", 0, draw): trial("cosine", 0, draw, None) for draw in range(4)}
    assert early_stop(asked(), found, 4).strategies == ()
