"""Runs in MLflow by key: found again on resuming, never doubled. The only module that talks to mlflow."""

from __future__ import annotations

import functools
import glob
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from filelock import FileLock

from hpo.errors import UserError
from hpo.tracking.mirrored import Logged, Measured, MirroredRun, Point
from hpo.tracking.patience import Patience, is_away
from hpo.tracking.uri import artifact_folder, credentials, database, shown

P = ParamSpec("P")
R = TypeVar("R")

PAGE = 1000  # runs a search returns at once
PARAMS_A_BATCH = 100  # limit of MLflow, for tags as well
METRICS_A_BATCH = 800  # MLflow takes 1000 entities: with those parameters and tags
LONGEST_PARAM, LONGEST_TAG, LONGEST_EXPERIMENT_TAG = 6000, 8000, 20000  # characters, limits of MLflow
LONGEST_DESCRIPTION = 5000  # characters, of a version of a registered model


def plain_errors(method: Callable[Concatenate[Store, P], R]) -> Callable[Concatenate[Store, P], R]:
    """Turn failures of the database or the server into UserError; a call of ours that is wrong stays a traceback.

    While the store is away a patient one calls the method again: what it did unheard it must find, and not do twice.
    """

    @functools.wraps(method)
    def wrapped(self: Store, /, *args: P.args, **kwargs: P.kwargs) -> R:
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        while True:
            try:
                found = method(self, *args, **kwargs)
            except (MlflowException, SQLAlchemyError, CommandError, OSError) as error:
                if getattr(error, "error_code", None) == "INVALID_PARAMETER_VALUE":
                    raise
                self.failed(error)
            else:
                self.answered()
                return found

    return wrapped


