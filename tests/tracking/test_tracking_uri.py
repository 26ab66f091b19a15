"""Which tracking URIs are accepted, and what is said of the others."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from hpo.errors import UserError
from hpo.tracking.uri import artifact_folder, check, credentials, database, default_uri, holds_password, shown


def refusal(uri: str) -> str:
    with pytest.raises(UserError) as caught:
        check(uri)
    assert caught.value.hint.endswith((".", "out."))
    return caught.value.message


def test_the_default_is_a_sqlite_file_in_the_results_folder_that_check_accepts_and_does_not_make(
    tmp_path: Path,
) -> None:
    uri = default_uri(tmp_path / "results")
    assert uri == f"sqlite:///{tmp_path}/results/mlflow.db"
    check(uri)
    assert list(tmp_path.iterdir()) == []
    path = database(uri)
    assert path is not None
    assert artifact_folder(path) == tmp_path / "results" / "mlflow_artifacts"


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "postgresql://u@host/db", "sqlite://", ""])
def test_a_kind_that_cannot_hold_a_run_is_refused(uri: str) -> None:
    shown_uri = uri.replace("u@", "")
    assert refusal(uri) == (
        f"tracking URI {shown_uri!r}: found no kind that can hold a run; allowed are sqlite:///FILE, http://HOST and"
        " https://HOST"
    )


def test_a_path_that_cannot_be_a_database_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_text("no database, but long enough")
    problems = {
        f"sqlite:///{tmp_path}": "this is a folder; a database file is required",
        f"sqlite:///{text}": "this file is not a sqlite database",
        f"sqlite:///{text}/mlflow.db": f"{text} is not a folder",
        "sqlite:///": "it names no file",
        "sqlite:////tmp/a%b/mlflow.db": "MLflow cannot open a path with a question mark or a percent sign",
    }
    assert {uri: refusal(uri) for uri in problems} == {
        uri: f"tracking URI {uri!r}: {problem}" for uri, problem in problems.items()
    }


@pytest.mark.parametrize(
    ("uri", "safe"),
    [
        ("http://ann:secret@host:5000/mlflow", "http://host:5000/mlflow"),
        ("https://host/x?token=secret", "https://host/x"),
        ("postgresql://ann:sec/ret@host/db", "postgresql://host/db"),
        ("http://host:5000", "http://host:5000"),
        ("http://ann:sec?ret@host", "http://..."),
        ("http://ann:sec#ret@host", "http://..."),
        ("http://ann:sec[ret@host", "http://host"),
        ("http://ann:s@e/c@host", "http://host"),
        ("http:/ann:secret@host/x", "..."),
        ("http//ann:secret@host", "..."),
        ("https:ann:se\ncret@host", "..."),
        ("studies/me@home.db", "studies/me@home.db"),
    ],
)
def test_what_is_shown_of_a_uri_holds_no_secret(uri: str, safe: str) -> None:
    assert shown(uri) == safe


@pytest.mark.parametrize(
    ("uri", "safe"),
    [
        ("http://[foo", "http://[foo"),
        ("http://user:p[w@host", "http://host"),
        ("http://localhost:notaport", "http://localhost:notaport"),
        ("http://localhost:99999", "http://localhost:99999"),
        ("http://exa mple", "http://exa mple"),
        ("http://", "http://"),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(uri: str, safe: str) -> None:
    assert refusal(uri) == f"tracking URI {safe!r}: no MLflow server answers there"


@pytest.mark.parametrize("uri", ["http:/ann:secret@host/x", "http//ann:secret@host", "https:ann:secret@host"])
def test_a_mistyped_address_is_refused_without_its_password(uri: str) -> None:
    assert refusal(uri).startswith("tracking URI '...': found no kind that can hold a run")


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("http://ann:secret@host:5000", True),
        ("postgresql+psycopg://ann:sec/ret@host/db", True),
        ("postgresql+psycopg://ann@host/db?password=secret", True),
        ("postgresql+psycopg://ann@host:5432/db?sslmode=require", False),
        ("http://host:5000/mlflow", False),
        ("sqlite:////srv/at:home@work/mlflow.db", False),
    ],
)
def test_an_address_that_may_hold_a_password_is_told_from_others(url: str, may: bool) -> None:
    assert holds_password(url) is may


def test_credentials_are_split_off_and_unquoted() -> None:
    assert credentials("http://ann:p%40ss@host:5000/") == ("http://host:5000", "ann", "p@ss")
    assert credentials("http://host:5000") == ("http://host:5000", None, None)


class Handler(http.server.BaseHTTPRequestHandler):
    sent_on: ClassVar[list[str | None]] = []  # credentials that came along

    def do_GET(self) -> None:
        if self.path.startswith("/elsewhere"):
            self.sent_on.append(self.headers.get("Authorization"))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")
            self.end_headers()
            return
        known = self.path.startswith("/mlflow/api/2.0/mlflow/experiments/search")
        allowed = self.headers.get("Authorization") == "Basic YW5uOnNlY3JldA=="  # ann:secret
        self.send_response(200 if known and allowed else 401 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"experiments": []}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_server_is_asked_with_the_credentials_of_the_uri(port: int) -> None:
    check(f"http://ann:secret@127.0.0.1:{port}/mlflow")
    assert refusal(f"http://ann:wrong@127.0.0.1:{port}/mlflow") == (
        f"tracking URI 'http://127.0.0.1:{port}/mlflow': the server refused the user or the password (HTTP 401)"
    )


def test_credentials_follow_no_redirect_to_another_host(port: int) -> None:
    assert refusal(f"http://ann:secret@127.0.0.1:{port}/moved") == (
        f"tracking URI 'http://127.0.0.1:{port}/moved': the server sends on to another address (HTTP 302)"
    )
    assert Handler.sent_on == []


def test_a_server_is_asked_with_the_credentials_of_the_environment(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    check(f"http://127.0.0.1:{port}/mlflow")


def test_what_is_no_mlflow_server_or_silent_is_refused(port: int) -> None:
    assert refusal(f"http://127.0.0.1:{port}") == (
        f"tracking URI 'http://127.0.0.1:{port}': what answers is not an MLflow server (HTTP 404)"
    )
    assert refusal("http://ann:secret@127.0.0.1:9") == (
        "tracking URI 'http://127.0.0.1:9': no MLflow server answers there"
    )
