"""PostgreSQL in place of the journal: which URL, what is said when it fails, and patience while it is away.

A password is in the URL, or where PostgreSQL's own clients look for it (PGPASSWORD, ~/.pgpass); no message shows one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hpo.errors import UserError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from sqlalchemy import URL
    from sqlalchemy.engine import ExceptionContext

T = TypeVar("T")

DRIVER = "postgresql+psycopg"
FORM = f"{DRIVER}://USER@HOST/DATABASE"
AWAY = 300.0  # seconds for which a database that is away is tried again
LONGEST_PAUSE = 10.0  # seconds between two tries
# What tells that a connection is dead, in libpq's names: the first answer, a silent peer, unanswered data.
LIVELINESS: dict[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
OPENINGS = (
    5  # two processes that make the tables of one database at once: the second finds them when it tries again
)
HINT = (
    "Correct --storage, or the user and password that it, PGUSER and PGPASSWORD, or ~/.pgpass give; the database must exist "
    "(`createdb DATABASE`)."
)


class _AwayError(Exception):
    """The database is away: of a kind that Optuna does not know, which would repeat a change whose answer was lost."""


class Database:
    """The studies of one run in a database that others may use as well.

    Args:
        url: SQLAlchemy's, of PostgreSQL by psycopg.
        run_id: what the names of this run's studies begin with.
        note: tells the user that the database is away, and back.

    Raises:
        UserError: the URL cannot name such a database.
    """

    def __init__(self, url: str, run_id: str, note: Callable[[str], None]) -> None:
        self._url = _parsed(url)
        self._run_id = run_id
        self.note = note
        self.place = place(url)
        self._storage: RDBStorage | None = None

    def name_of(self, study: str) -> str:
        """The name of one of this run's studies in the database."""
        return f"{self._run_id}/{study}"

    def open(self) -> BaseStorage:
        """Optuna's storage in the database; its tables are made where they are missing.

        Raises:
            UserError: psycopg is not installed, or the database cannot be opened.
        """
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        for last in [False] * (OPENINGS - 1) + [True]:
            try:
                return self._open()
            except ImportError:
                raise UserError(
                    f"--storage {self.place} needs the package psycopg, which is not installed",
                    "Install the extra: `pip install 'hpo[postgres]'`, in a clone `pip install '.[postgres]'`.",
                ) from None
            except (SQLAlchemyError, StorageInternalError) as error:
                if last or _is_away(error):
                    again = "If it is only away, give the same command again when it is back."
                    raise UserError(
                        f"--storage {self.place}: {self._reason(error)}", f"{HINT} {again}"
                    ) from None
            except RuntimeError as error:  # tables of another version of Optuna
                raise UserError(f"--storage {self.place}: {error}", HINT) from None
            time.sleep(0.2)
        raise AssertionError

    def close(self) -> None:
        """Close the connections."""
        if self._storage is not None:
            self._storage.engine.dispose()

    def _open(self) -> BaseStorage:
        from optuna.storages import RDBStorage, get_storage
        from sqlalchemy import event

        from hpo.search.connection import Connections

        _, named = self._url.get_dialect()().create_connect_args(self._url)
        connections = Connections({**LIVELINESS, **named})
        settings = {"hide_parameters": True, "creator": connections.connect}
        text = self._url.render_as_string(hide_password=False)
        self._storage = RDBStorage(text, engine_kwargs=settings)

        def failed(context: ExceptionContext) -> None:
            if context.is_disconnect:
                connections.lost()
            if _is_away(context.sqlalchemy_exception or context.original_exception):
                raise _AwayError from context.original_exception

        event.listen(self._storage.engine, "handle_error", failed)
        return get_storage(self._storage)  # which keeps ended trials in memory

    def patiently(self, call: Callable[[], T]) -> T:
        """What ``call`` returns; while the database is away it is called again, for ``AWAY`` seconds at most.

        Raises:
            UserError: the database refuses, or was away for too long.
        """
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        since, pause = None, 0.5
        while True:
            try:
                found = call()
            except (SQLAlchemyError, StorageInternalError, _AwayError) as error:
                reason = self._reason(error)
                if not _is_away(error):
                    raise UserError(f"the database {self.place} refused: {reason}", HINT) from None
            else:
                if since is not None:
                    self.note(f"the database {self.place} is back")
                return found
            if since is None:
                since = time.monotonic()
                self.note(
                    f"the database {self.place} does not answer ({reason}): trying again for {AWAY / 60:g} minutes"
                )
            elif time.monotonic() - since > AWAY:
                raise UserError(
                    f"the database {self.place} has not answered for {AWAY / 60:g} minutes: {reason}",
                    "When it is back, give the same command again; it goes on where it stopped.",
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _reason(self, error: BaseException) -> str:
        """What the database or its driver says, on one line, without the password."""
        while (cause := getattr(error, "orig", None) or error.__cause__) is not None:
            error = cause
        text = " ".join(str(error).split()) or type(error).__name__
        for password in (self._url.password, self._url.query.get("password"), os.environ.get("PGPASSWORD")):
            text = text.replace(str(password), "***") if password else text
        return text


def place(url: str) -> str:
    """Where a database is: its URL without user, password and whatever else is no address.

    Raises:
        UserError: it is no such URL.
    """
    from sqlalchemy import URL

    parsed = _parsed(url)
    address = {name: parsed.query[name] for name in ("host", "port") if name in parsed.query}
    bare = URL.create(DRIVER, host=parsed.host, port=parsed.port, database=parsed.database, query=address)
    return bare.render_as_string()


def kept_place(folder: Path) -> str | None:
    """Where the studies of the run in ``folder`` are; None: in its journal."""
    path = folder / "storage"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def settle_place(folder: Path, url: str | None, begun: bool) -> None:
    """Keep with a run where its studies are, and refuse another place once it is ``begun``.

    Raises:
        UserError: they are elsewhere.
    """
    path, kept = folder / "storage", kept_place(folder)
    wanted = None if url is None else place(url)
    if begun and kept != wanted:
        where = "its journal file" if kept is None else f"the database {kept}"
        how = "without --storage" if kept is None else f"with `--storage {kept}`, user and password added"
        raise UserError(
            f"{folder} was begun with its studies in {where}",
            f"Give the command {how}, or another --results folder to begin anew.",
        )
    if wanted is None:
        path.unlink(missing_ok=True)
    elif kept != wanted:
        path.write_text(wanted + "\n", encoding="utf-8")


def _parsed(url: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if url.count("@") > 1:  # what stands between them may be of a password
        raise UserError(
            "--storage: the URL has more than one @", "Write an @ in a user's name or password as %40."
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # their texts hold parts of it
        raise UserError("--storage: this is no URL of a database", f"Write it as {FORM}.") from None
    if parsed.drivername != DRIVER or not parsed.database:
        raise UserError(
            f"--storage: found a URL of {parsed.drivername!r}"
            + ("" if parsed.database else " that names no database")
            + f"; allowed is {FORM}",
            "Write it so, or leave --storage out to keep the studies in the run's folder.",
        )
    return parsed


def _is_away(error: BaseException) -> bool:
    """Whether a connection could not be made, or was lost, rather than the statement refused."""
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
    from sqlalchemy.exc import TimeoutError as NoConnectionError

    found: BaseException | None = error
    while found is not None:
        if isinstance(found, _AwayError | OperationalError | InterfaceError | NoConnectionError):
            return True
        if isinstance(found, DBAPIError) and found.connection_invalidated:
            return True
        found = found.__cause__
    return False
