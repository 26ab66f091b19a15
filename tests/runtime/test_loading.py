"""What a worker tells while it loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.pulse import progressed
from hpo.runtime import loading
from hpo.training.store import Store
from tests.runtime.trainings import space


def test_each_part_that_is_loaded_is_told_as_progress(
    tmp_path: Path, tiny_data: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def spy(name: str) -> None:
        real = getattr(loading, name)

        def spied(*given: Any, **named: Any) -> Any:
            told.append(progressed())
            return real(*given, **named)

        monkeypatch.setattr(loading, name, spied)

    parts = ["load_task", "load_pretrained", "load_sources", "load_shifts", "TrainingTexts", "read_texts"]
    for name in parts:
        spy(name)
    loaded = loading.load(space(tiny_data, tiny_model), "cpu")
    recall = loaded.recall(Store(tmp_path), ())
    recall.open_test(loaded.test_sets)
    assert len(told) == len(parts) + 1, "the texts of the validation set and of the test split"
    assert sorted(set(told)) == told
    assert progressed() > told[-1]
