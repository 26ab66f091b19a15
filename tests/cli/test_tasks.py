"""A space file of several tasks: one run after another, each checked, and a report across them."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_events import DEVICE, MODEL, SPLIT

from hpo.cli.main import execute
from hpo.records.files import write_records
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.setup import ShiftInfo
from hpo.records.trainings import Confirmation
from hpo.search.plan import make_plan

SPACE = """\
question: Which schedule?
tasks:
  - {data: movie, train: 100, validation: 50, test: 50}
  - {data: amazon, train: 100, validation: 50, test: 50}
model: all-MiniLM-L6-v2
compare: {parameter: schedule, values: [linear, wsd]}
parameters: {learning_rate: {low: 1e-5, high: 1e-3, log: true}, epochs: 2}
budget: {replicates: 3, trials: 4, rungs: [50, 100]}
"""
SCORES = {"movie": ((0.7, 0.9), (0.71, 0.9), (0.7, 0.92)), "amazon": ((0.6, 0.8), (0.6, 0.81), (0.61, 0.8))}


def records(name: str, task: str, strategies: tuple[str, ...]) -> Records:
    run = Run(
        name=name,
        question="Which schedule?",
        task=task,
        strategies=strategies,
        replicates=3,
        trials=0,
        seeds=1,
        search=Search(shared_draws=True),
        space=(),
    )
    confirmations = tuple(
        Confirmation(
            role="strategy", strategy=s, replicate=r, index=0, parameters={}, test_score=SCORES[task][r][i]
        )
        for i, s in enumerate(strategies)
        for r in range(3)
    )
    return Records(run=run, trials=(), confirmations=confirmations)


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Runs that were asked for, of a stand-in for the search that leaves records."""
    found: list[tuple[str, str]] = []

    def run_experiment(space: Any, results: Path, *_: object, **__: object) -> SimpleNamespace:
        experiment = space.experiment
        found.append(("run", experiment.name))
        folder = results / experiment.name
        write_records(folder, records(experiment.name, experiment.task.data.name, experiment.strategies()))
        report = SimpleNamespace(html=folder / "report.html", verdict=SimpleNamespace(sentences=("Done.",)))
        return SimpleNamespace(report=report, profile={}, trained=1, wall_seconds=1.0)

    def check_experiment(space: Any, *_: object, probe: bool) -> SimpleNamespace:
        found.append(("check", space.experiment.name))
        shift = ShiftInfo(name="nyt", source="nyt", licence="MIT", size=30, groups=(0, 0, 1), sha256="0")
        plan = make_plan(space.experiment)
        return SimpleNamespace(
            plan=plan,
            head=SimpleNamespace(split=SPLIT, shifts=(shift,), device=DEVICE, privacy=None),
            models=(MODEL,),
            notes=(),
            taken=None,
            estimate=None,
        )

    for name, stands_in in (("coordinator", run_experiment), ("check", check_experiment)):
        module = types.ModuleType(f"hpo.search.{name}")
        setattr(module, stands_in.__name__, stands_in)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda _: True)
    monkeypatch.setattr("hpo.runtime.processes.start_server", lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("s.yaml").write_text(SPACE)
    return found


def test_each_task_is_run_in_a_folder_of_its_own_and_all_are_reported_together(
    called: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["run", "--space", "s.yaml"]) == 0
    assert called == [("run", "s-movie"), ("run", "s-amazon")]
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("task ", "report"))] == [
        "task 1 of 2: movie",
        "report: results/s-movie/report.html",
        "task 2 of 2: amazon",
        "report: results/s-amazon/report.html",
        "report across tasks: results/s-across/report.html",
    ]
    assert lines[-1] == "next: hpo compare results/s-movie results/s-amazon"
    page = Path("results/s-across/report.html").read_text()
    assert "over 2 tasks (movie and amazon)" in page
    assert execute(["compare", "results/s-movie", "results/s-amazon"]) == 0


def test_all_tasks_are_checked(called: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["check", "--space", "s.yaml"]) == 0
    assert called == [("check", "s-movie"), ("check", "s-amazon")]
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("task ", "next"))] == [
        "task 1 of 2: movie",
        "task 2 of 2: amazon",
        "next: hpo run --space s.yaml",
    ]
    shifts = [" ".join(line.split()) for line in lines if line.startswith("shift ")]
    assert (
        shifts
        == [
            "shift nyt: 30 texts in 2 groups, for the confirmations alone; 0 of the task's own and 0 duplicates dropped; MIT"
        ]
        * 2
    )
