"""The folder of a run that a command names, and whether a process works on it."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from hpo.errors import UserError

RESULTS = Path("results")

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The folder of a run, or the name of one under results/.")
]
ResultsOption = Annotated[
    Path,
    typer.Option(
        "--results",
        metavar="DIR",
        file_okay=False,
        help="Where runs are written, each in a folder of its own.",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri", metavar="URI", help="MLflow store; without it a sqlite file under results/."
    ),
]


def find_run(name: str, results: Path = RESULTS) -> Path:
    """The folder of run ``name``, which is a path or a name under ``results``.

    Raises:
        UserError: there is no such run.
    """
    for folder in (Path(name), results / name):
        if (folder / "records" / "run.json").is_file():
            return folder
    names = run_names(results)
    message = f"{name!r} is neither the folder of a run nor the name of one under {results}/"
    if not names:
        raise UserError(f"{message}, which holds none", "Start one with `hpo run --space lr_schedules`.")
    nearest = get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise UserError(f"{message}; there are {', '.join(names)}", f"Name one of them, such as `{nearest}`.")


def run_names(results: Path) -> list[str]:
    """Names of the runs under ``results``, sorted."""
    return sorted(head.parent.parent.name for head in results.glob("*/records/run.json"))


def is_running(folder: Path) -> bool:
    """Whether a process holds the lock of the run in ``folder``. Writes nothing where no run ever began."""
    from filelock import FileLock, Timeout

    lock = folder / ".lock"
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
