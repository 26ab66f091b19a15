from __future__ import annotations

from pathlib import Path

import pytest

from hpo.cli.main import execute
from hpo.records.description import TABLES
from hpo.records.files import read_records

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
TABLE = "method,seed,test_accuracy\nlinear,0,81.5\nlinear,1,82.5\ncosine,0,83\ncosine,1,84\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def run(capsys: pytest.CaptureFixture, *arguments: str) -> list[str]:
    assert execute(list(arguments)) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_an_import_says_what_it_took_for_what(capsys: pytest.CaptureFixture) -> None:
    Path("table.csv").write_text(TABLE)
    lines = run(capsys, "import", "table.csv", "--percent", "--reference", "linear")
    assert lines == [
        "CSV (table.csv): 4 trainings: 4 complete",
        "strategy: column method: linear, cosine",
        "metric: accuracy, higher is better, a share of 1",
        "seed: column seed",
        "test score: column test_accuracy",
        "parameters: none",
        "not recorded: validation score",
        "taken by their usual names: strategy, seed, test score",
        "whether high or low scores are better: not said; high ones are taken as better",
        "records: results/table",
        "next: hpo report results/table",
    ]
    made = read_records(Path("results/table"))
    assert made.run.notes == tuple(lines[:-2])
    assert made.run.reference == "linear"
    assert [c.test_score for c in made.confirmations] == pytest.approx([0.815, 0.825, 0.83, 0.84])


def test_every_option_reaches_the_records(capsys: pytest.CaptureFixture) -> None:
    Path("t.csv").write_text(
        "m,d,rep,s,tr,ep,c,st,lr,v,t,p\na,x,1,5,0,1,2.5,ok,0.1,3,4,search\na,x,1,5,0,2,3.5,ok,0.1,2,3,search\n"
    )
    names = ("strategy", "task", "replicate", "seed", "trial", "rung", "cost", "state", "parameter", "score")
    options = [
        word
        for name, column in zip(names, ["m", "d", "rep", "s", "tr", "ep", "c", "st", "lr", "v"], strict=True)
        for word in (f"--{name}", column)
    ]
    more = [
        "--test-score",
        "t",
        "--phase",
        "p",
        "--metric",
        "loss",
        "--minimize",
        "--no-share",
        "--independent",
        "--paired",
    ]
    last = ["--question", "Which?", "--name", "mine", "--results", "out", "--format", "csv"]
    assert run(capsys, "import", "t.csv", *options, *more, *last)[-1] == "next: hpo report out/mine"
    made = read_records(Path("out/mine"))
    (trial,) = made.trials
    assert (trial.strategy, trial.seed, trial.parameters, trial.score, trial.charged) == (
        "a",
        5,
        {"lr": 0.1},
        2.0,
        3.5,
    )
    assert [(r.examples, r.score) for r in trial.rungs] == [(1, 3.0), (2, 2.0)]
    (confirmation,) = made.confirmations
    assert confirmation.test_score == 3.0
    run_ = made.run
    assert (run_.task, run_.question, run_.name, run_.resource) == ("x", "Which?", "mine", "ep")
    assert (run_.metric.name, run_.metric.maximize, run_.metric.share) == ("loss", False, False)
    assert (run_.search.independent, run_.search.shared_draws) == (True, True)


def test_several_tasks_become_runs_below_one_folder(capsys: pytest.CaptureFixture) -> None:
    rows = "".join(f"{s},task {t},{t}\n" for s in "ab" for t in range(12))
    Path("t.csv").write_text("strategy,task,test_score\n" + rows)
    lines = run(capsys, "import", "t.csv")
    assert "task: column task" in lines
    assert lines[-2:] == ["... and 2 tasks more", "next: hpo report results/t"]
    assert len(list(Path("results/t").glob("*/records/run.json"))) == 12


def test_a_fault_is_an_error_with_a_hint_and_writes_nothing(capsys: pytest.CaptureFixture) -> None:
    Path("table.csv").write_text(TABLE.replace("84", "n/a"))
    assert execute(["import", "table.csv"]) == 2
    assert capsys.readouterr().err == (
        "error: table.csv, line 5: 'test_accuracy': found 'n/a'; a number is required\n"
        "hint: Correct it, or leave it empty where nothing was measured.\n"
    )
    assert execute(["import", "missing.csv"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no file or folder missing.csv\nhint: ")
    assert execute(["import", "table.csv", "--name", "a/b"]) == 2
    assert "--name 'a/b': found a path" in capsys.readouterr().err
    assert execute(["import", "table.csv", "--name", ".."]) == 2
    assert "--name '..': found a path" in capsys.readouterr().err
    assert execute(["import", "table.csv", "--name", ""]) == 2
    assert "--name '': found nothing; a name is required" in capsys.readouterr().err
    assert execute(["import", "sqlite:///typo.db", "--format", "optuna"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no file typo.db\nhint: ")
    assert not Path("typo.db").exists()
    assert execute(["import", "table.csv", "--format", "tsv"]) == 2
    assert "'tsv' is not one of" in capsys.readouterr().err
    assert not Path("results").exists()


def test_an_export_is_imported_again(capsys: pytest.CaptureFixture) -> None:
    lines = run(capsys, "export-records", str(EXAMPLE), "--to", "data")
    assert lines[0].startswith(
        "tables: data: runs, space, trials, confirmations, parameters, rungs, items, costs"
    )
    assert lines[1:] == ["columns: data/schema.json", f"next: hpo report {EXAMPLE}"]
    assert run(capsys, "import", "data") == [
        "exported records: 100 trials, 30 confirmations",
        "records: results/lr_schedules",
        "next: hpo report results/lr_schedules",
    ]
    assert read_records(Path("results/lr_schedules")) == read_records(EXAMPLE)


def test_an_export_goes_beside_the_records_by_default(capsys: pytest.CaptureFixture) -> None:
    Path("table.csv").write_text(TABLE)
    run(capsys, "import", "table.csv")
    run(capsys, "export-records", "table")
    assert sorted(p.suffix for p in Path("results/table/data").iterdir()).count(".parquet") == len(TABLES)


def test_no_pruning_makes_every_training_with_a_score_complete(capsys: pytest.CaptureFixture) -> None:
    rows = [f"a,{trial},{epoch},0.{epoch}" for trial, epochs in ((0, 3), (1, 2)) for epoch in range(epochs)]
    Path("t.csv").write_text("\n".join(["strategy,trial,epoch,val_score", *rows, ""]))
    assert "1 ended before the longest of their task: taken as pruned" in run(capsys, "import", "t.csv")
    lines = run(capsys, "import", "t.csv", "--no-pruning")
    assert "no training is taken as pruned for how far it came, as --no-pruning says" in lines
    made = read_records(Path("results/t"))
    assert [(t.state, t.score) for t in made.trials] == [("complete", 0.2), ("complete", 0.1)]
