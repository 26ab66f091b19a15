"""The folder of a run that a command names, and whether a process works on it."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.errors import UserError

if TYPE_CHECKING:
    from hpo.records.run import Run

RESULTS = Path("results")
MODELS = "models"  # folder of the exported models in a run's

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The folder of a run, or the name of one under results/.")
]
RunsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Folders of runs, or names of them under results/; a folder whose subfolders are runs stands for all of them.",
    ),
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

RedactOption = Annotated[
    bool,
    typer.Option(
        "--redact",
        help="Write class 1, class 2, ... in place of the names of classes, which come from the data.",
    ),
]


def find_run(name: str, results: Path = RESULTS) -> Path:
    """The folder of run ``name``, which is a path or a name under ``results``.

    Raises:
        UserError: there is no such run.
    """
    for folder in (Path(name), results / name):
        if (folder / "records" / "run.json").is_file():
            refuse_links(folder)
            return folder
    names = run_names(results)
    message = f"{name!r} is neither the folder of a run nor the name of one under {results}/"
    if not names:
        raise UserError(f"{message}, which holds none", "Start one with `hpo run --space lr_schedules`.")
    nearest = get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise UserError(f"{message}; there are {', '.join(names)}", f"Name one of them, such as `{nearest}`.")


def refuse_links(folder: Path) -> None:
    """Refuse a run's folder in which a name leads elsewhere: a report that is written through it overwrites what is there.

    Raises:
        UserError: it holds a symbolic link.
    """
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise UserError(
                        f"{entry.path} is a symbolic link, and what a run writes stays in its folder",
                        "Remove the link, or put in its place what it leads to.",
                    )
                if entry.is_dir():
                    waiting.append(entry.path)


def refuse_imported(run: Run, folder: Path) -> None:
    """Refuse what only a run of hpo can do.

    Raises:
        UserError: the records of ``run`` come from another tool.
    """
    if run.source != "hpo":
        raise UserError(
            f"{folder} was imported from {run.source}: hpo did not train it and cannot go on with it",
            f"See what it shows: `hpo report {folder}`.",
        )


def find_runs(names: list[str], results: Path = RESULTS) -> list[Path]:
    """The folders of all runs that ``names`` name, in that order; a folder of runs stands for those in it, by name.

    Raises:
        UserError: one of them names no run, or a run is named twice.
    """
    found = []
    for name in names:
        together = folder_of_runs(name, results)
        found += [together / run for run in run_names(together)] if together else [find_run(name, results)]
    seen: set[Path] = set()
    for folder in found:
        if folder.resolve() in seen:
            raise UserError(f"{folder} is named twice", "Name each run once.")
        seen.add(folder.resolve())
    return found


def folder_of_runs(name: str, results: Path = RESULTS) -> Path | None:
    """The folder ``name``, a path or a name under ``results``, if it is no run itself and its subfolders are runs."""
    for folder in (Path(name), results / name):
        if (folder / "records" / "run.json").is_file():
            return None
        if run_names(folder):
            return folder
    return None


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
