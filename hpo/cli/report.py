"""`hpo report`: the report of a run, again, from its records."""

from __future__ import annotations

from hpo.cli.runs import RunArgument, find_run
from hpo.cli.words import paragraph

EXAMPLE = """\
Example:

  $ hpo report lr_schedules
  Inconclusive: ...
  report: results/lr_schedules/report.html
  tables: results/lr_schedules/tables
"""


def report(run: RunArgument) -> None:
    """Write report.html and the tables of a run again. Trains nothing."""
    folder = find_run(run)
    from hpo.report.writing import write_report

    written = write_report(folder)
    print("\n".join(map(paragraph, written.verdict.sentences)))
    print(f"report: {written.html}")
    print(f"tables: {written.tables[0].parent}")
