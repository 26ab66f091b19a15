"""A whole run by a metric that is minimised: every choice that it makes takes the lowest score for the best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection

from hpo.config.space import load_space
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.search import coordinator
from hpo.search.journal import journal_path
from hpo.tracking.progress import Names, StudyProgress
from tests.search.test_out_of_memory import unwritten
from tests.search.test_run import Nobody, run

SPACE = """\
question: Which learning rate, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32, metric: log_loss}}
model: {model}
parameters:
  learning_rate: {{low: 1.0e-4, high: 3.0e-1, log: true, default: 1.0e-3}}
  frozen_layers: 2
  batch_size: 16
  epochs: 2
budget: {{replicates: 1, trials: 10, rungs: [32, 64, 96], sampler: tpe, startup_trials: 3, pruner: successive_halving}}
confirmation: {{seeds: 1}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path) -> Iterator[Path]:
    threads, results = torch.get_num_threads(), tmp_path_factory.mktemp("minimised")
    path = results / "small.yaml"
    path.write_text(SPACE.format(data=tiny_data, model=tiny_model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(coordinator, "write_report", unwritten)
        run(load_space(str(path), [], []), results)
    yield results / "small"
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return read_records(folder)


def test_the_study_is_minimised_and_its_best_trial_is_the_selected_one(
    folder: Path, records: Records
) -> None:
    storage = JournalStorage(JournalFileBackend(str(journal_path(folder))))
    study = optuna.load_study(study_name="all/r0", storage=storage)
    assert study.direction == StudyDirection.MINIMIZE
    complete = [t for t in records.trials if t.state == "complete"]
    (confirmed,) = records.confirmations
    assert len(complete) > 1
    assert (
        study.best_value == confirmed.selected_score == min(t.score for t in complete if t.score is not None)
    )
    assert not records.run.metric.maximize


def test_the_best_rung_of_a_training_is_its_lowest(records: Records) -> None:
    for item in (*(t for t in records.trials if t.state == "complete"), *records.confirmations):
        assert item.best_rung is not None
        assert item.rungs[item.best_rung].score == min(rung.score for rung in item.rungs)


def test_the_half_of_higher_scores_is_pruned(records: Records) -> None:
    """Asynchronous successive halving (Li et al. 2020), of each trial beside those drawn before it."""
    stops = 0
    for trial in records.trials:
        for number, rung in enumerate(trial.rungs[:3]):
            earlier = [t for t in records.trials if t.draw < trial.draw and t.duplicate_of is None]
            rivals = [t.rungs[number].score for t in earlier if len(t.rungs) > number]
            better = sum(score < rung.score for score in rivals)
            stopped = trial.state == "pruned" and number == len(trial.rungs) - 1
            assert stopped is (better >= max(1, (len(rivals) + 1) // 2))
            stops += stopped
    assert 0 < stops < len(records.trials)


def test_the_best_so_far_falls(records: Records) -> None:
    progress = StudyProgress(Names(records.run.metric))
    for trial in records.trials:
        progress.add_trial(trial)
    best = [value for value in progress.best if value is not None]
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1] == min(t.score for t in records.trials if t.score is not None)
