"""A run that begins with an earlier one, on the tiny model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.config.experiment import WarmStart
from hpo.config.space import load_space
from hpo.records.files import read_records
from hpo.report.kit.methods import methods_tex
from hpo.report.sentences import verdict
from hpo.search import coordinator
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
