"""Where runs are tracked: a local sqlite database, or an MLflow server. Nothing here imports mlflow."""

from __future__ import annotations

import base64
import json
import os
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from hpo.errors import UserError

SQLITE = "sqlite:///"
VIEW = "mlflow.sharedViewState.hpo"  # tag of an experiment: which columns the link to its page shows
ALLOWED = "sqlite:///FILE, http://HOST and https://HOST"
TIMEOUT = 10.0  # seconds that a server has for its first answer


def default_uri(results: Path) -> str:
    """The tracking URI of a results folder: one sqlite database for all its runs."""
    return f"{SQLITE}{results.resolve() / 'mlflow.db'}"


def database(uri: str) -> Path | None:
    """The database file of a sqlite ``uri``; None for a server."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


def artifact_folder(path: Path) -> Path:
    """Where the artifacts of the database ``path`` go: a folder beside it."""
    return path.with_name(f"{path.stem}_artifacts")


def credentials(uri: str) -> tuple[str, str | None, str | None]:
    """Split ``uri`` of a server into the URI without user information, the user and the password."""
    parts = urlsplit(uri)
    user, password = parts.username, parts.password
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    return bare, unquote(user) if user else None, unquote(password) if password else None


def shown(uri: str) -> str:
    """``uri`` without what may be secret: user information and query."""
    if database(uri) is not None:
        return uri
    scheme, separator, rest = uri.partition("://")
    if not separator:  # mistyped, or a file's path
        return "..." if re.search(":.*@", uri, re.DOTALL) else uri
    address, *query = re.split("[?#]", rest, maxsplit=1)
    # A password may hold any mark that should have been escaped, so that whatever stands before an @ may be of it.
    if "@" in "".join(query):
        return f"{scheme}://..."
    return f"{scheme}://{address.rpartition('@')[2]}"


def holds_password(url: str) -> bool:
    """Whether ``url``, of MLflow or of a database, may hold a password; on the command line others can read it."""
    user = url.partition("://")[2].rpartition("@")[0]
    return database(url) is None and (":" in user or "password=" in url)


def url_fragment(experiment_id: str) -> str:
    """Link to an experiment's page: the one for training runs (MLflow may open another), with our columns shown."""
    key = VIEW.rpartition(".")[2]
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={key}"


def check(uri: str) -> None:
    """Raise UserError where no run can be tracked at ``uri``: wrong kind, no such place, or a server that is silent."""
    path = database(uri)
    if path is not None:
        _check_database(uri, path)
    elif uri.startswith(("http://", "https://")):
        request_json(uri, "experiments/search?max_results=1")
    else:
        raise UserError(
            f"tracking URI {shown(uri)!r}: found no kind that can hold a run; allowed are {ALLOWED}",
            "Leave --tracking-uri out to track in a sqlite database under the results folder.",
        )


def request_json(uri: str, call: str) -> dict[str, Any]:
    """Answer of the MLflow server at ``uri`` to a GET of its REST ``call``.

    Raises:
        UserError: no answer, or not that of an MLflow server.
    """
    try:
        bare, user, password = credentials(uri)
        request = urllib.request.Request(f"{bare}/api/2.0/mlflow/{call}")  # noqa: S310 (the caller checked the scheme)
        if user is None:  # where MLflow's client looks too
            user, password = map(os.environ.get, ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"))
        if user is not None:
            token = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        with urllib.request.build_opener(_Staying).open(request, timeout=TIMEOUT) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(uri, error.code) from None
    except (OSError, ValueError, HTTPException):
        raise UserError(
            f"tracking URI {shown(uri)!r}: no MLflow server answers there",
            "Start the server or correct --tracking-uri; then give the command again.",
        ) from None
    return found if isinstance(found, dict) else {}


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the password along to another host."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is an error."""


def _refused(uri: str, status: int) -> UserError:
    if 300 <= status < 400:
        return UserError(
            f"tracking URI {shown(uri)!r}: the server sends on to another address (HTTP {status})",
            "Name that address with --tracking-uri, often https:// in place of http://.",
        )
    if status in {401, 403}:
        return UserError(
            f"tracking URI {shown(uri)!r}: the server refused the user or the password (HTTP {status})",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or name both in the URI.",
        )
    return UserError(
        f"tracking URI {shown(uri)!r}: what answers is not an MLflow server (HTTP {status})",
        "Correct --tracking-uri; it is the address under which the MLflow page opens.",
    )


def _check_database(uri: str, path: Path) -> None:
    problem = _problem(uri, path)
    if problem:
        raise UserError(
            f"tracking URI {uri!r}: {problem}",
            "Name a file that this user may write, or leave --tracking-uri out.",
        )


def _problem(uri: str, path: Path) -> str | None:
    """What keeps the file ``path`` from being the database, or None."""
    if uri == SQLITE or uri.endswith("/"):
        return "it names no file"
    if "?" in uri or "%" in uri:
        return "MLflow cannot open a path with a question mark or a percent sign"
    if path.is_dir():
        return "this is a folder; a database file is required"
    if path.is_file():
        return _problem_of_file(path)
    parent = next(p for p in path.parents if p.exists())
    if not parent.is_dir():
        return f"{parent} is not a folder"
    return None if os.access(parent, os.W_OK) else f"the folder {parent} is not writable"


def _problem_of_file(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    if head not in {b"", b"SQLite format 3\x00"}:
        return "this file is not a sqlite database"
    return None if os.access(path, os.W_OK) else "the file is not writable"
