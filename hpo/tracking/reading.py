"""Runs of any MLflow store, read for an import: nothing is left written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from hpo.errors import UserError
from hpo.tracking.store import PAGE, open_client
from hpo.tracking.uri import SQLITE, database, request_json, shown

T = TypeVar("T")
_TRASH = ".trash"  # a folder that MLflow makes in a file store that it opens


@dataclass(frozen=True)
class TrackedRun:
    """One run as MLflow has it.

    Attributes:
        status: FINISHED, FAILED, KILLED, RUNNING or SCHEDULED.
        metrics: the last value of each.
        seconds: from start to end; None: not ended.
        parent: id of the run that it is nested in; empty: none.
        history: step -> value of a metric; of a step that was logged twice the later value.
    """

    id: str
    name: str
    experiment: str
    status: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    seconds: float | None
    parent: str
    history: Callable[[str], dict[int, float]]


class TrackedRuns:
    """An MLflow store to be read: of a sqlite database a copy, since MLflow brings what it opens to its own schema.

    Args:
        uri: of a database or a server, or the folder of a file store.

    Raises:
        UserError: (also of the methods) it is not there, or MLflow cannot read it.
    """

    def __init__(self, uri: str) -> None:
        self._shown = shown(uri)
        folder = tempfile.mkdtemp(prefix="hpo-")
        # Histories are read late: a run that is still held holds this object, and with it the copy.
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        trash = Path(uri) / _TRASH
        if trash.parent.is_dir() and not trash.exists():
            weakref.finalize(self, _remove_if_empty, trash.absolute())
        self._client = self._asked(lambda: _client(uri, Path(folder)))

    def experiments(self) -> list[str]:
        """Names of the experiments that hold runs, oldest first."""
        found = self._asked(lambda: list(self._pages(self._client.search_experiments, max_results=PAGE)))
        self._ids = {
            e.name: e.experiment_id for e in sorted(found, key=lambda e: (e.creation_time or 0, e.name))
        }
        return self._asked(lambda: [name for name in self._ids if self._any(name)])

    def runs(self, experiment: str) -> list[TrackedRun]:
        """The runs of one experiment, oldest first."""
        runs = self._asked(
            lambda: [(run.info.start_time, self._run(experiment, run)) for run in self._found(experiment)]
        )
        return [run for _, run in sorted(runs, key=lambda found: (found[0] or 0, found[1].name, found[1].id))]

    def _any(self, experiment: str) -> bool:
        return bool(self._client.search_runs([self._ids[experiment]], max_results=1))

    def _found(self, experiment: str) -> Iterator[Any]:
        return self._pages(self._client.search_runs, experiment_ids=[self._ids[experiment]], max_results=PAGE)

    def _pages(self, search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = search(**arguments, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _run(self, experiment: str, run: Any) -> TrackedRun:
        info, tags = run.info, dict(run.data.tags)

        def history(name: str) -> dict[int, float]:
            points = self._asked(lambda: self._client.get_metric_history(info.run_id, name))
            return {p.step: p.value for p in sorted(points, key=lambda p: (p.step, p.timestamp))}

        return TrackedRun(
            id=info.run_id,
            name=tags.get("mlflow.runName", info.run_id),
            experiment=experiment,
            status=info.status,
            params=dict(run.data.params),
            tags=tags,
            metrics=dict(run.data.metrics),
            seconds=None if info.end_time is None else (info.end_time - info.start_time) / 1000,
            parent=tags.get("mlflow.parentRunId", ""),
            history=history,
        )

    def _asked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (UserError, OSError):
            raise
        except Exception as error:  # of stores that nobody checked: whatever comes
            raise UserError(
                f"MLflow at {self._shown!r} cannot be read: {(str(error).splitlines() or [''])[0]}",
                "Name a store that this version of MLflow opens: sqlite:///FILE, http://HOST, or an mlruns folder.",
            ) from error


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def read_only(path: Path) -> sqlite3.Connection:
    """A connection to the sqlite database ``path`` that changes neither it nor the folder it lies in."""
    path = path.resolve()
    with path.open("rb") as file:
        logs_ahead = file.read(20)[18:] == b"\x02\x02"
    # To read a database in WAL mode, sqlite makes a log where there is none.
    unlogged = logs_ahead and not path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro&immutable=1" if unlogged else "mode=ro"
    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)


def copy_database(path: Path, folder: Path) -> Path:
    """A copy in ``folder`` of the sqlite database ``path``, with what stands in its log alone.

    Raises:
        UserError: there is no such file, or it cannot be read as a database.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}", "Name the database that the runs were recorded in.")
    copy = folder / "copy.db"
    try:
        with closing(read_only(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.execute(
                "select count(*) from sqlite_master"
            ).fetchone()  # backup() waits for a lock for ever
            source.backup(target)
    except sqlite3.Error as error:
        raise UserError(
            f"{path} cannot be read as a sqlite database: {error}",
            "Name the database that the runs were recorded in.",
        ) from error
    return copy


def _client(uri: str, copies: Path) -> Any:
    if Path(uri).is_dir():
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow keeps it for reading only
        from mlflow.tracking import MlflowClient

        folder = Path(uri).resolve().as_uri()
        return MlflowClient(tracking_uri=folder, registry_uri=folder)
    path = database(uri)
    if path is not None:
        return open_client(f"{SQLITE}{copy_database(path, copies)}")
    _ask(uri)
    return open_client(uri)


def _ask(uri: str) -> None:
    """Refuse a server that does not answer at once: MLflow's client would try for minutes."""
    try:
        request_json(uri, "experiments/search?max_results=1")
    except UserError as error:
        raise UserError(
            f"MLflow at {shown(uri)!r} cannot be read: {error.message.rpartition(': ')[2]}",
            "Start the server or correct its address; for a password set MLFLOW_TRACKING_USERNAME and _PASSWORD.",
        ) from error
