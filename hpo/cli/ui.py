"""`hpo ui`: the MLflow pages of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption, TrackingOption

EXAMPLE = """\
Example:

  $ hpo ui --space lr_schedules
  report: results/lr_schedules/report.html
  MLflow: http://127.0.0.1:40713/#/experiments/1/runs?...
  Ctrl-C ends it.

The page opens in the browser.
"""


def ui(
    results: ResultsOption = RESULTS,
    tracking_uri: TrackingOption = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, metavar="PORT", help="Without it a free one."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="NAME|RUN", help="Whose page to open; without it the latest run's."),
    ] = None,
) -> None:
    """Open MLflow's pages of a run on this machine, until Ctrl-C."""
    from hpo.tracking.ui import serve
    from hpo.tracking.uri import default_uri

    if space is not None:
        experiment: str | None = experiment_name(space)
    else:
        experiment = latest_run(results) if tracking_uri is None else None
    page = results / (experiment or "") / "report.html"
    if page.is_file():
        print(f"report: {page}", flush=True)
    raise typer.Exit(serve(tracking_uri or default_uri(results), experiment, port, not no_browser))


def experiment_name(space: str) -> str:
    """The MLflow experiment of the space file, the run or the name ``space``."""
    return Path(space).stem if space.endswith((".yaml", ".yml")) else Path(space).name


def latest_run(results: Path) -> str | None:
    """Name of the run under ``results`` that was begun or gone on with last."""
    heads = sorted(results.glob("*/records/run.json"), key=lambda head: head.stat().st_mtime)
    return heads[-1].parent.parent.name if heads else None
