"""Space files made to hang, to fill the memory, or to write elsewhere: an error with its line, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from space_texts import DATA, GOOD, MODELS

from hpo.config.document import MOST_CHARACTERS
from hpo.config.space import load_space
from hpo.errors import UserError


@pytest.mark.parametrize(
    "name", [".store.yaml", "..yaml", "...yaml", ".yaml", "a\nb.yaml", "a\x1b[2J.yaml", "a\\b.yaml"]
)
def test_a_space_whose_run_would_lie_elsewhere_or_hidden_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(GOOD)
    with pytest.raises(UserError) as caught:
        load_space(str(path), MODELS, DATA)
    assert "the run's folder is named as the space file" in caught.value.message


@pytest.mark.parametrize(
    "number", ["0x" + "f" * 5000, "9" * 5000, "0o" + "7" * 9000, "1e" + "9" * 5000, "-" + "9" * 401]
)
def test_a_number_of_thousands_of_digits_is_an_error_with_its_line(tmp_path: Path, number: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"seed: {number}\n{GOOD}")
    with pytest.raises(UserError) as caught:
        load_space(str(path), MODELS, DATA)
    assert caught.value.message.startswith(f"{path}:1:")


@pytest.mark.parametrize(
    "text", ["[" * 190_000, "? " * 90_000, "- " * 90_000, "a: " * 60_000, "{a: " * 40_000]
)
def test_nesting_without_end_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"broken YAML|nested too deeply"):
        load_space(str(path), MODELS, DATA)


def test_a_file_of_megabytes_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("#" * (MOST_CHARACTERS + 1))
    with pytest.raises(UserError, match=f"a file of {MOST_CHARACTERS + 1} characters"):
        load_space(str(path), MODELS, DATA)
