"""The page: one HTML file that works offline, every name escaped by the template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources

import jinja2
from plotly.offline import get_plotlyjs

from hpo.records.schema import Run
from hpo.report.charts import Chart
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.text import counted
from hpo.stats.decision import Outcome

_STATES = {
    "unfinished": "Unfinished: nothing is concluded yet.",
    "single": "Nothing is compared.",
    "inconclusive": "Inconclusive.",
}
_NUMBER = re.compile(r"-|[<+-]?\s?\d[\d,.]*(e[+-]?\d+)?( %)?")


def render(run: Run, verdict: Verdict, tables: Mapping[str, Table], charts: Sequence[Chart]) -> str:
    """HTML of the whole page; Plotly's library stands in it once, and only where a chart needs it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hpo.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja").render(
        run=run,
        verdict=verdict,
        state=_state(verdict),
        tables=tables,
        charts=charts,
        numeric=numeric,
        style=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs() if any(chart.panels for chart in charts) else "",
    )


def _state(verdict: Verdict) -> str:
    """The verdict in a word, with how much of it is decided."""
    if verdict.state != "decided":
        return _STATES[verdict.state]
    made = verdict.analysis.comparisons
    decided = sum(c.outcome is not Outcome.INCONCLUSIVE for c in made)
    return f"Decided in {decided} of {counted(len(made), 'comparison')}."


def _asset(name: str) -> str:
    return (resources.files("hpo.report") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=64)
def _numeric(rows: tuple[tuple[str, ...], ...]) -> frozenset[int]:
    columns = list(zip(*rows, strict=True))
    return frozenset(
        index
        for index, cells in enumerate(columns)
        if index > 0 and any(c != "-" for c in cells) and all(_NUMBER.fullmatch(c) for c in cells)
    )


def numeric(table: Table) -> frozenset[int]:
    """Columns of ``table``, the first aside, that hold numbers alone: they are set to the right."""
    return _numeric(table.rows)
