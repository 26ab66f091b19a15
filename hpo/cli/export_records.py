"""`hpo export-records`: the records of a run as tables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.runs import RESULTS, ResultsOption, RunArgument, find_run

EXAMPLE = """\
Example:

  $ hpo export-records lr_schedules
  tables: results/lr_schedules/data: runs, space, trials, confirmations, ...
  columns: results/lr_schedules/data/schema.json
  next: hpo report results/lr_schedules
"""


def export_records(
    run: RunArgument,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            file_okay=False,
            help="Where to write; without it data/ in the run's folder.",
        ),
    ] = None,
    results: ResultsOption = RESULTS,
) -> None:
    """Write trials, rungs, confirmations, test items and costs as Parquet and CSV, every column described."""
    folder = find_run(run, results)
    from hpo.records.files import read_records
    from hpo.records.tables import write_tables

    data = to or folder / "data"
    *written, description = write_tables(read_records(folder), data)
    print(f"tables: {data}: {', '.join(path.stem for path in written if path.suffix == '.parquet')}")
    print(f"columns: {description}")
    print("next: " + shlex.join(["hpo", "report", str(folder)]))
