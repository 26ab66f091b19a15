from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from synthetic_run import make_head

from hpo.records.plan import plan_digest
from hpo.search.stamp import stamp


def git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "space.yaml").write_text("question: which\n")
    git(tmp_path, "add", "space.yaml")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    return tmp_path


def test_a_clean_checkout_is_its_commit_whatever_results_lie_in_it(checkout: Path) -> None:
    (checkout / "results").mkdir()
    (checkout / "results" / "run.json").write_text("{}")
    assert stamp(make_head(), checkout).git == git(checkout, "rev-parse", "HEAD")


def test_a_changed_file_is_told(checkout: Path) -> None:
    (checkout / "space.yaml").write_text("question: another\n")
    assert stamp(make_head(), checkout).git == git(checkout, "rev-parse", "HEAD") + "+changes"


def test_nothing_that_the_checkouts_configuration_names_is_run(checkout: Path) -> None:
    program = checkout / "program"
    program.write_text(f"#!/bin/sh\ntouch {checkout / 'ran'}\n")
    program.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(program))
    stamp(make_head(), checkout)
    assert not (checkout / "ran").exists()


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert stamp(make_head(), tmp_path).git is None


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("/srv/someone/bin/hpo", "hpo"),
        ("--results=/srv/someone/results", "--results=results"),
        ("http://user:pass@word@host/path", "http://host/path"),
        ("--tracking-uri=http:/user:password@host", "--tracking-uri=..."),
        ("//user:password@host", "..."),
        ("--tracking-uri=sqlite:////srv/someone/mlflow.db", "--tracking-uri=sqlite:///mlflow.db"),
        ("lr_schedules.yaml", "lr_schedules.yaml"),
    ],
)
def test_the_command_holds_neither_folders_nor_passwords(
    word: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["hpo", "run", word])
    assert stamp(make_head(), tmp_path).command == f"hpo run {kept}"


def test_the_plan_is_that_of_the_run(tmp_path: Path) -> None:
    head = make_head()
    assert stamp(head, tmp_path).plan_sha256 == plan_digest(head)
    assert plan_digest(head.model_copy(update={"trials": 9})) != plan_digest(head)