class Store:
    """The runs of one ``run_id`` in one MLflow experiment (``enter``).

    Args:
        uri: tracking URI that ``hpo.tracking.uri.check`` accepted; a database is made where it is missing.
        patience: with a store that is away; None: its first failure counts.

    Raises:
        UserError: the database or the server fails.
    """

    def __init__(self, uri: str, patience: Patience | None = None) -> None:
        self.uri = uri
        self.runs: dict[str, MirroredRun] = {}
        self.last_start = 0  # of these runs, milliseconds since the epoch
        self._patience = patience
        self._unheard = False  # whether a call may have done what its answer did not tell
        self._connect()

    def failed(self, error: Exception) -> None:
        """Wait for another try after ``error``.

        Raises:
            UserError: there is none.
        """
        said = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
        reason = (str(said).splitlines() or [""])[0]
        away = self._patience is not None and is_away(error, server=database(self.uri) is None)
        if self._patience is None or not away:
            raise UserError(
                f"MLflow at {shown(self.uri)!r} failed: {reason}",
                "Mend the database or the server; then give the same command again, it goes on where it stopped.",
            ) from error
        if not self._patience.waits(f"MLflow at {shown(self.uri)!r}", reason):
            raise UserError(
                f"MLflow at {shown(self.uri)!r} is away: {reason}. The records and the report of the run are whole, "
                "but not all of them is in MLflow",
                "When it is back, give the same command again: it trains nothing anew and brings MLflow up to date.",
            ) from error
        self._unheard = True
        for run in self.runs.values():
            run.fresh = False
            run.logged.clear()

    def answered(self) -> None:
        """The store has answered."""
        if self._patience is not None:
            self._patience.answered(f"MLflow at {shown(self.uri)!r}")

    @plain_errors
    def _connect(self) -> None:
        if self._patience is not None:  # ours; MLflow's own would not look whether to go on waiting
            os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        path = database(self.uri)
        with _one_at_a_time(path):
            if path is not None and not path.exists():
                _make_database(path)
            self._client = open_client(self.uri)
            self._client.search_experiments(max_results=1)

    @plain_errors
    def knows(self, experiment: str) -> bool:
        """Whether there is an experiment of this name that nobody deleted."""
        found = self._client.get_experiment_by_name(experiment)
        return found is not None and found.lifecycle_stage != "deleted"

    @plain_errors
    def enter(self, experiment: str, run_id: str) -> None:
        """Take the experiment of this name, made where it is missing, restored where it was deleted, and find its runs.

        Args:
            run_id: value of tag hpo.run of every run here.
        """
        self.run_id = run_id
        with _one_at_a_time(database(self.uri)):
            found = self._client.get_experiment_by_name(experiment)
            if found is None:
                made = self._client.create_experiment(experiment, _artifacts(self.uri))
                found = self._client.get_experiment(made)
        self.experiment_id = str(found.experiment_id)
        self.experiment_tags: dict[str, str] = dict(found.tags)
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(self.experiment_id)
        self.look_again()

    @plain_errors
    def look_again(self) -> None:
        """Learn which runs there are and their status: a stop inside a call of MLflow may leave what nobody was told."""
        self._look()

    def _look(self) -> None:
        from mlflow.entities import ViewType

        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self.experiment_id],
                filter_string=f"tags.`hpo.run` = '{self.run_id}'",
                run_view_type=ViewType.ALL,
                max_results=PAGE,
                page_token=token,
            )
            for run in page:
                known = self.runs.setdefault(
                    run.data.tags["hpo.key"],
                    MirroredRun(run.info.run_id, run.info.status, "running", fresh=False, taken=False),
                )
                self.last_start = max(self.last_start, run.info.start_time or 0)
                known.status = run.info.status
                known.state = run.data.tags.get("hpo.state", "running")
                known.deleted = run.info.lifecycle_stage == "deleted"
            token = page.token
            if not token:
                return

    def _be_sure(self) -> None:
        """Learn what calls did whose answer was lost. A store that only reads has not answered: it is still away."""
        if self._unheard:
            self._look()
            self._unheard = False

    @plain_errors
    def find(self, key: str) -> MirroredRun | None:
        """The run of ``key``, restored where it was deleted."""
        self._be_sure()
        run = self.runs.get(key)
        if run is not None and run.deleted:
            self._client.restore_run(run.id)
            run.deleted = False
        return run

    @plain_errors
    def create(
        self,
        key: str,
        name: str,
        parent: MirroredRun | None,
        tags: Mapping[str, str],
        start: int,
        state: str = "running",
    ) -> MirroredRun:
        """Make the run of ``key``; MLflow has it RUNNING until ``end``, whatever ``state`` it is to end with.

        Args:
            start: milliseconds since the epoch. MLflow lists the latest first.
        """
        self._be_sure()
        if key in self.runs:  # by a call whose answer was lost
            return self.runs[key]
        everything = {"hpo.run": self.run_id, "hpo.key": key, "hpo.state": state, **tags}
        if parent is not None:
            everything["mlflow.parentRunId"] = parent.id
        made = self._client.create_run(
            self.experiment_id, start_time=start, tags=_cut(everything, LONGEST_TAG), run_name=name
        )
        run = self.runs[key] = MirroredRun(made.info.run_id, "RUNNING", state, fresh=True, taken=True)
        return run

    @plain_errors
    def take(self, run: MirroredRun, *, again: bool = False) -> None:
        """Set a run that an earlier process left half-way RUNNING again; with ``again`` one that ended, too."""
        if (run.ended and not again) or run.taken:
            return
        if run.status != "RUNNING":
            self._client.update_run(run.id, status="RUNNING")
        self._batch(run, tags={"hpo.state": "running"})
        run.status, run.state, run.taken = "RUNNING", "running", True

    @plain_errors
    def log(
        self,
        run: MirroredRun,
        metrics: Mapping[Point, Measured],
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> None:
        """Log ``metrics`` by (name, step), ``tags`` and ``params`` at once; what was logged before is left out."""
        new: dict[Point, Measured] = {}
        for (name, step), told in metrics.items():
            news = self._logged(run, name).news(step, told)
            if news is not None:
                new[name, step] = news
        self._batch(run, new, params or {}, tags or {})
        for (name, step), told in new.items():
            run.logged[name].add(step, told)

    def _logged(self, run: MirroredRun, metric: str) -> Logged:
        if metric not in run.logged:
            history = [] if run.fresh else self._client.get_metric_history(run.id, metric)
            in_time = sorted(history, key=lambda point: (point.timestamp, point.value))
            run.logged[metric] = Logged({point.step: (point.value, point.timestamp) for point in in_time})
        return run.logged[metric]

    def _batch(
        self,
        run: MirroredRun,
        metrics: Mapping[Point, Measured] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        values = [Metric(name, value, at, step) for (name, step), (value, at) in (metrics or {}).items()]
        while len(values) > METRICS_A_BATCH:
            self._client.log_batch(run.id, metrics=values[:METRICS_A_BATCH])
            del values[:METRICS_A_BATCH]
        if values or params or tags:
            self._client.log_batch(
                run.id,
                metrics=values,
                params=[Param(*item) for item in _cut(params or {}, LONGEST_PARAM).items()][:PARAMS_A_BATCH],
                tags=[RunTag(*item) for item in _cut(tags or {}, LONGEST_TAG).items()],
            )

    @plain_errors
    def end(
        self,
        run: MirroredRun,
        state: str,
        metrics: Mapping[Point, Measured] | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        at: int | None = None,
    ) -> None:
        """End ``run`` (``at``: milliseconds since the epoch): what there is to log, then the status of ``state``."""
        changed = {} if run.state == state else {"hpo.state": state}
        self.log(run, metrics or {}, {**(tags or {}), **changed}, params)
        # The status comes last: where it is an end, all else has been written.
        status = {"complete": "FINISHED", "failed": "FAILED"}.get(state, "KILLED")
        self._client.set_terminated(run.id, status, at)
        run.status, run.state = status, state
        run.fresh = False
        run.logged.clear()  # there may be ten thousand such runs, and hardly one is written again

    @plain_errors
    def tag_experiment(self, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment, those that differ."""
        for key, value in _cut(tags, LONGEST_EXPERIMENT_TAG).items():
            if self.experiment_tags.get(key) != value:
                self._client.set_experiment_tag(self.experiment_id, key, value)
                self.experiment_tags[key] = value

    @plain_errors
    def tag(self, run: MirroredRun, key: str) -> str:
        """Value of a tag, empty where there is none."""
        return str(self._client.get_run(run.id).data.tags.get(key, ""))

    def log_files(self, run: MirroredRun, files: Iterable[tuple[Path, str | None]]) -> None:
        """Copy each file into the folder given beside it (None: the top) of the artifacts of ``run``."""
        for path, folder in files:
            self._log_file(run, path, folder)

    @plain_errors
    def _log_file(self, run: MirroredRun, path: Path, folder: str | None) -> None:
        self._client.log_artifact(run.id, str(path), artifact_path=folder)

    @plain_errors
    def add_version(
        self, run: MirroredRun, name: str, place: str, description: str, tags: Mapping[str, str]
    ) -> str:
        """Make the artifacts of ``run`` below ``place`` a version of the model ``name``, registered where it is not."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self._client.get_run(run.id).info.artifact_uri}/{place}"
        made = self._client.create_model_version(
            name,
            source,
            run_id=run.id,
            tags=_cut(tags, LONGEST_TAG),
            description=_cut({"it": description}, LONGEST_DESCRIPTION)["it"],
        )
        return str(made.version)


def open_client(uri: str) -> Any:
    """An MLflow client that says nothing on the terminal, sends nothing home, and keeps a password out of its URI."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    import logging

    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    path = database(uri)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=f"sqlite:///{path}", registry_uri=f"sqlite:///{path}")
    bare, user, password = credentials(uri)
    if user is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"] = user
        os.environ["MLFLOW_TRACKING_PASSWORD"] = password or ""
    return MlflowClient(tracking_uri=bare, registry_uri=bare)


def _make_database(path: Path) -> None:
    """Make the tables in a file beside it and rename that: MLflow never mends the half that a full disk or a kill leaves."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for left in path.parent.glob(f"{glob.escape(path.name)}.new-*"):  # by a kill
        left.unlink()
    # A name for this try alone: MLflow keeps what it opened under a name.
    new = path.with_name(f"{path.name}.new-{secrets.token_hex(4)}")
    made = SqlAlchemyStore(f"sqlite:///{new}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)  # type: ignore[no-untyped-call]
    engine = made.engine
    engine.dispose()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # all of it into the one file
    engine.dispose()
    new.replace(path)


def _one_at_a_time(path: Path | None) -> AbstractContextManager[Any]:
    """Two processes that make the schema of one database at once crash: let the second wait."""
    if path is None:
        return nullcontext()
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{path}.lock")


def _artifacts(uri: str) -> str | None:
    """Artifact location of an experiment; None: the server's own."""
    path = database(uri)
    return None if path is None else artifact_folder(path).as_uri()


def _cut(values: Mapping[str, str], longest: int) -> dict[str, str]:
    return {
        key: value if len(value) <= longest else value[: longest - 1] + "…" for key, value in values.items()
    }
