"""The metrics of the task that do not decide, beside the one that does."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo.records.metrics import METRICS
from hpo.records.run import Records
from hpo.report.analysis import Analysis, Standing
from hpo.report.table import Table, computed, make_table
from hpo.report.terms import units_of
from hpo.report.text import Units, capitalised
from hpo.stats.crossed import crossed


def other_metrics_table(records: Records, analysis: Analysis) -> Table:
    """Each strategy's mean on the test split by every metric that all confirmations record; no rows where that is one."""
    held = [set(c.test_metrics) for c in records.confirmations]
    names = [name for name in METRICS if all(name in own for own in held)] if held else []
    standings = [*analysis.standings, *([analysis.baseline] if analysis.baseline else [])]
    shown, raw = [], []
    for standing in standings if len(names) > 1 else ():
        row, facts = {"Strategy": standing.name}, {"strategy": standing.name}
        for name in names:
            told, numbers = _cell(records, standing, name)
            row[capitalised(METRICS[name].name)] = told
            facts |= numbers
        shown.append(row)
        raw.append(facts)
    note = (
        f"Test: mean over {units_of(records.run)[1]}, in brackets Student's 95 % interval over them alone. Only "
        f"{records.run.metric.name} decided, in the search and in the verdict; the others are for reading beside it."
    )
    return make_table("metrics", "Every metric", note, shown, raw)


def _cell(records: Records, standing: Standing, name: str) -> tuple[str, dict[str, Any]]:
    role = "strategy" if standing.name in records.run.strategies else "baseline"
    own = [c for c in records.confirmations if (c.role, c.strategy) == (role, standing.name)]
    by_search = records.run.replicates > 1
    units: dict[int, list[float]] = {}
    for c in own:
        units.setdefault(c.replicate if by_search else c.index, []).append(c.test_metrics[name])
    means = np.array([np.mean(values) for _, values in sorted(units.items())])
    estimate = crossed(means[:, np.newaxis])
    printed = Units(METRICS[name])
    low, high = estimate.interval()
    numbers = {name: estimate.mean, f"{name}_low": low, f"{name}_high": high}
    return f"{printed.value(estimate.mean)} ({printed.interval((low, high))})", computed(numbers)
