"""`hpo compare`: the verdicts of one or several runs side by side, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.cli.runs import RunsArgument, find_runs
from hpo.cli.words import paragraph
from hpo.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpo.records.run import Records

EXAMPLE = """\
Example:

  $ hpo compare reviews_run news_run
  strategy  reviews              news                 mean rank
  linear    69.1 % [65.9, 72.4]  81.0 % [78.9, 83.1]       2.00
            reference            reference
            rank 1 to 3          rank 2
  ...
"""


def compare(runs: RunsArgument) -> None:
    """Show each run's verdict on each strategy, and what the runs show together. Writes nothing."""
    from rich.console import Console

    from hpo.cli.comparison import comparison_tables
    from hpo.records.files import read_records
    from hpo.report.across import judge
    from hpo.report.side_by_side import legend

    records = [read_records(folder) for folder in find_runs(runs)]
    judged = judge(records)
    told = _across(records)
    console = Console()
    ranks = told[0] if told else {}
    for table in comparison_tables(judged, ranks, console.width):
        console.print(table)
        print()
    print(paragraph(legend(judged)))
    sentences = told[1] if told else judged[0].verdict.sentences
    print("", *map(paragraph, sentences), sep="\n")


def _across(records: Sequence[Records]) -> tuple[dict[str, float], tuple[str, ...]] | None:
    """Mean ranks and sentences over several runs; None of one run."""
    from hpo.report.across import analyse_across
    from hpo.report.across_words import across_verdict

    if len(records) < 2:
        return None
    try:
        across = analyse_across(records)
    except UserError as error:
        return {}, (f"Not compared together: {error.message}.",)
    return dict(zip(across.names, across.blocks.mean_ranks, strict=True)), across_verdict(across).sentences
