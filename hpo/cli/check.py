"""`hpo check`: what a space file would train, and what that would take."""

from __future__ import annotations

import shlex
import shutil
import textwrap
from typing import Annotated

import typer

from hpo.cli.plan_rows import plan_rows
from hpo.cli.runs import RESULTS, ResultsOption
from hpo.cli.spaces import BudgetOption, DeviceOption, SpaceOption, fetch_assets, one_by_one, open_spaces
from hpo.cli.words import line, printable

EXAMPLE = """\
Example:

  $ hpo check --space lr_schedules
  strategies             5 values of schedule: constant, linear, ...
  search                 25 studies of 4 trials, 100 in all, in 5 replicates
  rungs                  128, 256, 512 examples
  ...
  time                   2 min to 4 min in 2 workers, by steps tried in 14 s
  next: hpo run --space lr_schedules
"""


def check(
    space: SpaceOption,
    results: ResultsOption = RESULTS,
    device: DeviceOption = None,
    budget: BudgetOption = None,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Try no steps: leave memory, disk and time out.")
    ] = False,
) -> None:
    """Validate a space file, fetch what it names and print its plan, with what it takes of memory, disk and time.

    For that it tries a few steps, which are thrown away; nothing is stored. The earlier runs of a file's `from` are opened.
    """
    spaces = open_spaces(space, budget)
    from hpo.search.check import check_experiment

    width = shutil.get_terminal_size().columns
    for opened in one_by_one(spaces, line):
        fetch_assets(opened.experiment, line)
        print(
            columns(plan_rows(opened, check_experiment(opened, results, device, probe=not no_probe)), width)
        )
    options = {
        "--results": None if results == RESULTS else str(results),
        "--device": device,
        "--budget": budget,
    }
    given = [word for option, value in options.items() if value for word in (option, value)]
    print(f"next: {shlex.join(['hpo', 'run', '--space', space, *given])}")


def columns(rows: list[tuple[str, str]], width: int) -> str:
    """The rows in two columns, the second wrapped so that the whole is ``width`` wide where its words allow."""
    indent = max(len(name) for name, _ in rows) + 2
    return "\n".join(
        textwrap.fill(
            printable(text),
            max(width, indent + 20),
            initial_indent=name.ljust(indent),
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, text in rows
    )
