"""Work asked and unique work of a run, counted from its records: R and U."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.data import Assets, Split
from benchmarks.work import Body
from hpo.records.run import Records
from hpo.records.trainings import Confirmation, Trial


@dataclass(frozen=True)
class Counts:
    """R and U of a run.

    Attributes:
        segments: that differ.
        asked_steps, unique_steps: optimizer steps of all trainings, and of those segments that differ.
        asked_work, unique_work: floating-point operations of training and evaluation: each training alone with its frozen
            layers passed at every step, against unique segments and evaluations with frozen layers passed once a text.
    """

    trainings: int
    segments: int
    asked_steps: int
    unique_steps: int
    asked_work: float
    unique_work: float

    @property
    def reuse(self) -> float:
        """R / U in floating-point work."""
        return self.asked_work / self.unique_work


@dataclass
class _Tally:
    asked_steps: int = 0
    asked_work: float = 0.0
    steps: dict[str, int] = field(default_factory=dict)  # of each unique segment
    work: dict[str, float] = field(
        default_factory=dict
    )  # above the frozen layers, of each unique segment and evaluation
    # Texts that pass the frozen layers: ids to (deepest pass, share of the text's epoch that any training sees).
    passes: dict[bytes, tuple[int, float]] = field(default_factory=dict)


def count(records: Records, assets: Assets) -> Counts:
    """Count R and U of all trials and confirmations of ``records``."""
    body = _body(assets)
    tally = _Tally()
    items: tuple[Trial | Confirmation, ...] = (*records.trials, *records.confirmations)
    for item in items:
        _count_training(item, assets, body, tally)
        _count_evaluations(item, assets, body, tally)
    prefix = sum(
        share * body.prefix(len(ids) // 4, depth) for ids, (depth, share) in tally.passes.items()
    )  # int32: four bytes a token
    return Counts(
        trainings=len(items),
        segments=len(tally.steps),
        asked_steps=tally.asked_steps,
        unique_steps=sum(tally.steps.values()),
        asked_work=tally.asked_work,
        unique_work=sum(tally.work.values()) + prefix,
    )


def _body(assets: Assets) -> Body:
    config = json.loads((assets.model / "config.json").read_text(encoding="utf-8"))
    return Body(
        config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"], assets.classes
    )


def _count_training(item: Trial | Confirmation, assets: Assets, body: Body, tally: _Tally) -> None:
    parameters, total = item.parameters, len(assets.train.labels)
    depth = parameters["frozen_layers"]
    above: list[float] = []  # mean work of a text of each epoch
    below: list[float] = []
    for epoch in range(math.ceil(item.segments[-1].examples / total)):
        ids = assets.epoch(item, epoch).ids
        above.append(float(np.mean([body.training(len(row), parameters) for row in ids])))
        below.append(float(np.mean([body.prefix(len(row), depth) for row in ids])))
        share = min(1.0, item.segments[-1].examples / total - epoch)
        for row in ids if depth else ():
            _pass(tally, row, depth, share)
    steps = examples = 0
    for segment in item.segments:
        work = _between(above, examples, segment.examples, total)
        tally.asked_work += work + _between(below, examples, segment.examples, total)
        tally.asked_steps += segment.steps - steps
        tally.work[segment.key] = work
        tally.steps[segment.key] = segment.steps - steps
        steps, examples = segment.steps, segment.examples


def _between(means: list[float], first: int, last: int, total: int) -> float:
    """Work of the examples ``first`` to ``last`` of a training, where each text of epoch e costs ``means[e]``."""
    return sum(
        mean * max(0, min(last, (epoch + 1) * total) - max(first, epoch * total))
        for epoch, mean in enumerate(means)
    )


def _count_evaluations(item: Trial | Confirmation, assets: Assets, body: Body, tally: _Tally) -> None:
    for rung in item.rungs:
        _evaluate(rung.evaluation, assets.validation, item.parameters, body, tally)
    if isinstance(item, Confirmation):
        _evaluate(item.test_evaluation, assets.test, item.parameters, body, tally)


def _evaluate(key: str, texts: Split, parameters: Mapping[str, Any], body: Body, tally: _Tally) -> None:
    depth = parameters["frozen_layers"]
    work = sum(body.forward(len(row), parameters) for row in texts.ids)
    tally.work[key] = work
    tally.asked_work += work + sum(body.prefix(len(row), depth) for row in texts.ids)
    for row in texts.ids if depth else ():
        _pass(tally, row, depth, 1.0)


def _pass(tally: _Tally, row: np.ndarray, depth: int, share: float) -> None:
    ids = np.asarray(row, np.int32).tobytes()
    known = tally.passes.get(ids, (0, 0.0))
    tally.passes[ids] = (max(known[0], depth), max(known[1], share))
