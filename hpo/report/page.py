"""The page: one HTML file that works offline, every name escaped by the template."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2

from hpo.records.run import Run
from hpo.report.draw_page import draw_page
from hpo.report.figure import Figure
from hpo.report.section import Section
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


@dataclass(frozen=True)
class Head:
    """What stands above the sections; ``state`` and ``word``: the verdict's, as a class of the style sheet and in words.

    Attributes:
        command: what shows the single trainings; empty: nothing does.
    """

    name: str
    command: str
    question: str
    state: str
    word: str
    sentences: Sequence[str]


def render(run: Run, verdict: Verdict, sections: Sequence[Section]) -> str:
    """HTML of the page of one run; as ``render_page``."""
    command = shlex.join(["hpo", "ui", "--space", run.name]) if run.source == "hpo" else ""
    head = Head(run.name, command, run.question, verdict.state, _state(verdict), verdict.sentences)
    return render_page(head, sections)


def render_page(head: Head, sections: Sequence[Section]) -> str:
    """HTML of a whole page; Plotly's library stands in it once, and only where there is a figure.

    Raises:
        ValueError: two sections, tables or figures have one name, and so one anchor.
    """
    _check_names(sections)
    drawn = any(isinstance(part, Figure) for section in sections for part in section.parts)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hpo.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.tests["figure"] = lambda part: isinstance(part, Figure)
    return environment.get_template("page.html.jinja").render(
        head=head,
        sections=sections,
        draw=draw_page,
        numeric=numeric,
        style=_asset("page.css") + _asset("figure.css"),
        script=_asset("page.js") + _asset("figure.js"),
        plotly=_plotly() if drawn else "",
    )


def _check_names(sections: Sequence[Section]) -> None:
    parts = [part for section in sections for part in section.parts]
    for names in (
        [section.name for section in sections],
        [part.name for part in parts if isinstance(part, Table)],
        [part.name for part in parts if isinstance(part, Figure)],
    ):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ValueError(f"names stand twice in the report: {', '.join(twice)}")


def _state(verdict: Verdict) -> str:
    """The verdict in a word, with how much of it is decided."""
    if verdict.state != "decided":
        return _STATES[verdict.state]
    made = verdict.analysis.comparisons
    decided = sum(c.outcome is not Outcome.INCONCLUSIVE for c in made)
    return f"Decided in {decided} of {counted(len(made), 'comparison')}."


def _asset(name: str) -> str:
    return (resources.files("hpo.report") / "templates" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def numeric(table: Table) -> frozenset[int]:
    """Columns of ``table``, the first aside, that hold numbers alone: they are set to the right."""
    return frozenset(
        index
        for index, cells in enumerate(zip(*table.rows, strict=True))
        if index > 0 and any(c != "-" for c in cells) and all(_NUMBER.fullmatch(c) for c in cells)
    )
