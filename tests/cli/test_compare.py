from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from hpo.cli.main import execute
from hpo.cli.runs import find_runs, folder_of_runs
from hpo.errors import UserError
from hpo.records.files import read_records, write_records
from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.trainings import Confirmation

NAMES = ("linear", "cosine", "wsd")
SCORES = {
    "reviews": ((0.70, 0.90, 0.80), (0.71, 0.91, 0.80), (0.70, 0.90, 0.81), (0.72, 0.90, 0.80)),
    "news": ((0.60, 0.55, 0.80), (0.61, 0.55, 0.80), (0.60, 0.56, 0.81), (0.60, 0.55, 0.79)),
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def store(
    folder: str,
    scores: Sequence[Sequence[float]],
    *,
    names: Sequence[str] = NAMES,
    reference: str | None = None,
    task: str = "",
) -> None:
    """A run with a row of ``scores`` for each search, a score for each strategy."""
    run = Run(
        name=Path(folder).name,
        question="Which schedule?",
        task=task or Path(folder).name,
        strategies=tuple(names),
        reference=reference,
        replicates=len(scores),
        trials=0,
        seeds=1,
        metric=Metric(),
        search=Search(shared_draws=True),
        space=(),
    )
    confirmations = tuple(
        Confirmation(
            role="strategy",
            strategy=name,
            replicate=replicate,
            index=0,
            parameters={},
            test_score=row[column],
        )
        for column, name in enumerate(names)
        for replicate, row in enumerate(scores)
    )
    write_records(Path("results") / folder, Records(run=run, trials=(), confirmations=confirmations))


@pytest.fixture
def schedules() -> None:
    for task, scores in SCORES.items():
        store(f"schedules/{task}", scores)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_strategies_stand_by_runs_with_interval_outcome_and_ranks(schedules: None, capsys) -> None:
    assert execute(["compare", "schedules"]) == 0
    lines = lines_of(capsys)
    assert lines[0].split() == ["strategy", "news", "reviews", "mean", "rank"]
    cosine = next(i for i, line in enumerate(lines) if line.startswith("cosine"))
    # Student's interval of 0.55, 0.55, 0.56 and 0.55; mean ranks of 3 and 1.
    assert lines[cosine].split() == [
        "cosine",
        "55.2",
        "%",
        "[54.5,",
        "56.0]",
        "90.2",
        "%",
        "[89.5,",
        "91.0]",
        "2.00",
    ]
    assert lines[cosine + 1].split() == ["relevantly", "worse", "best"]
    assert lines[cosine + 2].split() == ["rank", "3", "rank", "1"]
    assert any(line.startswith("Inconclusive over 2 tasks (news and reviews)") for line in lines)


def test_outcomes_are_against_the_reference_where_a_run_has_one(capsys) -> None:
    store("reviews", SCORES["reviews"], reference="linear")
    assert execute(["compare", "reviews"]) == 0
    lines = lines_of(capsys)
    second = [line.strip() for line in lines[2:10:3]]
    assert second == ["reference", "best, relevantly better", "relevantly better"]
    assert "outcome against the reference of the run" in " ".join(lines)


def test_one_run_is_told_in_its_own_verdict(capsys) -> None:
    store("reviews", SCORES["reviews"])
    assert execute(["compare", "reviews"]) == 0
    lines = lines_of(capsys)
    assert "mean rank" not in lines[0]
    assert any(line.startswith("At this tuning budget") for line in lines)


def test_a_line_is_never_wider_than_the_terminal_and_no_run_is_lost(monkeypatch, capsys) -> None:
    for i in range(5):
        store(f"many/a_task_with_a_rather_long_name_{i}", SCORES["news"])
    for width in (40, 60, 100, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        assert execute(["compare", "many"]) == 0
        lines = lines_of(capsys)
        assert max(map(len, lines)) <= width
        heads = [line for line in lines if line.startswith("strategy")]
        assert sum(line.count("a_task") for line in heads) == 5
        assert sum("mean rank" in line for line in heads) == 1
        assert "mean rank" in heads[-1]
    assert len(heads) == 1


def test_a_strategy_that_a_run_lacks_has_an_empty_cell_and_no_mean_rank(capsys) -> None:
    store("reviews", SCORES["reviews"])
    store("news", [row[1:] for row in SCORES["news"]], names=NAMES[1:])
    assert execute(["compare", "reviews", "news"]) == 0
    row = next(line for line in lines_of(capsys) if line.startswith("linear"))
    assert row.split()[-2:] == ["-", "-"]


def test_runs_without_common_strategies_are_shown_and_not_ranked(capsys) -> None:
    store("reviews", SCORES["reviews"])
    store("news", SCORES["news"], names=("a", "b", "c"))
    assert execute(["compare", "reviews", "news"]) == 0
    out = capsys.readouterr().out
    assert "Not compared together: the runs share 0 strategies by name" in out.replace("\n", " ")
    assert "mean rank" not in out


def test_an_unfinished_run_shows_no_outcome(capsys) -> None:
    store("reviews", SCORES["reviews"])
    records = read_records(Path("results/reviews"))
    write_records(
        Path("results/part"), records.model_copy(update={"confirmations": records.confirmations[:-1]})
    )
    assert execute(["compare", "part"]) == 0
    lines = lines_of(capsys)
    assert [line.strip() for line in lines if line.strip() == "unfinished"] == ["unfinished"] * 3
    assert not any("rank" in line for line in lines[:8])


def test_a_name_is_printed_as_text(capsys) -> None:
    names = ("[red]a[/red]", "b\x1b[31m", "c")
    store("reviews", SCORES["reviews"], names=names, task="[bold]t\x1b[0m")
    assert execute(["compare", "reviews"]) == 0
    out = capsys.readouterr().out
    assert "[red]a[/red]" in out
    assert "[bold]t" in out
    assert "\x1b" not in out


def test_a_pipe_gets_no_colours(schedules: None) -> None:
    code = "import sys; from hpo.cli.main import execute; sys.exit(execute(['compare', 'schedules']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert "cosine" in done.stdout


def test_on_a_terminal_the_best_is_bold(schedules: None) -> None:
    from hpo.cli.comparison import comparison_tables
    from hpo.report.across import judge

    runs = judge([read_records(folder) for folder in find_runs(["schedules"])])
    console = Console(force_terminal=True, width=80, color_system="standard")
    with console.capture() as captured:
        for table in comparison_tables(runs, {}, 80):
            console.print(table)
    assert "\x1b[1m80.0 % " in captured.get()


def test_several_runs_are_reported_together_and_their_own_reports_left_alone(schedules: None, capsys) -> None:
    assert execute(["report", "schedules"]) == 0
    lines = lines_of(capsys)
    assert lines[-4:] == [
        "report across runs: results/schedules/report.html",
        "tables: results/schedules/tables, figures: results/schedules/figures, data: results/schedules/data",
        "for a paper: results/schedules/methods.tex, references.bib, manifest.json",
        "next: hpo report results/schedules/news, for the report of that run alone",
    ]
    assert list(Path("results").rglob("report.html")) == [Path("results/schedules/report.html")]
    assert list(Path("results/schedules/figures").glob("*.pdf"))
    command = lines[-1].removeprefix("next: hpo ").split(",")[0]
    assert execute(command.split()) == 0
    assert Path("results/schedules/news/report.html").is_file()


def test_the_manifest_names_a_command_that_makes_the_same_report(schedules: None) -> None:
    assert execute(["report", "schedules"]) == 0
    folder = Path("results/schedules")
    first = {path: path.read_bytes() for path in folder.rglob("*.csv") if "records" not in path.parts}
    command = json.loads((folder / "manifest.json").read_text())["command"]
    assert command == "hpo report schedules/news schedules/reviews --to schedules"
    for path in first:
        path.unlink()
    assert execute(command.split()[1:]) == 0
    assert {path: path.read_bytes() for path in first} == first


def test_runs_named_one_by_one_are_reported_together_under_a_name(schedules: None, capsys) -> None:
    runs = ["results/schedules/news", "results/schedules/reviews"]
    assert execute(["report", *runs, "--to", "both"]) == 0
    assert lines_of(capsys)[-4] == "report across runs: results/both/report.html"
    assert execute(["report", *runs]) == 0
    assert lines_of(capsys)[-4] == "report across runs: results/across/report.html"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "schedules/news", "--to", "x"], "--to names the place of a report across runs"),
        (["report", "schedules", "--to", "schedules/news"], "is the folder of a run"),
        (["report", "schedules", "schedules/news"], "results/schedules/news is named twice"),
        (["compare", "schedulse"], "'schedulse' is neither the folder of a run"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    arguments: list[str], message: str, schedules: None, capsys
) -> None:
    assert execute(arguments) == 2
    assert message in capsys.readouterr().err
    assert list(Path("results").rglob("report.html")) == []


def test_a_run_comes_before_a_folder_of_runs_and_names_keep_their_order(schedules: None) -> None:
    store("alone", SCORES["news"])
    assert folder_of_runs("alone") is None
    assert folder_of_runs("schedules") == Path("results/schedules")
    assert [folder.name for folder in find_runs(["alone", "schedules"])] == ["alone", "news", "reviews"]
    with pytest.raises(UserError):
        find_runs(["nowhere"])


def test_a_paper_is_of_one_run(schedules: None, capsys) -> None:
    assert execute(["report", "schedules", "--latex"]) == 2
    assert "several runs" in capsys.readouterr().err
    assert not Path("results/schedules/report.html").exists()
