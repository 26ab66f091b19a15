"""One database of MLflow for the tests of the mirror, and an experiment of its own for each."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

NUMBER = count()


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all tests: making one takes seconds. The folder's name is as awkward as is allowed."""
    return tmp_path_factory.mktemp("track") / "my results #1 é"


@pytest.fixture
def name() -> str:
    """An experiment of its own for each test."""
    return f"space{next(NUMBER)}"
