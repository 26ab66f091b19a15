"""Tables of `hpo compare`: strategies by runs, as many runs beside one another as the terminal is wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.table import Table
from rich.text import Text

from hpo.cli.words import printable
from hpo.report.across import JudgedRun
from hpo.report.side_by_side import cell_lines

GAP = 2  # columns between two of a table
NAME_COLUMNS = 18  # that a long name of a strategy gets
HEADING_COLUMNS = 28  # that a long name of a run gets
RANK = "mean rank"


@dataclass(frozen=True)
class _Column:
    """Lines of each strategy's cell; ``best``: the strategy that is set in bold, None before a run's end."""

    heading: str
    cells: Mapping[str, Sequence[str]]
    best: str | None = None

    @property
    def width(self) -> int:
        """Terminal columns that it takes, with the gap after it."""
        longest = max(len(line) for lines in self.cells.values() for line in lines)
        return max(min(len(self.heading), HEADING_COLUMNS), longest) + GAP


def comparison_tables(
    runs: Sequence[JudgedRun], mean_ranks: Mapping[str, float], width: int
) -> Iterator[Table]:
    """Tables that together hold every run, and ``mean_ranks`` of strategies over the runs, if any, at the end."""
    names = list(dict.fromkeys(name for run in runs for name in run.records.run.strategies))
    columns = [
        _Column(printable(run.label), {name: cell_lines(run, name) for name in names}, _best(run))
        for run in runs
    ]
    if mean_ranks:
        ranks = {name: [f"{mean_ranks[name]:.2f}" if name in mean_ranks else "-"] for name in names}
        columns.append(_Column(RANK, ranks))
    name_width = min(max(len("strategy"), *(len(printable(name)) for name in names)), NAME_COLUMNS)
    room = max(width - name_width - GAP, len(RANK))
    while columns:
        count = max(1, sum(used - GAP <= room for used in accumulate(column.width for column in columns)))
        yield _table(names, columns[:count], name_width, room)
        columns = columns[count:]


def _best(run: JudgedRun) -> str | None:
    return None if run.verdict.state == "unfinished" else run.verdict.analysis.best


def _table(names: Sequence[str], columns: Sequence[_Column], name_width: int, room: int) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("strategy", no_wrap=True, overflow="ellipsis", max_width=name_width)
    for column in columns:
        widest = min(column.width - GAP, room)
        table.add_column(Text(column.heading), no_wrap=True, overflow="ellipsis", max_width=widest)
    for name in names:
        cells = [
            Text("\n".join(column.cells[name]), "bold" if name == column.best else "") for column in columns
        ]
        table.add_row(Text(printable(name)), *cells)
    return table
