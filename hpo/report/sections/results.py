"""The strategies on the test split: means, every confirmation behind them, comparisons and selected configurations."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpo.records.run import Records
from hpo.records.trainings import Confirmation
from hpo.report.analysis import Analysis, Standing
from hpo.report.figure import NEUTRAL, Axis, Dots, Figure, Intervals, Mark, Panel
from hpo.report.listings import selected_table
from hpo.report.optimism import drop, drop_name
from hpo.report.section import Section
from hpo.report.sections.other_metrics import other_metrics_table
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.tables import comparison_table, main_table, over
from hpo.report.terms import single_training, units_of, without_search
from hpo.report.text import Units


def results_section(records: Records, judged: Verdict) -> Section:
    """The main table, the confirmations, the comparisons and the selected configurations."""
    analysis = judged.analysis
    if not records.confirmations:
        return Section("results", "Results", absent=_absent(records))
    tables = (
        comparison_table(records, analysis),
        other_metrics_table(records, analysis),
        selected_table(records),
    )
    parts: list[Table | Figure] = [main_table(records, analysis), confirmations_figure(records, analysis)]
    parts += [table for table in tables if table.rows]
    return Section("results", "Results", parts=tuple(parts))


def _absent(records: Records) -> str:
    if records.run.source == "hpo":
        return "No confirmation is recorded yet: the test split is opened once every search has ended."
    whose = "" if without_search(records.run) else " of a selected configuration"
    return f"{records.run.source} holds no test score{whose}, so there is nothing to compare."


def confirmations_figure(records: Records, analysis: Analysis) -> Figure:
    """Each confirmation as a dot behind its strategy's mean and interval, one row a strategy, the baseline last."""
    rows = _rows(analysis)
    units = Units(records.run.metric)
    top = len(rows) - 1
    marks = [
        mark for index, standing in enumerate(rows) for mark in _row(records, analysis, standing, top - index)
    ]
    ticks = [(float(top - index), _tick(standing, analysis)) for index, standing in enumerate(rows)]
    means = "; ".join(f"{_tick(s, analysis)} {units.value(s.estimate.mean)}" for s in rows)
    return Figure(
        name="confirmations",
        title=f"{_rows_are(records)} on the test split",
        caption=_caption(records, analysis),
        alt=f"Mean test {records.run.metric.name}: {means}.",
        panels=(Panel(marks, Axis(units.axis("test")), Axis(ticks=ticks), rows=len(rows)),),
        table=_table(records, analysis),
        legend=False,
    )


def _rows(analysis: Analysis) -> list[Standing]:
    return [*analysis.standings, *([analysis.baseline] if analysis.baseline else [])]


def _tick(standing: Standing, analysis: Analysis) -> str:
    named = standing is not analysis.baseline or standing.name == "baseline"
    return standing.name if named else f"{standing.name} (baseline)"


def _own(records: Records, analysis: Analysis, standing: Standing) -> list[Confirmation]:
    role = "baseline" if standing is analysis.baseline else "strategy"
    return [c for c in records.confirmations if (c.role, c.strategy) == (role, standing.name)]


def _row(records: Records, analysis: Analysis, standing: Standing, height: int) -> Iterator[Mark]:
    """The dots of one row, a replicate above another, and the mean with its interval below them."""
    units = Units(records.run.metric)
    own = _own(records, analysis, standing)
    style = NEUTRAL if standing is analysis.baseline else records.run.strategies.index(standing.name)
    replicates = sorted({c.replicate for c in own})
    step = 0.22 / max(len(replicates) - 1, 1)
    yield Dots(
        x=[units.scale * c.test_score for c in own],
        y=[height + 0.2 + step * replicates.index(c.replicate) for c in own],
        style=style,
        hover=[f"{_named(c)}\n{units.value(c.test_score)}" for c in own],
    )
    mean, (low, high) = standing.estimate.mean, standing.estimate.interval()
    x, y = [units.scale * mean], [float(height)]
    told = (
        f"{_tick(standing, analysis)}\nmean {units.value(mean)}, 95 % interval {units.interval((low, high))}"
    )
    told += f"\n{over(records, standing.estimate.units, standing.seeds)}"
    if math.isfinite(low) and math.isfinite(high):
        yield Intervals(x, y, [units.scale * low], [units.scale * high], style=style, hover=[told])
    else:
        yield Dots(x, y, style=style, weight="strong", hover=[told])


def _named(c: Confirmation) -> str:
    seed = "seed not recorded" if c.seed < 0 else f"seed {c.seed}"
    return f"{c.strategy}, replicate {c.replicate}, {seed}"


def _rows_are(records: Records) -> str:
    return "Trainings" if without_search(records.run) else "Confirmations"


def _dot(records: Records) -> str:
    """What a dot is."""
    if without_search(records.run):
        return "the test score of one training, recorded once"
    if all(c.fresh for c in records.confirmations):
        return "one retraining of a selected configuration with a fresh seed"
    return "one test score of a selected configuration, not always of a fresh seed"


def _marker(records: Records, analysis: Analysis) -> str:
    """What the marker below the dots is, and what its interval is over."""
    by_item = any(c.item_scores for c in records.confirmations)
    sizes = "; ".join(sorted({over(records, s.estimate.units, s.seeds) for s in _rows(analysis)}))
    if single_training(records.run) and by_item:
        return (
            f"the marker below it is that score with its 95 % interval over the test items alone ({sizes}), which speaks "
            "of these trained models only"
        )
    items = " and the test items" if by_item else ""
    alone = any(math.isinf(s.estimate.interval()[0]) for s in _rows(analysis))
    return (
        f"the marker below the dots is the mean over {units_of(records.run)[1]}, with its 95 % interval over them{items} "
        f"({sizes}{'; one alone has no interval' if alone else ''})"
    )


def _caption(records: Records, analysis: Analysis) -> str:
    paired = len(analysis.standings) > 1 and records.run.search.shared_draws is not False
    warning = " Intervals of paired strategies may overlap and still differ: read the comparisons."
    return f"A dot is {_dot(records)}; {_marker(records, analysis)}.{warning if paired else ''}"


def _table(records: Records, analysis: Analysis) -> Table:
    metric, units = records.run.metric, Units(records.run.metric)
    trainings = without_search(records.run)
    drop_title = f"Drop from selection{',' if units.difference_unit else ''}{units.difference_unit}"
    shown, raw = [], []
    for c in (c for standing in _rows(analysis) for c in _own(records, analysis, standing)):
        fallen = drop(metric, c)
        shown.append(
            {
                "Strategy": c.strategy,
                "Role": c.role,
                "Replicate": str(c.replicate),
                "Seed": "-" if c.seed < 0 else str(c.seed),
                f"Test {metric.name}": units.value(c.test_score),
                **({} if trainings else {drop_title: units.difference(fallen)}),
            }
        )
        raw.append(
            {
                "strategy": c.strategy,
                "role": c.role,
                "replicate": c.replicate,
                "seed": c.seed,
                "test_score": c.test_score,
                **computed({"drop": fallen}),
            }
        )
    title = _rows_are(records)
    note = f"One row a confirmation. Drop: {drop_name(metric)}."
    if trainings:
        note = "One row a training."
    if len(shown) > PAGE_ROWS:
        what = f"{PAGE_ROWS:,} of {len(shown):,} {title.lower()}"
        note = f"The first {what}; all of them: data/confirmations.csv. {note}"
    return make_table("confirmations", title, note, shown[:PAGE_ROWS], raw[:PAGE_ROWS])
