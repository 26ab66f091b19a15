"""What a watcher of a run sees: a live table on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpo.cli.lines import PlainLines
from hpo.cli.progress import InHand, Progress, Tally
from hpo.cli.words import count_of, printable, score
from hpo.records.events import Observer
from hpo.search.plan import Plan

GAP = 2  # columns between two of the table
NAME_COLUMNS = 14  # that a long name gets before numbers are left out for it
MOST_IN_HAND = 3


@contextmanager
def watching(plan: Plan, console: Console, *, quiet: bool) -> Iterator[Observer]:
    """The observer that suits ``console``, for as long as the run lasts."""
    progress = Progress(plan)
    if quiet:
        yield progress
    elif console.is_terminal and not console.is_dumb_terminal:
        with Live(
            get_renderable=lambda: run_view(progress, console.width), console=console, refresh_per_second=2
        ) as live:
            yield progress
            live.transient = not progress.told  # a run that was over before has no table
    else:
        lines = PlainLines(progress, console.file)
        yield lines
        lines.close()


def run_view(progress: Progress, width: int) -> RenderableType:
    """Bar, trainings in hand, table, last notes: what a low terminal cuts off at the bottom matters least."""
    with progress.lock:
        if not progress.told:
            return _line("loading data and model", "dim")
        parts = [_bar(progress, width), *_in_hand_lines(progress), strategy_table(progress, width)]
        parts += [Text(printable(f"note: {text}"), "dim") for text in progress.notes]
    return Group(*parts)


def strategy_table(progress: Progress, width: int) -> Table:
    """A row a strategy. Test scores stand in it only when the whole run is over."""
    names = [name for name, _ in _rows(progress)]
    enough = min(max(map(len, names)), NAME_COLUMNS)
    wide = width - _columns_of_numbers(progress, wide=True) >= enough
    room = max(width - _columns_of_numbers(progress, wide=wide), 4)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("strategy", no_wrap=True, overflow="ellipsis", max_width=room)
    for heading in _headings(progress, wide=wide):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, cells in _rows(progress, wide=wide):
        table.add_row(Text(name), *cells)
    return table


def _columns_of_numbers(progress: Progress, *, wide: bool) -> int:
    """Terminal columns that everything but the names takes."""
    rows = [_headings(progress, wide=wide), *(cells for _, cells in _rows(progress, wide=wide))]
    return sum(GAP + max(map(len, column)) for column in zip(*rows, strict=True))


def _headings(progress: Progress, *, wide: bool) -> list[str]:
    names = ["studies", "trials", "pruned"] if wide else ["trials"]
    if _any_failed(progress):
        names.append("failed")
    names += ["best val.", "confirmed"]
    return [*names, "mean test"] if progress.finished else names


def _rows(progress: Progress, *, wide: bool = True) -> list[tuple[str, list[str]]]:
    """(name, cells) of each strategy and of the baseline."""
    rows = [(name, _cells(progress, tally, wide=wide)) for name, tally in progress.tallies.items()]
    if progress.baseline:
        name, tally = progress.baseline
        rows.append((name, _baseline_cells(progress, tally, wide=wide)))
    return [(printable(name), cells) for name, cells in rows]


def _cells(progress: Progress, tally: Tally, *, wide: bool) -> list[str]:
    plan = progress.plan
    strategies = max(len(plan.strategies), 1)
    cells = [f"{tally.trials}/{progress.in_all(tally)}"]
    if wide:
        cells = [f"{progress.studies_ended(tally)}/{plan.replicates}", *cells, str(tally.states["pruned"])]
    if _any_failed(progress):
        cells.append(str(tally.states["failed"]))
    cells += [score(tally.best), f"{tally.confirmed}/{plan.confirmations // strategies}"]
    return [*cells, _mean_test(tally)] if progress.finished else cells


def _baseline_cells(progress: Progress, tally: Tally, *, wide: bool) -> list[str]:
    empty = (3 if wide else 1) + _any_failed(progress) + 1
    cells = [*["-"] * empty, f"{tally.confirmed}/{progress.plan.baselines}"]
    return [*cells, _mean_test(tally)] if progress.finished else cells


def _any_failed(progress: Progress) -> bool:
    return any(t.states["failed"] for t in progress.tallies.values())


def _mean_test(tally: Tally) -> str:
    return score(sum(tally.test) / len(tally.test)) if tally.test else "-"


def _bar(progress: Progress, width: int) -> RenderableType:
    done = progress.trials + progress.confirmations
    text = f"{done}/{count_of(progress.total, 'training')}, {progress.outlook()}"
    grid = Table.grid(padding=(0, 2, 0, 0))
    bar = ProgressBar(
        total=1.0, completed=progress.share_done(), width=max(min(width - len(text) - 3, 40), 5)
    )
    grid.add_row(bar, Text(text, no_wrap=True, overflow="ellipsis"))
    return grid


def _in_hand_lines(progress: Progress) -> list[Text]:
    items = list(progress.in_hand.values())
    if not items:
        return [] if progress.finished else [_line("preparing the next training", "dim")]
    lines = [line for item in items[:MOST_IN_HAND] for line in _describe(item, progress.plan)]
    if len(items) > MOST_IN_HAND:
        lines.append(_line(f"and {len(items) - MOST_IN_HAND} more", "dim"))
    return lines


def _describe(item: InHand, plan: Plan) -> tuple[Text, Text]:
    """Which training, and where it is."""
    work, rung = item.work, item.rung
    what = f"confirming seed {work.index}" if work.confirmation else f"training draw {work.index}"
    name = _line(f"{what} of replicate {work.replicate}: {work.strategy}")
    if rung is None:
        return name, _line(f"  {work.examples:,} examples", "dim")
    rungs = [*(r for r in plan.rungs if r < work.examples), work.examples]
    place = sum(r <= rung.examples for r in rungs)
    seen = f"{rung.examples:,}/{work.examples:,} examples"
    return name, _line(f"  {seen}, rung {place}/{len(rungs)}, validation {score(rung.score)}", "dim")


def _line(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")
