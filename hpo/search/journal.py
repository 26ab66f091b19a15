"""Optuna's journal file in a run's folder, where its studies are kept unless a database is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from hpo.errors import UserError
from hpo.records.sealed import seal, sealed_json


def journal_path(folder: Path) -> Path:
    """Where a run's studies lie: ``optuna-dashboard <path>`` opens it."""
    return folder / "optuna-journal.log"


def open_journal(folder: Path) -> JournalStorage:
    """The journal of the run in ``folder``, made where there is none. Every change is a single record of it.

    Raises:
        UserError: the file is none.
    """
    path = journal_path(folder)
    _mend(path)
    try:
        return JournalStorage(_Journal(path))
    except OSError:
        raise
    except Exception as error:  # Optuna replays what stands there, and raises whatever comes
        raise UserError(
            f"{path} is no journal of Optuna any more ({error})",
            "Move the file away and give the command again: its trials are drawn as they were, none is trained again.",
        ) from error


class _Journal(BaseJournalBackend):
    """Optuna's journal file, for its one writer: no lock, nothing read back, no wait for the disk, a checksum a record.

    What a loss of power takes from its end is drawn again as it was; the records are what must not be lost.
    """

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self._new = [sealed_json(line) for line in path.read_bytes().splitlines()]  # not yet read
        self._read = 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """What has been appended since record ``log_number_from``, the last one read."""
        assert log_number_from == self._read, "records are read once, in turn"
        found, self._new = self._new, []
        self._read += len(found)
        return iter(found)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, one JSON line each."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        with self._path.open("ab") as file:
            file.write("".join(f"{seal(line)}\n" for line in lines).encode())
        self._new += [json.loads(line) for line in lines]


def _mend(path: Path) -> None:
    """Cut a last record that a kill left half written or that is damaged, and take away the lock that a kill left held."""
    path.with_name(path.name + ".lock").unlink(missing_ok=True)
    if not path.is_file():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    tail = data[data.rfind(b"\n", 0, end - 1) + 1 : end] if end else b""
    try:
        sealed_json(tail or b"null")
    except ValueError:
        end -= len(tail)
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
