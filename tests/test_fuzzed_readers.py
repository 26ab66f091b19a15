"""Any bytes give a value or a UserError; `python -m benchmarks.fuzz` gives the same readers minutes in place of seconds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.fuzzing import Counts, Reader, contents, give
from benchmarks.readers import GROUPS

EXAMPLES = 100
SLOW = {"imports": 40, "models": 10}  # examples of a reader that takes tens of milliseconds for each
SLOWER = {"space file": 40, "exported records": 10, "import of an Optuna database": 5, "GGUF": 100}


def cases() -> Iterator[object]:
    for group, make in GROUPS.items():
        for reader in make():
            examples = SLOWER.get(reader.name, SLOW.get(group, EXAMPLES))
            yield pytest.param(reader, examples, id=reader.name)


@pytest.mark.parametrize(("reader", "examples"), list(cases()))
def test_any_bytes_give_a_value_or_a_user_error(reader: Reader, examples: int, tmp_path: Path) -> None:
    reader.prepare(tmp_path)
    whole = Counts()
    for content in reader.seeds:
        give(reader, content, tmp_path, whole)
    assert whole.accepted == len(reader.seeds), "what is edited is read before"
    counts = Counts()

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(contents(reader))
    def one(content: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            give(reader, content, tmp_path, counts)

    one()
    assert counts.accepted + counts.refused == counts.examples >= min(examples, 5)
