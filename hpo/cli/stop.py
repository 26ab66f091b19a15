"""`hpo stop`: asks the process at work on a run to stop, on whichever machine it is."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from hpo.cli.runs import RunArgument, find_run, is_running
from hpo.errors import UserError

EXAMPLE = """\
Example:

  $ hpo stop lr_schedules
  lr_schedules was asked to stop; it ends after the segments that its workers have in hand
  next: hpo status lr_schedules
"""


def stop(
    run: RunArgument,
    now: Annotated[
        bool,
        typer.Option("--now", help="At once: the segments in hand are begun anew by the next `hpo run`."),
    ] = False,
) -> None:
    """Ask a run to stop after the segments that its workers have in hand. The same `hpo run` goes on with it."""
    from hpo.search.stopping import request_stop

    folder = find_run(run)
    if not is_running(folder):
        raise UserError(
            f"no process works on {folder}: there is nothing to stop",
            f"See how far it is: `{shlex.join(['hpo', 'status', run])}`.",
        )
    if not request_stop(folder, now=now):
        raise UserError(
            f"the process at work on {folder} is no `hpo run`, and takes no request to stop",
            "Stop it where it was started, by Ctrl-C.",
        )
    when = "at once" if now else "after the segments that its workers have in hand"
    print(f"{folder.name} was asked to stop; it ends {when}\nnext: {shlex.join(['hpo', 'status', run])}")
