"""Charts of the page: learning curves by strategy, and confirmations behind each mean. Info first, then drawing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from hpo.records.schema import Confirmation, Records, Trial
from hpo.report.analysis import Analysis, Standing
from hpo.report.table import Table, make_table
from hpo.report.text import configuration, one_line, percent, percent_interval, points

# Okabe and Ito's palette without black, which a dark page would hide; the palest last.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "star", "hexagon")
_CONFIG = {"responsive": True, "displaylogo": False, "displayModeBar": False}


@dataclass(frozen=True)
class Panel:
    """One drawing: ``html`` is Plotly's, without its library."""

    heading: str
    html: str


@dataclass(frozen=True)
class Chart:
    """One or several panels with what they show in words and in numbers."""

    name: str
    title: str
    caption: str
    alt: str
    panels: tuple[Panel, ...]
    table: Table


def learning_curves(records: Records) -> Chart:
    """Validation accuracy against examples seen, one panel a strategy, one line a trial."""
    run = records.run
    selected = {(c.strategy, c.replicate, c.draw) for c in records.confirmations if c.role == "strategy"}
    limits = _limits([r.score for t in records.trials for r in t.rungs])
    furthest = max((r.examples for t in records.trials for r in t.rungs), default=1)
    panels = []
    for index, name in enumerate(run.strategies):
        trials = [t for t in records.trials if t.strategy == name and t.rungs]
        traces = [_curve(t, index, (t.strategy, t.replicate, t.draw) in selected) for t in trials]
        figure = go.Figure(traces)
        figure.update_xaxes(title="examples seen", range=[0, furthest * 1.04], tickformat=",d", nticks=6)
        figure.update_yaxes(title="validation accuracy, %", range=limits)
        panels.append(Panel(name, _draw(figure, f"curve-{index}", 300)))
    pruned = sum(t.state == "pruned" for t in records.trials)
    seen = [r.score for t in records.trials for r in t.rungs]
    span = f"from {percent(min(seen))} to {percent(max(seen))}" if seen else "none recorded yet"
    return Chart(
        name="curves",
        title="Learning curves",
        caption="Accuracy on the validation split at each rung; a line is a trial, a dash pattern a replicate. "
        "Thick: selected by its search. Cross: pruned. Trials without an evaluated rung have no line.",
        alt=f"Learning curves of {len(records.trials)} trials, {pruned} of them pruned; validation accuracy {span}.",
        panels=tuple(panels),
        table=_curve_table(records.trials),
    )


def _limits(accuracies: Sequence[float]) -> list[float]:
    """Range of an axis in percent that holds ``accuracies`` with some air."""
    if not accuracies:
        return [0, 100]
    low, high = 100 * min(accuracies), 100 * max(accuracies)
    air = max(1.0, 0.06 * (high - low))
    return [low - air, high + air]


def _curve(trial: Trial, index: int, selected: bool) -> go.Scatter:
    t = trial
    end = "x" if t.state == "pruned" else MARKERS[index % len(MARKERS)]
    told = f"replicate {t.replicate}, draw {t.draw}: {t.state}<br>" + "<br>".join(
        _safe(configuration({name: t.parameters[name]})) for name in sorted(t.parameters)
    )
    return go.Scatter(
        x=[r.examples for r in t.rungs],
        y=[100 * r.score for r in t.rungs],
        mode="lines+markers",
        opacity=1.0 if selected else 0.55,
        line={
            "color": COLOURS[index % len(COLOURS)],
            "width": 3 if selected else 1.3,
            "dash": DASHES[t.replicate % len(DASHES)],
        },
        marker={"symbol": [MARKERS[index % len(MARKERS)]] * (len(t.rungs) - 1) + [end], "size": _sizes(t)},
        hovertemplate="%{x:,} examples: %{y:.1f} %<extra>%{customdata}</extra>",
        customdata=[told] * len(t.rungs),
        showlegend=False,
    )


def _sizes(trial: Trial) -> list[int]:
    return [4] * (len(trial.rungs) - 1) + [9 if trial.state == "pruned" else 7]


def _curve_table(trials: Sequence[Trial]) -> Table:
    shown, raw = [], []
    for t in trials:
        for r in t.rungs:
            shown.append(
                {
                    "Strategy": t.strategy,
                    "Replicate": str(t.replicate),
                    "Draw": str(t.draw),
                    "Examples": f"{r.examples:,}",
                    "Steps": f"{r.steps:,}",
                    "Validation accuracy": percent(r.score),
                    "Validation loss": f"{r.loss:.4f}",
                    "Training loss": f"{r.train_loss:.4f}",
                }
            )
            raw.append(
                {
                    "strategy": t.strategy,
                    "replicate": t.replicate,
                    "draw": t.draw,
                    "examples": r.examples,
                    "steps": r.steps,
                    "validation_score": r.score,
                    "validation_loss": r.loss,
                    "train_loss": r.train_loss,
                    "learning_rate": r.learning_rate,
                }
            )
    return make_table("curves", "Learning curves", "Losses: mean cross-entropy in nats.", shown, raw)


