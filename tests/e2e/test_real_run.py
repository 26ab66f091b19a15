"""The whole way on the real encoder and real labels, in small, through the real command and the real stores."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import mlflow
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hpo.assets.fetch import fetch
from hpo.config.experiment import DataSource, Experiment
from hpo.config.space import shipped_spaces
from hpo.data.corpus import load_corpus
from hpo.data.task_data import load_task
from hpo.records.files import read_records
from hpo.records.origin import read_origin
from hpo.records.run import Records
from hpo.search.journal import journal_path
from tests.e2e.conftest import Ran
from tests.e2e.runs import CANARY, environment, hpo, tree


@pytest.fixture(scope="module")
def ran(small_run: Callable[[str], Ran]) -> Ran:
    return small_run("lr_schedules")


@pytest.fixture(scope="module")
def records(ran: Ran) -> Records:
    return read_records(ran.folder)


def test_every_strategy_had_an_equal_budget_and_paired_draws(records: Records) -> None:
    drawn = {s: [t for t in records.trials if t.strategy == s] for s in records.run.strategies}
    assert {s: len(t) for s, t in drawn.items()} == dict.fromkeys(records.run.strategies, 4)
    defaults = [t.parameters["learning_rate"] for t in records.trials if t.draw == 0]
    assert defaults == [3e-4] * 10
    assert [t.seed for t in drawn["linear"]] == [t.seed for t in drawn["inverse_sqrt"]]
    assert len({t.seed for t in drawn["linear"]}) == 2  # one a replicate: its trials share their trunks


def test_each_study_was_confirmed_with_a_fresh_seed_item_by_item(records: Records) -> None:
    chosen = [c for c in records.confirmations if c.role == "strategy"]
    assert len(chosen) == 10
    assert {c.seed for c in records.confirmations}.isdisjoint({t.seed for t in records.trials})
    for c in chosen:
        assert len(c.test_correct) == len(c.test_predictions) == 100
        assert c.test_score == pytest.approx(sum(c.test_correct) / 100)
        study = [t for t in records.trials if (t.strategy, t.replicate) == (c.strategy, c.replicate)]
        assert c.selected_score == max(t.score for t in study if t.score is not None)
        assert all(len(t.rungs) < 3 for t in study if t.state == "pruned")
    assert sum(c.role == "baseline" for c in records.confirmations) == 2


def test_optunas_client_reads_the_studies(ran: Ran, records: Records) -> None:
    storage = JournalStorage(JournalFileBackend(str(journal_path(ran.folder))))
    study = optuna.load_study(study_name="linear/r1", storage=storage)
    ours = [t for t in records.trials if (t.strategy, t.replicate) == ("linear", 1)]
    assert [t.state.name.lower() for t in study.trials] == [t.state for t in ours]
    assert study.best_value == max(t.score for t in ours if t.score is not None)
    assert [t.params["learning_rate"] for t in study.trials] == [t.parameters["learning_rate"] for t in ours]


def test_mlflows_client_reads_the_runs(ran: Ran, records: Records) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{ran.cwd / 'results' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(ran.name)
    assert experiment is not None
    runs = {
        r.data.tags["hpo.key"]: r for r in client.search_runs([experiment.experiment_id], max_results=1000)
    }
    trial = runs["trial/linear/r0/d0"]
    history = client.get_metric_history(trial.info.run_id, "validation/accuracy")
    ours = next(t for t in records.trials if (t.strategy, t.replicate, t.draw) == ("linear", 0, 0))
    assert [(m.step, m.value) for m in history] == [(r.examples, r.score) for r in ours.rungs]
    assert trial.data.params["learning_rate"] == "0.0003"
    assert {r.info.status for r in runs.values()} <= {"FINISHED", "KILLED"}
    parents = {r.info.run_id: key for key, r in runs.items()}
    assert parents[trial.data.tags["mlflow.parentRunId"]] == "study/linear/r0"
    comparison = runs["comparison"].info.run_id
    assert {"report.html", "space.yaml", "verdict.md"} <= {f.path for f in client.list_artifacts(comparison)}


def test_the_end_of_the_output_is_the_verdict_the_report_and_the_next_command(ran: Ran) -> None:
    lines = ran.printed.strip().splitlines()
    assert "Inconclusive: 2 searches a strategy allow no verdict" in (ran.folder / "verdict.md").read_text()
    assert "report: results/lr_schedules-small/report.html" in lines
    assert lines[-1] == "next: hpo ui --space lr_schedules-small"


def test_the_report_is_rebuilt_from_the_records_to_the_byte(ran: Ran) -> None:
    folder = ran.folder
    before = tree(folder)
    (folder / "report.html").unlink()
    done = hpo("report", ran.name, cwd=ran.cwd)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("where the figures lie with the comparison\n")
    after = tree(folder)
    listings = {"manifest.json", "report.sha256"}  # they name the figures, too, which only `hpo report` draws
    assert any(name.startswith("figures/") for name in after)
    assert {n: d for n, d in after.items() if not n.startswith("figures/") and n not in listings} == {
        name: data for name, data in before.items() if name not in listings
    }
    with (folder / "tables" / "trials.csv").open() as file:
        assert len(list(csv.reader(file))) == 1 + 20


def test_no_raw_text_of_the_data_is_in_anything_that_the_run_wrote(ran: Ran) -> None:
    texts = [t for t in load_corpus(DataSource(asset="movie")).texts if len(t) > 40]
    # States and hidden values are left out: a GB of nothing but numbers.
    files = {
        name: data for name, data in tree(ran.cwd / "results").items() if not name.endswith(".safetensors")
    }
    assert any(name.startswith(".store/segments/") for name in files)
    written = b"\0".join(files.values()) + ran.printed.encode()
    assert len(texts) > 5000
    assert not [t for t in texts if t.encode() in written]


def test_no_variable_of_the_environment_is_in_anything_that_the_run_wrote(ran: Ran) -> None:
    files = {
        name: data for name, data in tree(ran.cwd / "results").items() if not name.endswith(".safetensors")
    }
    assert CANARY in environment().values()
    assert [name for name, data in files.items() if CANARY.encode() in data] == []
    assert CANARY not in ran.printed


def test_every_file_that_a_run_wrote_is_its_owners(ran: Ran) -> None:
    """Whatever the umask of these tests: records, journal, report, MLflow, store."""
    written = list((ran.cwd / "results").rglob("*"))
    assert {"run.json", "optuna-journal.log", "report.html", "mlflow.db"} <= {path.name for path in written}
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_status_says_that_the_run_is_finished(ran: Ran) -> None:
    done = hpo("status", ran.name, cwd=ran.cwd)
    assert done.returncode == 0, done.stderr
    assert "20" in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("next: hpo")


def test_check_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    fetch("movie")
    done = hpo("check", "--space", "lr_schedules.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    strategies = "constant, linear, cosine, inverse_sqrt, wsd"
    printed = " ".join(done.stdout.split())
    parts = (
        strategies,
        "25 studies of 4 trials, 100 in all",
        "25 trainings with fresh seeds",
        "memory",
        "disk",
        "time",
    )
    for part in parts:
        assert part in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_shipped_space_is_right(name: str, tmp_path: Path) -> None:
    done = hpo("check", "--space", name, "--no-probe", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_strategys_best_training_is_exported_with_the_logits_that_it_was_tested_with(
    ran: Ran, records: Records, tmp_path: Path
) -> None:
    done = hpo("export", ran.name, "--strategy", "linear", "--to", str(tmp_path / "model"), cwd=ran.cwd)
    assert done.returncode == 0, done.stderr
    origin = read_origin(tmp_path / "model")
    assert origin.difference < 2e-6
    c = next(
        c
        for c in records.confirmations
        if (c.strategy, c.replicate, c.index) == ("linear", origin.replicate, origin.index)
    )
    task = load_task(Experiment.model_validate(records.run.experiment).task, records.run.seed or 0)
    with (tmp_path / "test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text",), *((text,) for text in task.test.texts)])
    done = hpo("predict", str(tmp_path / "model"), "test.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [row["label"] for row in csv.DictReader(done.stdout.splitlines())]
    assert c.test_predictions is not None
    assert found == [task.label_names[number] for number in c.test_predictions]
    assert not [text for text in task.test.texts if len(text) > 40 and str(text) in done.stdout]
