"""A training's model, brought back to be written: what it says is what was scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hpo.training.evaluation import predict
from hpo.training.precision import choose_precision
from tests.runtime.test_structures import STRUCTURES, name_of
from tests.runtime.trainings import Desk, job, train

WAYS: list[dict[str, Any]] = [
    *STRUCTURES,
    {"optimizer": "schedule_free_adamw", "schedule": "constant", "frozen_layers": 1},
    {"optimizer": "adafactor", "learning_rate": 1e-1, "mixup_alpha": 0.2, "frozen_layers": 0},
]


@pytest.mark.parametrize("given", WAYS, ids=name_of)
def test_the_model_brought_back_has_the_scores_of_its_evaluation(
    desk: Desk, tmp_path: Path, given: dict[str, Any]
) -> None:
    """The loss is a mean over logits of all texts, by a body that begins with token ids and not at a frozen depth."""
    worker = desk.worker(tmp_path)
    rungs = [done.rung for done in train(worker, **given)]
    for number, rung in enumerate(rungs):
        assert rung is not None
        found = worker.whole(job(number, **given))
        assert found is not None
        model, _ = found
        data = worker.recall.data(job(number, **given))
        predicted = predict(model, data, choose_precision("cpu"))
        assert predicted.loss == pytest.approx(rung.loss, abs=2e-6)
        assert worker.recall.scoring.metrics(predicted, data)["accuracy"] == rung.score
    losses = [rung.loss for rung in rungs if rung is not None]
    assert len(set(losses)) == len(losses)  # a model of another evaluation would have another loss


def test_what_was_known_stays_known_and_what_is_brought_back_is_no_ones_part(
    desk: Desk, tmp_path: Path
) -> None:
    worker = desk.worker(tmp_path)
    train(worker)
    found = worker.whole(job(1))
    assert found is not None
    model, retrained = found
    with torch.no_grad():
        for parameter in model.trained().values():
            parameter.zero_()
    again = worker.whole(job(1))
    assert again is not None
    assert any(bool(parameter.any()) for parameter in again[0].trained().values())
    assert retrained == 0
