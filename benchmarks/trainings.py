"""The trainings that every side replays, read from the records of a run of hpo."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.records.run import Records
from hpo.records.trainings import Confirmation, Trial


@dataclass(frozen=True)
class Training:
    """One training as a peer repeats it.

    Attributes:
        study: strategy and replicate; peers search one study after another.
        confirmation: whether the test split is scored at the end.
        parameters: every active parameter.
        steps: optimizer steps until it ended or was stopped.
        horizon: steps of the whole training, over which its schedule runs.
        evaluations: steps after which the validation split is scored.
    """

    study: str
    confirmation: bool
    parameters: Mapping[str, Any]
    seed: int
    steps: int
    horizon: int
    evaluations: tuple[int, ...]


def trainings_of(records: Records) -> list[Training]:
    """Every trial and confirmation of a run, study by study; a duplicate is there again, as a peer trains it again."""
    items: list[Trial | Confirmation] = [*records.trials, *records.confirmations]
    items.sort(key=lambda i: (i.strategy, i.replicate))
    return [_training(item, records.run.split.train) for item in items]


def _training(item: Trial | Confirmation, texts: int) -> Training:
    return Training(
        study=f"{item.strategy}.{item.replicate}",
        confirmation=isinstance(item, Confirmation),
        parameters=item.parameters,
        seed=item.seed,
        steps=item.segments[-1].steps,
        horizon=horizon(texts, item.parameters),
        evaluations=tuple(rung.steps for rung in item.rungs if rung.steps),
    )


def horizon(texts: int, parameters: Mapping[str, Any]) -> int:
    """Steps of a whole training on ``texts`` texts: each epoch ends with a short batch, the last one where it is cut off."""
    wanted = math.ceil(texts * parameters["epochs"])
    whole, rest = divmod(wanted, texts)
    size: int = parameters["batch_size"]
    steps: int = whole * math.ceil(texts / size) + math.ceil(rest / size)
    return steps


def write_trainings(path: Path, trainings: list[Training]) -> None:
    """Write the list for the processes of the peers."""
    path.write_text(json.dumps([asdict(t) for t in trainings]), encoding="utf-8")


def read_trainings(path: Path) -> list[Training]:
    """The list as it was written."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [Training(**{**t, "evaluations": tuple(t["evaluations"])}) for t in found]
