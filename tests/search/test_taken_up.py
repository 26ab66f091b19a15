"""A run taken up again: its studies in PostgreSQL were left between two changes or lost, or MLflow missed its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from hpo.config.space import Space, load_space
from hpo.errors import UserError
from hpo.records.files import is_finished
from hpo.runtime import engine
from hpo.search import coordinator
from hpo.search.coordinator import Outcome, run_experiment
from hpo.search.journal import journal_path
from tests.e2e.runs import facts
from tests.postgres import Postgres
from tests.search.nobody import Nobody

SPACE = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant], reference: linear}}
parameters:
  learning_rate: {{low: 1e-4, high: 1e-2, log: true}}
  frozen_layers: {{choices: [2, 3]}}
  batch_size: 16
  epochs: 2
baseline: {{optimizer: adam, learning_rate: 2e-5, schedule: constant, epochs: 2}}
budget: {{replicates: 1, trials: 5, rungs: [32, 64], sampler: tpe, startup_trials: 2, pruner: successive_halving}}
confirmation: {{seeds: 5}}
"""
CHANGES = ("create_new_study", "_create_new_trial", "set_trial_intermediate_value", "set_trial_state_values")


class KilledError(BaseException):
    """In place of a kill: nothing catches it."""


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """Without MLflow, in this process, by one thread."""
    import torch

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: 1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path, tiny_model: Path) -> Space:
    path = tmp_path_factory.mktemp("space") / "undisturbed.yaml"
    path.write_text(SPACE.format(data=tiny_data, model=tiny_model))
    return load_space(str(path), [], [])


@pytest.fixture(scope="module")
def results(space: Space, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the undisturbed run, its studies in its journal; what others of its space train is in the store."""
    folder = tmp_path_factory.mktemp("results")
    assert run(space, folder, "undisturbed", None).trained > 0
    return folder


def run(space: Space, results: Path, name: str, url: str | None, observer: Any = None) -> Outcome:
    named = replace(space, experiment=space.experiment.model_copy(update={"name": name}))
    return run_experiment(named, results, None, "cpu", observer or Nobody(), workers=1, storage=url)


def studies(storage: Any, prefix: str = "") -> Any:
    """By name: state, scores, and what was drawn, of each trial."""
    return {
        study.study_name.removeprefix(prefix): [
            (t.state, t.values, t.intermediate_values, t.params, t.user_attrs)
            for t in storage.get_all_trials(study._study_id)
        ]
        for study in storage.get_all_studies()
    }


def check_equal(results: Path, name: str, url: str) -> None:
    for kind in ("trials", "confirmations"):
        assert facts(results / name)[kind] == facts(results / "undisturbed")[kind]
    journal = JournalStorage(JournalFileBackend(str(journal_path(results / "undisturbed"))))
    database = RDBStorage(url)
    prefix = (results / name / "run-id").read_text().strip() + "/"
    assert studies(database, prefix) == studies(journal)
    database.engine.dispose()


def test_a_run_killed_before_and_after_changes_of_its_database_ends_as_one_never_killed(
    space: Space, results: Path, postgres: Postgres
) -> None:
    url = postgres.make("killed")
    kills = 0
    while not is_finished(results / "killed"):
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, at=3 + 2 * kills, after=kills % 2 == 1)
            try:
                assert run(space, results, "killed", url).trained == 0
            except KilledError:
                kills += 1
    assert kills >= 6
    check_equal(results, "killed", url)


def killing(patch: pytest.MonkeyPatch, at: int, after: bool) -> None:
    """Let this process be killed at its change number ``at``, before it is made or after."""
    changes = count(1)

    def deadly(method: str) -> None:
        original = getattr(RDBStorage, method)

        def change(*args: Any, **kwargs: Any) -> Any:
            now = next(changes) == at
            if now and not after:
                raise KilledError
            found = original(*args, **kwargs)
            if now:
                raise KilledError
            return found

        patch.setattr(RDBStorage, method, change)

    for method in CHANGES:
        deadly(method)


def test_a_run_whose_database_crashes_and_comes_back_goes_on_as_if_it_had_not(
    space: Space, results: Path, postgres: Postgres
) -> None:
    url = postgres.make("restarted")

    class Restarts(Nobody):
        rungs = 0
        notes: list[str] = []  # noqa: RUF012 - of the one there is

        def rung(self, *_: Any) -> None:
            self.rungs += 1
            if self.rungs in (3, 12):
                postgres.down(signal.SIGQUIT)
                threading.Timer(1.0, postgres.up).start()

        def note(self, text: str) -> None:
            self.notes.append(text)

    restarts = Restarts()
    run(space, results, "restarted", url, restarts)
    assert restarts.rungs >= 12
    told = [text.rpartition(" ")[2] for text in restarts.notes if "the database" in text]
    assert told == ["minutes", "back"] * 2
    check_equal(results, "restarted", url)


def test_studies_of_a_lost_database_are_made_again_from_the_records(
    space: Space, results: Path, postgres: Postgres
) -> None:
    url = postgres.make("lost")
    with pytest.MonkeyPatch.context() as patch:
        killing(patch, at=40, after=True)
        with pytest.raises(KilledError):
            run(space, results, "lost", url)
    postgres.execute("drop schema public cascade; create schema public", "lost")
    assert run(space, results, "lost", url).trained == 0
    check_equal(results, "lost", url)


def test_a_run_goes_on_only_where_its_studies_are(space: Space, results: Path, postgres: Postgres) -> None:
    url = postgres.make("elsewhere")
    (results / "undisturbed" / "records" / "finished").rename(results / "set-aside")
    with pytest.raises(UserError) as caught:
        run(space, results, "undisturbed", url)
    (results / "set-aside").rename(results / "undisturbed" / "records" / "finished")
    assert "was begun with its studies in its journal file" in caught.value.message
    assert run(space, results, "undisturbed", None).trained == 0


def test_a_run_whose_end_mlflow_was_not_told_is_whole_and_the_same_command_tells_it(
    space: Space, results: Path
) -> None:
    told: list[str] = []

    class Mirror(Nobody):
        def trial(self, *_: Any) -> None:
            told.append("trial")

        def finish(self, *_: Any) -> None:
            told.append("finish")
            if told.count("finish") == 1:
                raise UserError("MLflow is away", "Give the same command again.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Mirror)
        with pytest.raises(UserError):
            run(space, results, "untold", None)
        before = facts(results / "untold")
        assert (results / "untold" / "report.html").is_file()
        assert before["trials"] == facts(results / "undisturbed")["trials"]
        assert run(space, results, "untold", None).trained == 0
    assert told == [*["trial"] * 10, "finish"] * 2
    assert facts(results / "untold") == before
    assert is_finished(results / "untold")
