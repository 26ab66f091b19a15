"""Whole runs of every kind of task on the tiny model: what is searched, selected, tested and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tiny import BAD, GOOD, NEUTRAL
from hpo.config.space import load_space
from hpo.records.files import read_records
from hpo.records.metrics import METRICS, METRICS_OF
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from tests.search.test_run import Nobody

SPACE = """\
question: Which schedule, in small?
task: {{kind: {kind}, {metric}data: {{path: {data}}}, train: 96, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant], reference: linear}}
parameters:
  learning_rate: {{choices: [3e-3, 9e-3]}}
  frozen_layers: {{choices: [0, 3]}}
  batch_size: 16
  epochs: 3
{more}budget: {{replicates: 3, trials: 2, rungs: [96], sampler: random}}
"""
ROWS = 220


def sentences() -> list[list[str]]:
    random = np.random.default_rng(11)
    words = [*GOOD, *BAD, *NEUTRAL]
    found: dict[str, list[str]] = {}
    while len(found) < ROWS:
        row = [str(word) for word in random.choice(words, int(random.integers(3, 9)))]
        found[" ".join(row)] = row
    return list(found.values())


def label_sets(folder: Path) -> Path:
    """What a text speaks of: good, bad, both or nothing."""
    rows = [
        {
            "text": " ".join(words),
            "label": [name for name, own in (("bad", BAD), ("good", GOOD)) if {*words} & {*own}],
        }
        for words in sentences()
    ]
    return lines(folder, rows)


def entities(folder: Path) -> Path:
    """Good words are of one type and bad ones of another, each an entity of its own."""
    rows = []
    for words in sentences():
        kinds = ["POS" if w in GOOD else "NEG" if w in BAD else "" for w in words]
        rows.append({"text": words, "label": [f"S-{kind}" if kind else "O" for kind in kinds]})
    return lines(folder, rows)


def pairs(folder: Path) -> Path:
    """Whether both texts speak of the same."""
    random = np.random.default_rng(2)
    rows = []
    for words in sentences():
        one, other = (random.choice(GOOD if random.integers(2) else BAD) for _ in range(2))
        same = (one in GOOD) == (other in GOOD)
        rows.append(
            {"text": " ".join([*words[:2], one]), "second_text": other, "label": "same" if same else "other"}
        )
    return lines(folder, rows)


def lines(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)


@pytest.mark.parametrize(
    ("kind", "write", "metric", "least"),
    [
        ("multi-label", label_sets, "micro_f1", 0.8),
        ("token-classification", entities, "entity_f1", 0.8),
        ("pair", pairs, "macro_f1", 0.3),
        ("token-classification", entities, "log_loss", None),
    ],
)
def test_a_kind_of_task_runs_from_its_file_to_its_report(
    kind: str,
    write: Callable[[Path], Path],
    metric: str,
    least: float | None,
    tmp_path: Path,
    tiny_model: Path,
) -> None:
    more = "" if kind == "token-classification" else "  pooling: mean\n"
    named = "" if metric == METRICS_OF[kind][0] else f"metric: {metric}, "
    file = tmp_path / "kinds.yaml"
    file.write_text(SPACE.format(kind=kind, data=write(tmp_path), metric=named, model=tiny_model, more=more))
    space = load_space(str(file), (), ())
    assert space.experiment.task.metric == metric
    outcome = run_experiment(space, tmp_path / "results", None, "cpu", Nobody(), workers=1)
    records = read_records(outcome.folder)
    assert records.run.metric == METRICS[metric]
    assert records.run.kind == kind
    for c in records.confirmations:
        assert tuple(c.test_metrics) == METRICS_OF[kind]
        assert c.test_metrics[metric] == c.test_score
        assert c.item_scores is not None
        assert len(c.item_scores) == records.run.split.test
        assert np.mean(c.item_scores) == pytest.approx(c.test_score)
        assert c.test_metrics["log_loss"] == pytest.approx(c.test_loss)
        assert c.selected_score is not None
    scores = [c.test_score for c in records.confirmations]
    if least is not None:
        assert np.mean(scores) > least
    for trial in records.trials:  # of equals the earliest rung
        if trial.state == "complete" and trial.best_rung is not None:
            rungs = [rung.score for rung in trial.rungs]
            assert trial.score == (max(rungs) if METRICS[metric].maximize else min(rungs))
    assert METRICS[metric].name in (outcome.folder / "verdict.md").read_text()
    page = (outcome.folder / "report.html").read_text()
    assert "Every metric" in page
