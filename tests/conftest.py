"""A tiny random BERT and a small labelled file: for mechanics only; tests/e2e uses the real ones."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.tiny import write_tiny

if TYPE_CHECKING:
    from hpo.data.task_data import TaskData
    from hpo.models.pretrained import Pretrained
    from tests.postgres import Postgres


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder, rows=300)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny: Path) -> Path:
    """Folder of a random BERT: 3 layers, hidden 32, a vocabulary of a few words."""
    return tiny / "model"


@pytest.fixture(scope="session")
def tiny_data(tiny: Path) -> Path:
    """A CSV of 300 different short texts in two classes that a bag of words tells apart."""
    return tiny / "reviews.csv"


@pytest.fixture
def offline_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder and no index: whatever tries to fetch fails."""
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def pretrained(tiny_model: Path) -> Pretrained:
    from hpo.models.pretrained import load_pretrained

    return load_pretrained(str(tiny_model))


@pytest.fixture(scope="session")
def task(tiny_data: Path) -> TaskData:
    from hpo.config.experiment import DataSource, Task
    from hpo.data.task_data import load_task

    return load_task(Task(data=DataSource(path=str(tiny_data)), train=64, validation=40, test=60), seed=3)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this session's own, on loopback."""
    from tests.postgres import remove, start

    server = start()
    yield server
    remove(server)
