"""`hpo clean`: frees the disk of what no open run needs."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.runs import MODELS, RESULTS, ResultsOption, is_running
from hpo.cli.status import next_command
from hpo.cli.words import count_of, printable, size
from hpo.errors import UserError

if TYPE_CHECKING:
    from hpo.runtime.cleaning import Total

EXAMPLE = """\
Example:

  $ hpo clean
  freed: 1.23 GB, 52 files of states and prefixes
  kept: 402.1 MB, 14 files used since lr_schedules began, which is not finished
  kept: 1.2 MB of facts, so that nothing is trained twice
  next: hpo run --space lr_schedules

  $ hpo clean --data
  removed: 402.1 MB, 14 files of states and hidden values
  removed: 1.2 MB, 431 files of facts: losses, scores, and what was predicted for each test text
  kept: records, reports and MLflow: ...
  next: hpo run --space lr_schedules
"""

# What `--data` leaves: no texts, but what the user asked for is told there.
KEPT = (
    "records, reports and MLflow: scores, and in the records what was predicted for each test text; these go with the "
    "folder of a run"
)


def clean(
    results: ResultsOption = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be freed and remove nothing.")
    ] = False,
    data: Annotated[
        bool,
        typer.Option(
            "--data", help="Remove all that was made from texts, facts too; records and reports stay."
        ),
    ] = False,
) -> None:
    """Remove stored states and prefixes that no unfinished or audited run needs. Records, reports and facts stay."""
    from hpo.runtime.cleaning import clean_earlier, clean_store

    if not results.is_dir():
        raise UserError(f"there is no folder {results}", "Name the one that `hpo run --results` wrote to.")
    folders = sorted(path for path in results.iterdir() if path.is_dir() and path.name != ".store")
    at_work = {folder for folder in folders if is_running(folder)}
    if data:
        _clear(results, folders, at_work, dry_run=dry_run)
        return
    opened = {f: began(f) for f in folders if is_open(f, running=f in at_work)}
    cleaning = clean_store(results / ".store", min(opened.values(), default=math.inf), dry_run=dry_run)
    earlier = clean_earlier((f for f in folders if f not in at_work), dry_run=dry_run)

    verb = "would free" if dry_run else "freed"
    print(f"{verb}: {_amount(cleaning.removed)} of states and prefixes")
    if earlier.files:
        print(f"{verb}: {_amount(earlier)} that earlier versions left")
    if opened:
        print(f"kept: {_amount(cleaning.kept)} used since {_which(list(opened))}")
    print(f"kept: {size(cleaning.facts)} of facts, so that nothing is trained twice")
    print(f"next: {_next(results, list(opened), at_work, dry_run=dry_run)}")


def _clear(results: Path, folders: list[Path], at_work: set[Path], *, dry_run: bool) -> None:
    """Remove all that was made from the texts of any run below ``results``, but for the records."""
    from hpo.runtime.cleaning import clear_stores
    from hpo.search.secret import SECRET

    if at_work:
        names = ", ".join(sorted(printable(folder.name) for folder in at_work))
        raise UserError(
            f"{names}: a process is at work on what was made from its texts",
            "Wait for it (`hpo status` shows how far it is) or stop it; then give the command again.",
        )
    opened = [folder for folder in folders if is_open(folder, running=False)]
    secrets = [folder / SECRET for folder in folders if folder not in opened and (folder / SECRET).is_file()]
    cleared = clear_stores([results / ".store", *(folder / "store" for folder in folders)], dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    print(f"{verb}: {_amount(cleared.tensors)} of states and hidden values")
    print(
        f"{verb}: {_amount(cleared.facts)} of facts: losses, scores, and what was predicted for each test text"
    )
    if secrets:
        names = ", ".join(printable(path.parent.name) for path in secrets)
        print(f"{verb}: the secret of the noise of {names}, which can be reported on and not trained again")
    for path in secrets:
        if not dry_run:
            path.unlink()
    print(f"kept: {KEPT}")
    if exported := [str(path) for folder in folders for path in sorted((folder / MODELS).glob("*"))]:
        print(
            f"kept: exported models, whose weights may tell of texts: {', '.join(map(printable, exported))}"
        )
    if opened:
        names = ", ".join(printable(folder.name) for folder in opened)
        print(f"note: {names} is not finished: what its open trainings had done is trained again")
    print(f"next: {_next(results, opened, at_work, dry_run=dry_run)}{' --data' if dry_run else ''}")


def is_open(folder: Path, *, running: bool) -> bool:
    """Whether ``folder`` is that of a run that may read the store: with work left, or finished and audited just now.

    A run that is at work may have no records yet.
    """
    from hpo.records.files import is_finished

    return running or ((folder / "records" / "run.json").is_file() and not is_finished(folder))


def began(folder: Path) -> float:
    """When a run's first record was written, seconds since 1970; 0 (it may need anything) before there is one.

    The head is written again whenever the run goes on, so the oldest of all records counts.
    """
    records = [*(folder / "records").rglob("*.json"), folder / "run-id"]
    return min((path.stat().st_mtime for path in records if path.is_file()), default=0.0)


def _amount(total: Total) -> str:
    return f"{size(total.size)}, {count_of(total.files, 'file')}"


def _which(folders: list[Path]) -> str:
    from hpo.records.files import is_finished

    names = ", ".join(printable(folder.name) for folder in folders)
    audited = [is_finished(folder) for folder in folders]  # what is finished is open only while it is audited
    if len(folders) == 1:
        return f"{names} began, which is {'at work' if audited[0] else 'not finished'}"
    return f"the first of {names} began, which are not finished{' or at work' if any(audited) else ''}"


def _next(results: Path, opened: list[Path], at_work: set[Path], *, dry_run: bool) -> str:
    elsewhere = [] if results.resolve() == RESULTS.resolve() else ["--results", str(results)]
    if dry_run:
        return shlex.join(["hpo", "clean", *elsewhere])
    if opened:
        return next_command(opened[0].name, opened[0], running=opened[0] in at_work)
    return shlex.join(["hpo", "run", "--space", "lr_schedules", *elsewhere])
