"""`hpo ui`: the MLflow pages of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption, TrackingOption
from hpo.errors import UserError

EXAMPLE = """\
Example:

  $ hpo ui --space lr_schedules
  http://127.0.0.1:5000/#/experiments/1/runs?...
  (the page opens in the browser; Ctrl-C ends it)
"""


def ui(
    results: ResultsOption = RESULTS,
    tracking_uri: TrackingOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 5000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="NAME|RUN", help="Whose page to open; without it the latest run's."),
    ] = None,
) -> None:
    """Open MLflow's pages of a run on this machine, until Ctrl-C."""
    experiment = experiment_name(space, results)
    from hpo.tracking import default_uri
    from hpo.tracking.ui import serve

    code = serve(tracking_uri or default_uri(results), experiment, port, not no_browser)
    raise typer.Exit(code)


def experiment_name(space: str | None, results: Path) -> str:
    """The MLflow experiment of the space or run called ``space``; without it, of the latest run.

    Raises:
        UserError: nothing is named and there is no run.
    """
    if space is not None:
        return Path(space).stem if space.endswith((".yaml", ".yml")) else Path(space).name
    heads = sorted(results.glob("*/records/run.json"), key=lambda head: head.stat().st_mtime)
    if not heads:
        raise UserError(
            f"{results}/ holds no run",
            "Start one with `hpo run --space lr_schedules`, or name one with --space.",
        )
    return heads[-1].parent.parent.name