def confirmations(records: Records, analysis: Analysis) -> Chart:
    """Test accuracy: each confirmation as a dot behind its strategy's mean and interval."""
    rows = [*analysis.standings, *([analysis.baseline] if analysis.baseline else [])]
    figure = go.Figure()
    for index, standing in enumerate(rows):
        own = _own(records, standing, analysis)
        figure.add_traces(_dots(standing, own, index, (len(rows) - 1 - index, analysis.baseline is standing)))
    figure.update_xaxes(title="test accuracy, %")
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_tick(standing, analysis) for standing in reversed(rows)],
        range=[-0.6, len(rows) - 0.4],
        automargin=True,
    )
    means = "; ".join(f"{s.name} {percent(s.estimate.mean)}" for s in rows)
    return Chart(
        name="confirmations",
        title="Confirmations on the test split",
        caption="A dot is one retraining of a selected configuration with a fresh seed; the bar is the mean over "
        "searches (or seeds) with its 95 % interval over them and the test items. Intervals of paired strategies may "
        "overlap and still differ: read the comparisons.",
        alt=f"Mean test accuracy: {means}." if rows else "No confirmation is recorded yet.",
        panels=(Panel("", _draw(figure, "confirmations-0", 130 + 46 * len(rows))),) if rows else (),
        table=_confirmation_table(records, rows, analysis),
    )


def _own(records: Records, standing: Standing, analysis: Analysis) -> list[Confirmation]:
    role = "baseline" if standing is analysis.baseline else "strategy"
    return [c for c in records.confirmations if (c.role, c.strategy) == (role, standing.name)]


def _tick(standing: Standing, analysis: Analysis) -> str:
    name = one_line(standing.name)
    short = name if len(name) <= 18 else name[:17] + "…"
    return _safe(short) + ("<br>(baseline)" if standing is analysis.baseline else "")


def _dots(
    standing: Standing, own: Sequence[Confirmation], index: int, place: tuple[int, bool]
) -> list[go.Scatter]:
    """The dots and the mean of one row; ``place``: its height, and whether it is the baseline."""
    row, is_baseline = place
    colour = "#888888" if is_baseline else COLOURS[index % len(COLOURS)]
    mean, (low, high) = 100 * standing.estimate.mean, standing.estimate.interval()
    lowest = min((c.replicate for c in own), default=0)
    spread = max((c.replicate for c in own), default=0) - lowest or 1
    dots = go.Scatter(
        x=[100 * c.test_score for c in own],
        y=[row + 0.14 + 0.2 * (c.replicate - lowest) / spread for c in own],
        mode="markers",
        marker={"color": colour, "symbol": MARKERS[index % len(MARKERS)], "size": 8, "opacity": 0.6},
        customdata=[f"replicate {c.replicate}, seed {c.seed}" for c in own],
        hovertemplate="%{x:.1f} %<extra>%{customdata}</extra>",
        showlegend=False,
    )
    bar = go.Scatter(
        x=[mean],
        y=[row],
        mode="markers",
        marker={"color": colour, "symbol": MARKERS[index % len(MARKERS)], "size": 12},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [100 * high - mean],
            "arrayminus": [mean - 100 * low],
            "color": colour,
            "thickness": 2.5,
            "width": 6,
        },
        hovertemplate=f"mean {mean:.1f} %, 95 % interval {percent_interval((low, high))}<extra></extra>",
        showlegend=False,
    )
    return [dots, bar]


def _confirmation_table(records: Records, rows: Sequence[Standing], analysis: Analysis) -> Table:
    shown, raw = [], []
    for standing in rows:
        for c in _own(records, standing, analysis):
            drop = None if c.selected_score is None else c.selected_score - c.test_score
            shown.append(
                {
                    "Strategy": c.strategy,
                    "Role": c.role,
                    "Replicate": str(c.replicate),
                    "Seed": str(c.seed),
                    "Test accuracy": percent(c.test_score),
                    "Drop from selection, points": "-" if drop is None else points(drop),
                }
            )
            raw.append(
                {
                    "strategy": c.strategy,
                    "role": c.role,
                    "replicate": c.replicate,
                    "seed": c.seed,
                    "test_score": c.test_score,
                    "drop": drop,
                }
            )
    return make_table("confirmations", "Confirmations", "One row a retraining.", shown, raw)


def _safe(text: str) -> str:
    """``text`` for Plotly, which reads a part of HTML."""
    return html.escape(one_line(text))


def _draw(figure: go.Figure, div: str, height: int) -> str:
    """HTML of ``figure`` without the library; colours of text and grid are the page's."""
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 12, "t": 8, "b": 48},
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"align": "left"},
        dragmode=False,
    )
    options: dict[str, Any] = {
        "full_html": False,
        "include_plotlyjs": False,
        "div_id": div,
        "config": _CONFIG,
    }
    return str(figure.to_html(**options))
