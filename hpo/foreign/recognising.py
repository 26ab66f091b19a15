"""What kind of source lies at a path or behind a URL: by looking at it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hpo.errors import UserError
from hpo.foreign.asked import FORMATS, Format
from hpo.foreign.ray_tune import trial_folders
from hpo.foreign.row_files import WANDB
from hpo.json_text import parse_json
from hpo.tracking.reading import read_only
from hpo.tracking.uri import SQLITE

_GIVE = f"Name what it is with --format: {', '.join(FORMATS)}."
_HEAD = 1_000_000  # bytes that are looked at


def recognise(source: str) -> Format:
    """The format of ``source`` from what lies there.

    Raises:
        UserError: nothing lies there, or nothing that is known.
    """
    if source.startswith(SQLITE):
        return _database(Path(source.removeprefix(SQLITE)))
    if source.startswith(("http://", "https://")):
        return "mlflow"
    if "://" in source:
        return "optuna"
    path = Path(source)
    if not path.exists():
        raise UserError(
            f"there is no file or folder {source}", "Name a file, a folder, or the URL of a database."
        )
    return _folder(path) if path.is_dir() else _file(path)


def _folder(path: Path) -> Format:
    if (path / "runs.parquet").is_file():
        return "records"
    if trial_folders(path):
        return "ray"
    if any(path.glob("*/meta.yaml")):
        return "mlflow"
    raise UserError(
        f"{path} holds neither trials of Ray Tune (params.json) nor experiments of MLflow (meta.yaml) nor exported records "
        "(runs.parquet)",
        "Name the folder that holds them, or a file.",
    )


def _database(path: Path) -> Format:
    if not path.is_file():
        raise UserError(f"there is no file {path}", "Name the database of Optuna or MLflow.")
    try:
        with closing(read_only(path)) as connection:
            tables = {
                name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
            }
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path} is no sqlite database: {error}", "Name the database of Optuna or MLflow."
        ) from error
    if {"studies", "trials"} <= tables:
        return "optuna"
    if {"experiments", "runs"} <= tables:
        return "mlflow"
    raise UserError(f"{path} is a database of neither Optuna nor MLflow", "Name the database of one of them.")


def _file(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"SQLite format 3\x00"):
        return _database(path)
    if head.startswith(b"PAR1"):
        return "records"
    first = head.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    if first.lstrip().startswith(b"{"):
        return "optuna" if _is_journal(first) else "jsonl"
    if b"\x00" in head or not first.strip():
        raise UserError(f"{path} is of no known format", _GIVE)
    names = {name.strip().strip('"') for name in first.decode("utf-8", "replace").split(",")}
    return "wandb" if names >= WANDB else "csv"


def _is_journal(line: bytes) -> bool:
    try:
        return "op_code" in parse_json(line)
    except ValueError:
        return False
