from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_search import write_records

from hpo.cli.main import execute
from hpo.cli.ui import experiment_name, latest_run

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize(
    ("named", "experiment"),
    [("tiny", "tiny"), ("results/tiny/", "tiny"), ("spaces/tiny.yaml", "tiny"), ("v1.5", "v1.5")],
)
def test_a_space_file_a_name_and_a_run_name_the_same_experiment(named: str, experiment: str) -> None:
    assert experiment_name(named) == experiment


def test_without_a_name_the_latest_run_is_opened() -> None:
    assert latest_run(Path("results")) is None
    for age, name in enumerate(("new", "old")):
        write_records(Path("results") / name)
        os.utime(Path("results") / name / "records" / "run.json", (1000 - age, 1000 - age))
    assert latest_run(Path("results")) == "new"


@pytest.mark.parametrize(
    ("arguments", "served"),
    [
        ([], ("sqlite:here", "tiny", None, True)),
        (["--space", "other", "--port", "5001", "--no-browser"], ("sqlite:here", "other", 5001, False)),
        (["--tracking-uri", "http://host"], ("http://host", None, None, True)),
    ],
)
def test_ui_serves_the_page_that_is_asked_for(arguments, served, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr("hpo.tracking.uri.default_uri", lambda results: "sqlite:here", raising=False)
    monkeypatch.setattr("hpo.tracking.ui.serve", lambda *call: calls.append(call) or 0)
    write_records(Path("results/tiny"))
    assert execute(["ui", *arguments]) == 0
    assert calls == [served]
