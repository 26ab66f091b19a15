"""A run that begins with an earlier one, on the tiny model."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.cli.main import execute
from hpo.config.experiment import WarmStart
from hpo.config.parameters import complete
from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.files import read_records, write_records, write_run
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.report.kit.methods import methods_tex
from hpo.report.sentences import verdict
from hpo.search import coordinator
from hpo.search.check import check_experiment
from hpo.search.coordinator import run_experiment
from hpo.search.storage import StudyStorage
from tests.search.test_run import Nobody

SPACE = """\
question: Which schedule?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, cosine]}}
parameters:
  learning_rate: {{low: 1e-4, high: 1e-2, log: true}}
  batch_size: 16
budget: {{replicates: 3, trials: 3, startup_trials: 1, pruner: none}}
"""


class Notes(Nobody):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_was_found_before_is_shown_to_the_sampler_and_is_no_trial(
    tmp_path: Path, tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    path = tmp_path / "before.yaml"
    path.write_text(SPACE.format(data=tiny_data, model=tiny_model))
    space = load_space(str(path), [], [])
    before = read_records(run_experiment(space, tmp_path, None, "cpu", Nobody(), 1).folder)
    asked = space.experiment.model_copy(
        update={"name": "now", "warm_start": WarmStart(runs=("before",), first_draws=1)}
    )
    heard = Notes()
    now = read_records(
        run_experiment(replace(space, experiment=asked), tmp_path, None, "cpu", heard, 1).folder
    )
    assert "warm start from before: 3 observations and 1 first draw of each search" in heard.notes
    assert set(Counter((t.strategy, t.replicate) for t in now.trials).values()) == {3}
    for strategy in ("linear", "cosine"):
        assert len(StudyStorage(tmp_path / "now").study(strategy, 0)) == 3
    for replicate in range(3):
        known = {t.parameters["learning_rate"] for t in before.trials if t.replicate == replicate and t.draw}
        first = {
            t.parameters["learning_rate"] for t in now.trials if t.replicate == replicate and t.draw == 1
        }
        assert len(first) == 1
        assert first <= known
    methods = methods_tex(now, verdict(now), ())
    assert "Each search began with the validation scores of 3 complete trials as observations" in methods
    assert "The test split had been scored there" in methods


BEGINS = SPACE + "from: {{runs: before, first_draws: {first}}}\n"


def earlier_trials(rates: tuple[float, ...]) -> tuple[Trial, ...]:
    """A search of each strategy in each of three replicates, with a draw for each rate."""
    return tuple(
        Trial(
            strategy=strategy,
            replicate=replicate,
            draw=draw,
            parameters=dict(complete({"schedule": strategy, "batch_size": 16, "learning_rate": rate})),
            state="complete",
            reason="-",
            score=0.5 + rate,
        )
        for strategy in ("linear", "cosine")
        for replicate in range(3)
        for draw, rate in enumerate(rates)
    )


def test_a_check_opens_the_earlier_run_and_refuses_what_a_run_refuses(
    tmp_path: Path,
    tiny_data: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    monkeypatch.setenv("COLUMNS", "150")
    results, path = tmp_path / "results", tmp_path / "now.yaml"

    def ask(first: int) -> Space:
        path.write_text(BEGINS.format(data=tiny_data, model=tiny_model, first=first))
        return load_space(str(path), [], [])

    def check() -> int:
        return execute(
            ["check", "--space", str(path), "--results", str(results), "--no-probe", "--device", "cpu"]
        )

    def refused(first: int = 1) -> str:
        space = ask(first)
        assert check() == 2
        told = capsys.readouterr().err
        with pytest.raises(UserError) as caught:
            run_experiment(space, results, None, "cpu", Nobody(), 1)
        assert told.startswith(f"error: {caught.value.message}\nhint: {caught.value.hint}")
        shutil.rmtree(results / "now")
        return told

    assert f"now.yaml:9:1: there is no run before in {results}" in refused()
    asked = replace(ask(1), experiment=ask(1).experiment.model_copy(update={"warm_start": None}))
    head = check_experiment(asked, results, "cpu", probe=False).head
    before = results / "before"
    write_records(before, Records(run=head, trials=earlier_trials((1e-3, 2e-3)), confirmations=()))
    ask(1)
    monkeypatch.setattr(logging.getLogger("optuna"), "level", logging.INFO)
    assert check() == 0
    assert not logging.getLogger("optuna").isEnabledFor(logging.INFO), (
        "it would tell of each study made in memory"
    )
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "begins with before: 2 observations and 1 first draw of each search" in lines
    assert not (results / "now").exists()
    write_run(before, head.model_copy(update={"metric": Metric(name="macro F1")}))
    assert "before has other metric: macro F1, here accuracy" in refused()
    write_records(before, Records(run=head, trials=earlier_trials((1e-6,)), confirmations=()))
    assert "the earlier runs have 0 good configurations" in refused()
    assert "nothing of before can be taken up" in refused(first=0)
    (before / "records" / "trials.jsonl").write_text('{"strategy": "linear"')
    assert f"{before}/records/trials.jsonl, line 1: " in refused()
