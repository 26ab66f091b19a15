"""`hpo run`: from a space file to the verdict."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from hpo.cli.runs import RESULTS, RedactOption, ResultsOption, TrackingOption
from hpo.cli.spaces import BudgetOption, DeviceOption, SpaceOption, fetch_assets, one_by_one, open_spaces
from hpo.cli.words import count_of, duration, line, paragraph
from hpo.errors import UserError

if TYPE_CHECKING:
    from hpo.config.space import Space
    from hpo.search.coordinator import Outcome

EXAMPLE = """\
Example:

  $ hpo run --space lr_schedules
  search: 100 trials in 25 studies, 5 strategies
  trial 1/100: constant, replicate 0, draw 0: complete, ...
  ...
  Inconclusive: ...
  report: results/lr_schedules/report.html
  next: hpo ui --space lr_schedules
"""

STOPPED = 3  # exit code of a run that ``hpo stop`` asked to stop


def _size(text: str) -> int:
    from hpo.config.sizes import FORMS, parse_size

    size = parse_size(text)
    if size is None:
        raise typer.BadParameter(f"{text!r} is not {FORMS}.")
    return size


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the run stops as it does on Ctrl-C, with another exit code."""


def run(
    space: SpaceOption,
    results: ResultsOption = RESULTS,
    tracking_uri: TrackingOption = None,
    device: DeviceOption = None,
    budget: BudgetOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, metavar="N", help="Processes that train; without it what suits this machine."
        ),
    ] = None,
    store_limit: Annotated[
        int | None,
        typer.Option(
            "--store-limit",
            metavar="SIZE",
            parser=_size,
            help="Most room on disk for what trainings share, such as 2GB; without it what the space file says.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="PostgreSQL for the studies: postgresql+psycopg://USER@HOST/NAME; without it a file in the run's folder.",
        ),
    ] = None,
    redact: RedactOption = False,
    on: Annotated[
        Literal["here", "ray"],
        typer.Option(
            "--on",
            help="Where workers are: on this machine, or on the Ray cluster that RAY_ADDRESS names, else one started here.",
        ),
    ] = "here",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the end alone.")] = False,
) -> None:
    """Train, compare and report. The same command again goes on where it stopped.

    A file with several tasks is run on one after another, and reported across them.
    """
    from hpo.records.files import is_finished
    from hpo.runtime.processes import start_server

    say: Callable[[str], None] = (lambda _: None) if quiet else line
    if on == "ray":
        _refuse_passwords({"--storage": storage, "--tracking-uri": tracking_uri})
    try:
        with terminated_by_sigterm():
            spaces = open_spaces(space, budget)
            for opened in one_by_one(spaces, say):
                if not is_finished(results / opened.experiment.name):
                    if workers != 1 and on == "here":
                        start_server()
                    fetch_assets(opened.experiment, say)
                outcome = _watched(
                    opened,
                    results,
                    tracking_uri,
                    device,
                    quiet=quiet,
                    workers=workers,
                    store_limit=store_limit,
                    redact=redact,
                    on=on,
                    storage=storage,
                )
                line("\n".join(ending(outcome, opened.experiment.name, results, tracking_uri)))
    except KeyboardInterrupt as stop:
        why, code = _ended(stop)
        print(f"{why}: the same command goes on where it stopped", file=sys.stderr)
        raise typer.Exit(code) from None
    if len(spaces) > 1:
        print("\n".join(_across(spaces, results)))


def _refuse_passwords(urls: dict[str, str | None]) -> None:
    """Refuse passwords on the command line, which Ray keeps in the cluster's head for all who may join it."""
    from hpo.tracking.uri import holds_password

    for option, url in urls.items():
        if url is not None and holds_password(url):
            raise UserError(
                f"--on ray: the URL of {option} holds a password, and Ray tells the command line to its whole cluster",
                "Leave the password out of it and set PGPASSWORD or ~/.pgpass for PostgreSQL, MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD for MLflow.",
            )


def _ended(stop: KeyboardInterrupt) -> tuple[str, int]:
    """Why the run stopped, and its exit code."""
    from hpo.search.stopping import Stopped

    if isinstance(stop, Stopped):
        return "stopped as asked", STOPPED
    return "interrupted", 143 if isinstance(stop, Terminated) else 130


def _across(spaces: Sequence[Space], results: Path) -> list[str]:
    """Write the report across the tasks of one file; the last lines: its verdict, where it lies, what to do next."""
    from hpo.report.across_page import write_across

    folders = [results / space.experiment.name for space in spaces]
    form = spaces[0].experiment.form
    name = f"{spaces[0].path.stem}-across" + ("" if form is None else f"-{form}")
    written = write_across(folders, results / name)
    command = shlex.join(["hpo", "compare", *map(str, folders)])
    return [
        "",
        *map(paragraph, written.verdict.sentences),
        "",
        f"report across tasks: {written.html}",
        f"next: {command}",
    ]


@contextmanager
def terminated_by_sigterm() -> Iterator[None]:
    """Within it SIGTERM raises ``Terminated`` in the main thread, once: what ends the run must not be cut short."""

    def stop(_signum: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watched(
    space: Space,
    results: Path,
    tracking_uri: str | None,
    device: str | None,
    *,
    quiet: bool,
    workers: int | None,
    store_limit: int | None,
    redact: bool,
    on: Literal["here", "ray"],
    storage: str | None,
) -> Outcome:
    """Run the experiment before the eyes of the user."""
    from rich.console import Console

    from hpo.cli.display import watching
    from hpo.search.plan import make_plan

    with watching(make_plan(space.experiment), Console(), quiet=quiet) as observer:
        from hpo.search.coordinator import run_experiment

        return run_experiment(
            space,
            results,
            tracking_uri,
            device,
            observer,
            workers=workers,
            store_limit=store_limit,
            redact=redact,
            on=on,
            storage=storage,
        )


def ending(outcome: Outcome, name: str, results: Path, tracking_uri: str | None) -> list[str]:
    """The last lines: verdict, where the report lies, where the time went, what to do next."""
    from hpo.tracking.uri import shown

    trained = f"{count_of(outcome.trained, 'segment')} trained now"
    command = ["hpo", "ui", "--space", name]
    if results != RESULTS:
        command += ["--results", str(results)]
    if tracking_uri is not None:
        command += ["--tracking-uri", shown(tracking_uri)]
    return [
        "",
        *map(paragraph, outcome.report.verdict.sentences),
        "",
        f"report: {outcome.report.html}",
        profile_line(outcome.profile, outcome.wall_seconds),
        trained if outcome.trained else "nothing was left to train",
        f"next: {shlex.join(command)}",
    ]


def profile_line(profile: dict[str, float], wall_seconds: float) -> str:
    """Where the wall time went; ``profile``: seconds by kind of work."""
    total = max(wall_seconds, sum(profile.values()), 1e-9)
    passes = sum(profile.get(kind, 0.0) for kind in ("train", "evaluate", "pass"))
    parts = sorted(profile.items(), key=lambda item: -item[1])
    shares = ", ".join(
        f"{kind} {share:.0%}" for kind, seconds in parts if (share := seconds / total) >= 0.005
    )
    line = f"time: {duration(wall_seconds)}, {passes / total:.0%} of it in forward and backward passes"
    return f"{line} ({shares})" if shares else line
