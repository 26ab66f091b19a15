"""`hpo status`: how far a run is, from its records alone."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.cli.runs import RESULTS, RunArgument, find_run, is_running, refuse_imported
from hpo.cli.words import count_of, printable

if TYPE_CHECKING:
    from hpo.cli.progress import Progress
    from hpo.records.run import Records

EXAMPLE = """\
Example:

  $ hpo status lr_schedules
  lr_schedules: 57 of 100 trials, 0 of 25 confirmations
  strategy  studies  trials  pruned  best val.  confirmed
  constant      2/5   12/20       4      0.741        0/5
  ...
  no process works on it
  next: hpo run --space lr_schedules
"""
# Of the options of `hpo run`: what ``next_command`` names, or need not.
REPEATED = {"--space", "--results", "--storage", "--quiet", "-q"}


def status(run: RunArgument) -> None:
    """Say how far a run is, and whether a process works on it."""
    from rich.console import Console

    from hpo.cli.display import strategy_table
    from hpo.records.files import read_records

    folder = find_run(run)
    records = read_records(folder)
    refuse_imported(records.run, folder)
    progress = progress_of(records)
    name = printable(records.run.name)
    in_all = progress.in_all(*progress.tallies.values())
    trials = f"{progress.trials} of {in_all} trial{'' if in_all == '1' else 's'}"
    confirmations = f"{progress.confirmations} of {count_of(progress.total_confirmations, 'confirmation')}"
    print(f"{name}: {trials}, {confirmations}")
    console = Console()
    console.print(strategy_table(progress, console.width))
    running = is_running(folder)
    print(_at_work(folder) if running else "no process works on it")
    print(f"next: {next_command(name, folder, running=running)}")


def _at_work(folder: Path) -> str:
    from hpo.search.stopping import asked

    return f"a process works on it{', and was asked to stop' if asked(folder) else ''}"


def progress_of(records: Records) -> Progress:
    """The records counted as if their run had just been watched."""
    from hpo.cli.progress import Progress
    from hpo.config.experiment import Experiment
    from hpo.search.plan import make_plan

    progress = Progress(make_plan(Experiment.model_validate(records.run.experiment)))
    for trial in records.trials:
        progress.trial(trial)
    for confirmation in records.confirmations:
        progress.confirmation(confirmation)
    return progress


def next_command(name: str, folder: Path, *, running: bool) -> str:
    """What a user of this run does next."""
    from hpo.records.files import is_finished
    from hpo.search.database import kept_place

    elsewhere = [] if folder.parent.resolve() == RESULTS.resolve() else ["--results", str(folder.parent)]
    if is_finished(folder):
        return shlex.join(["hpo", "report", str(folder)])
    given = _options(folder)
    if running:
        server = " --tracking-uri URI (the one that `hpo run` was given)" if "--tracking-uri" in given else ""
        return shlex.join(["hpo", "ui", "--space", name, *elsewhere]) + server
    if is_shipped(name, folder) and given <= REPEATED:
        place = kept_place(folder)  # to which PGUSER and PGPASSWORD, or ~/.pgpass, belong
        storage = [] if place is None else ["--storage", place]
        return shlex.join(["hpo", "run", "--space", name, *elsewhere, *storage])
    return "the same `hpo run` command again"


def _options(folder: Path) -> set[str]:
    """Names of the options that `hpo run` was given when it began."""
    from hpo.records.files import read_run

    run = read_run(folder)
    words = [] if run is None or run.stamp is None else run.stamp.command.split()
    return {word.partition("=")[0] for word in words if word.startswith("-")}


def is_shipped(name: str, folder: Path) -> bool:
    """Whether the run in ``folder`` asks what the shipped space ``name`` asks: where another file lies is not recorded."""
    from hpo.config.space import shipped_spaces

    asked, shipped = folder / "space.yaml", shipped_spaces().get(name)
    return shipped is not None and asked.is_file() and asked.read_bytes() == shipped.read_bytes()
