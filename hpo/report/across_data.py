"""What a report across runs is computed from, as tables: a row for each run and for each unit within it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpo.records.base import NOT_RECORDED
from hpo.records.columns import Column, TableSchema
from hpo.records.description import Description
from hpo.records.tables import arrow_table, write_described
from hpo.report.across import Across, TaskRun
from hpo.report.table import computed
from hpo.report.terms import units_of

_WHOSE = (
    Column("run", "string", "", "What tells the run from the others of the report."),
    Column("task", "string", "", "Name of the data."),
    Column("model", "string", "", "The pretrained body.", "not recorded"),
    Column("metric", "string", "", "What scores are."),
    Column("maximize", "bool", "", "Whether higher scores are better."),
    Column("block", "string", "", "What the run is a part of, with the other runs of that task (or model)."),
    Column("strategy", "string", "", "Name of the strategy."),
)
BLOCKS = TableSchema(
    "blocks",
    "Strategies by runs: what ranks, their tests and differences are computed from.",
    ("run", "strategy"),
    (
        *_WHOSE,
        Column("score", "float64", "the run's metric", "Mean test score in the run."),
        Column(
            "block_score",
            "float64",
            "the run's metric",
            "Mean of `score` over the runs of the block: by it the strategy is ranked there.",
        ),
        Column(
            "margin",
            "float64",
            "the run's metric",
            "Margin of practical equivalence of the run; a block has the largest of its runs. 0: there is none.",
        ),
    ),
)
SAMPLES = TableSchema(
    "samples",
    "Units within runs: what probabilities of improvement, interquartile means and profiles are computed from.",
    ("run", "strategy", "number"),
    (
        *_WHOSE,
        Column(
            "unit", "string", "", "What the scores of the run are of: a search (the mean of its seeds), ..."
        ),
        Column("number", "int64", "", "Number of the unit, from 0."),
        Column(
            "paired",
            "bool",
            "",
            "Whether units of two strategies with one number count as a pair, in every run.",
        ),
        Column("score", "float64", "the run's metric", "Test score."),
    ),
)
ACROSS = Description("hpo.across", 1, (BLOCKS, SAMPLES))

Row = dict[str, Any]


def write_data(across: Across, folder: Path) -> tuple[Path, ...]:
    """Write both tables into ``folder`` as Parquet and CSV, and ``schema.json``; returns what was written."""
    rows = {BLOCKS: _blocks(across), SAMPLES: _samples(across)}
    return write_described(ACROSS, {s: arrow_table(ACROSS, s, found) for s, found in rows.items()}, folder)


def _blocks(across: Across) -> Iterator[Row]:
    blocks = across.blocks
    for run in across.runs:
        scores = blocks.scores[blocks.labels.index(run.block)]
        for index, name in enumerate(across.names):
            found = {
                "score": run.standing(name).estimate.mean,
                "block_score": float(scores[index]),
                "margin": run.verdict.analysis.margin.value,
            }
            yield {**_whose(run, name), **computed(found)}


def _samples(across: Across) -> Iterator[Row]:
    for run, units in zip(across.runs, across.samples.runs, strict=True):
        for name, scores in zip(across.names, units, strict=True):
            for number, score in enumerate(scores):
                unit = {
                    "unit": units_of(run.records.run)[0],
                    "number": number,
                    "paired": across.samples.paired,
                }
                yield {**_whose(run, name), **unit, **computed({"score": float(score)})}


def _whose(run: TaskRun, strategy: str) -> Row:
    head = run.records.run
    return {
        "run": run.label,
        "task": head.task,
        "model": None if head.model.source == NOT_RECORDED else head.model.source,
        "metric": head.metric.name,
        "maximize": head.metric.maximize,
        "block": run.block,
        "strategy": strategy,
    }
