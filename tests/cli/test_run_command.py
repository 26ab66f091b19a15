from __future__ import annotations

from pathlib import Path

import pytest
from cli_search import VERDICT, write_records

from hpo.cli.main import execute
from hpo.cli.run import profile_line

pytestmark = pytest.mark.usefixtures("own_folder")


def test_run_ends_with_verdict_report_time_and_next_command(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "search: 2 trials in 2 studies, 2 strategies"
    assert lines[1].startswith(
        "trial 1/2: linear, replicate 0, draw 0: complete, validation accuracy 0.741; "
    )
    assert lines[2:] == [
        "",
        *VERDICT,
        "",
        "report: results/tiny/report.html",
        "time: 1 min, 90% of it in forward and backward passes (train 75%, evaluate 15%, load 5%, track 4%)",
        "3 segments trained now",
        "next: hpo ui --space tiny",
    ]
    assert coordinator.calls == [("tiny", Path("results"), None, None)]


def test_quiet_prints_the_end_alone(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["", VERDICT[0]]


def test_a_quiet_run_fetches_without_a_word_and_a_finished_one_fetches_nothing(
    coordinator, monkeypatch, capsys
) -> None:
    fetched = []
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: fetched.append(say(name)))
    coordinator.missing = ("movie",)
    assert execute(["run", "--space", "tiny", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == ""
    assert len(fetched) == 1
    write_records(Path("results/tiny"), finished=True)
    assert execute(["run", "--space", "tiny"]) == 0
    assert len(fetched) == 1


def test_a_run_that_was_over_says_so(coordinator, capsys) -> None:
    coordinator.trained = 0
    assert execute(["run", "--space", "tiny"]) == 0
    assert "nothing was left to train" in capsys.readouterr().out.splitlines()


def test_the_next_command_finds_the_run_where_this_one_put_it(coordinator, capsys) -> None:
    uri = "http://127.0.0.1:5000"
    options = ["--results", "my runs", "--tracking-uri", uri]
    assert execute(["run", "--space", "tiny", *options, "--device", "cpu"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"next: hpo ui --space tiny --results 'my runs' --tracking-uri {uri}"
    assert coordinator.calls == [("tiny", Path("my runs"), uri, "cpu")]


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ([], (None, None)),
        (["--workers", "2", "--store-limit", "2GB"], (2, 2_000_000_000)),
        (["--store-limit", "1.5 GiB"], (None, 1_610_612_736)),
        (["--store-limit", "0"], (None, 0)),
    ],
)
def test_workers_and_the_room_of_the_store_are_passed_on(options, resources, coordinator) -> None:
    assert execute(["run", "--space", "tiny", *options]) == 0
    assert coordinator.resources == resources


def test_the_storage_is_passed_on_and_no_password_is_printed(coordinator, capsys) -> None:
    storage, uri = "postgresql+psycopg://ann:hunter2@host/db", "http://ann:hunter3@host:5000"
    assert execute(["run", "--space", "tiny", "--storage", storage, "--tracking-uri", uri]) == 0
    assert coordinator.more["storage"] == storage
    assert coordinator.calls[0][2] == uri
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "next: hpo ui --space tiny --tracking-uri http://host:5000"
    assert "hunter" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("option", "url", "instead"),
    [
        ("--storage", "postgresql+psycopg://ann:hunter2@host/db", "PGPASSWORD or ~/.pgpass"),
        ("--storage", "postgresql+psycopg://ann@host/db?password=hunter2", "PGPASSWORD or ~/.pgpass"),
        ("--tracking-uri", "https://ann:hunter2@host", "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_password_on_the_command_line_is_refused_where_ray_would_tell_it(
    option, url, instead, coordinator, capsys
) -> None:
    assert execute(["run", "--space", "tiny", "--on", "ray", option, url]) == 2
    assert coordinator.calls == []
    said = capsys.readouterr().err
    assert said.startswith(f"error: --on ray: the URL of {option} holds a password")
    assert instead in said
    assert "hunter2" not in said
    bare = url.replace(":hunter2@", "@").partition("?")[0]
    assert execute(["run", "--space", "tiny", "--on", "ray", option, bare]) == 0


def test_a_profile_without_times_has_no_shares() -> None:
    assert profile_line({}, 0.2) == "time: 1 s, 0% of it in forward and backward passes"


def test_another_budget_is_refused_with_the_one_that_there_is(coordinator, capsys) -> None:
    assert execute(["run", "--space", "tiny", "--budget", "large"]) == 2
    assert "'large' is not one of 'small'" in capsys.readouterr().err
    assert coordinator.calls == []


def test_redact_is_handed_on(coordinator) -> None:
    assert execute(["run", "--space", "tiny"]) == 0
    assert coordinator.redact is False
    assert execute(["run", "--space", "tiny", "--redact"]) == 0
    assert coordinator.redact is True
