from __future__ import annotations

from pathlib import Path

import pytest
from cli_search import write_records
from filelock import FileLock

from hpo.cli.main import execute
from hpo.config.space import shipped_spaces
from hpo.records.files import read_run, write_run
from hpo.records.run import Stamp
from hpo.search.stopping import Requests

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize("command", ["status", "verify"])
def test_an_imported_run_cannot_be_gone_on_with(command: str, capsys) -> None:
    write_records(Path("results/tiny"))
    head = read_run(Path("results/tiny"))
    assert head is not None
    write_run(Path("results/tiny"), head.model_copy(update={"source": "a CSV file"}))
    assert execute([command, "tiny"]) == 2
    assert "was imported from a CSV file" in capsys.readouterr().err


def test_status_of_a_stopped_run(capsys) -> None:
    write_records(Path("results/tiny"))
    assert execute(["status", "tiny"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "tiny: 1 of 2 trials, 0 of 2 confirmations",
        "strategy  studies  trials  pruned  best val.  confirmed",
        "linear        1/1     1/1       0      0.741        0/1",
        "cosine        0/1     0/1       0          -        0/1",
        "no process works on it",
        "next: the same `hpo run` command again",
    ]


@pytest.mark.parametrize(("parent", "option"), [("results", ""), ("my runs", " --results 'my runs'")])
def test_status_names_the_command_that_goes_on_with_a_shipped_space(parent, option, capsys) -> None:
    folder = Path(parent) / "lr_schedules"
    write_records(folder, name="lr_schedules")
    shipped = shipped_spaces()["lr_schedules"].read_text()
    (folder / "space.yaml").write_text(shipped)
    assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"next: hpo run --space lr_schedules{option}\n")
    with FileLock(folder / ".lock"):
        assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"next: hpo ui --space lr_schedules{option}\n")
    (folder / "storage").write_text("postgresql+psycopg://host/db\n")
    assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"{option} --storage postgresql+psycopg://host/db\n")
    (folder / "space.yaml").write_text(f"{shipped}# mine\n")
    assert execute(["status", str(folder)]) == 0
    assert capsys.readouterr().out.endswith("next: the same `hpo run` command again\n")


@pytest.mark.parametrize(
    "options",
    ["--tracking-uri=http://host", "--on ray", "--workers 2"],
)
def test_status_names_no_command_that_lacks_options_of_the_run(options, capsys) -> None:
    folder = Path("results/lr_schedules")
    write_records(folder, name="lr_schedules")
    (folder / "space.yaml").write_text(shipped_spaces()["lr_schedules"].read_text())
    begun_by(folder, "hpo run --space lr_schedules --results results --quiet")
    assert execute(["status", "lr_schedules"]) == 0
    assert capsys.readouterr().out.endswith("next: hpo run --space lr_schedules\n")
    begun_by(folder, f"hpo run --space lr_schedules {options}")
    assert execute(["status", "lr_schedules"]) == 0
    assert capsys.readouterr().out.endswith("next: the same `hpo run` command again\n")
    with FileLock(folder / ".lock"):
        assert execute(["status", "lr_schedules"]) == 0
    there = " --tracking-uri URI (the one that `hpo run` was given)" if "tracking" in options else ""
    assert capsys.readouterr().out.endswith(f"next: hpo ui --space lr_schedules{there}\n")


def begun_by(folder: Path, command: str) -> None:
    """Have the records in ``folder`` say by which command they were begun."""
    head = read_run(folder)
    assert head is not None
    stamp = Stamp(began="2026-01-01T00:00:00+00:00", command=command, git=None, plan_sha256="0" * 64)
    write_run(folder, head.model_copy(update={"stamp": stamp}))


def test_status_of_a_finished_run_shows_the_means_on_the_test_split(capsys) -> None:
    write_records(Path("elsewhere"), finished=True)
    assert execute(["status", "elsewhere"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == "linear        1/1     1/1       0      0.741        1/1      0.731"
    assert lines[-1] == "next: hpo report elsewhere"


def test_status_tells_whether_a_process_holds_the_run(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"):
        assert execute(["status", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["a process works on it", "next: hpo ui --space tiny"]
    assert execute(["status", "tiny"]) == 0
    assert "no process works on it" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "when"), [([], "after the segments that"), (["--now"], "at once")])
def test_a_run_at_work_is_asked_to_stop_and_its_status_tells(option, when, capsys, monkeypatch) -> None:
    monkeypatch.setattr("hpo.search.stopping.PAUSE", 600.0)  # it hears nothing of it
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"), Requests(folder):
        assert execute(["stop", "tiny", *option]) == 0
        assert capsys.readouterr().out.startswith(f"tiny was asked to stop; it ends {when}")
        assert execute(["status", "tiny"]) == 0
        assert "a process works on it, and was asked to stop\n" in capsys.readouterr().out


def test_a_run_that_nobody_runs_cannot_be_stopped(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    (folder / "at-work").write_text("hpo run is at work\n")  # it was killed
    assert execute(["stop", "tiny"]) == 2
    assert capsys.readouterr().err == (
        "error: no process works on results/tiny: there is nothing to stop\n"
        "hint: See how far it is: `hpo status tiny`.\n"
    )
    assert (folder / "at-work").read_text() == "hpo run is at work\n"


def test_what_is_at_work_and_no_run_takes_no_request(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    with FileLock(folder / ".lock"):  # an audit has it too
        assert execute(["stop", "tiny"]) == 2
    assert "is no `hpo run`, and takes no request to stop\n" in capsys.readouterr().err


def test_status_writes_nothing(capsys) -> None:
    folder = Path("results/tiny")
    write_records(folder)
    before = sorted(folder.rglob("*"))
    assert execute(["status", "tiny"]) == 0
    assert sorted(folder.rglob("*")) == before


def test_an_unknown_run_is_named_with_what_there_is(capsys) -> None:
    write_records(Path("results/tiny"))
    assert execute(["status", "tny"]) == 2
    assert capsys.readouterr().err == (
        "error: 'tny' is neither the folder of a run nor the name of one under results/; there are tiny\n"
        "hint: Name one of them, such as `tiny`.\n"
    )
