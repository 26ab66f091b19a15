from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from space_texts import DATA, MODELS, Load

from hpo.config.space import Space, SpaceFileError, load_space


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str) -> Space:
        path = tmp_path / "s.yaml"
        path.write_text(text, encoding="utf-8")
        return load_space(str(path), MODELS, DATA)

    return write_and_load


@pytest.fixture
def faults(load: Load, tmp_path: Path) -> Callable[[str], list[str]]:
    """The lines of the error, without the file's name in front; an empty list where the text is a good file."""

    def tell(text: str) -> list[str]:
        try:
            load(text)
        except SpaceFileError as error:
            prefix = f"{tmp_path / 's.yaml'}:"
            lines = error.message.splitlines()
            assert all(line.startswith(prefix) for line in lines)
            return [line.removeprefix(prefix) for line in lines]
        return []

    return tell
