"""What is stored of a user's texts is for its owner alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hpo.training.facts import EvaluationFacts, PassFacts, SegmentFacts
from hpo.training.prefix_files import Prefix
from hpo.training.private_files import make_folder
from hpo.training.states import state_digest
from hpo.training.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
KEY = "sha256:" + "cd" * 32


@pytest.fixture(autouse=True)
def _everything_is_allowed() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(folder: Path, size: int = 12) -> Store:
    """A store with one of each kind of file; a state of ``size`` x 4 numbers."""
    store = Store(folder)
    tensors = {"model/weight": torch.zeros(size, 4)}
    store.put_state(KEY, tensors, state_digest(tensors), 1.0, 1.0)
    prefix = Prefix(
        values=np.zeros((3, 2), np.float32),
        passes="p",
        texts=np.zeros((1, 16), np.uint8),
        ends=np.array([3]),
        seconds=np.ones(1),
    )
    store.put_prefix(KEY, prefix, 1.0)
    store.put_segment(KEY, SegmentFacts(loss=0.5, seconds=1.0, state="s"))
    store.put_evaluation(KEY, EvaluationFacts(metrics={}, loss=0.5, seconds=1.0))
    store.put_pass(KEY, PassFacts(seconds=1.0, spent=1.0))
    with store.lock(KEY):
        pass
    return store


@pytest.mark.parametrize("size", [12, 2**20], ids=["small", "past the cache"])
def test_every_file_of_a_store_is_its_owners(tmp_path: Path, size: int) -> None:
    folder = tmp_path / "results" / ".store"
    filled(folder, size)
    found = {path: rights(path) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}
    assert {path.parent.name for path in found if path.suffix in (".json", ".safetensors")} == {
        "states", "prefixes", "segments", "evaluations", "passes",
    }  # fmt: skip
    assert rights(folder.parent) == 0o777, "the results are as open as the user has them"


def test_opening_a_store_closes_one_that_was_open_to_others(tmp_path: Path) -> None:
    folder = tmp_path / ".store"
    (folder / "states").mkdir(parents=True)
    assert rights(folder) == 0o777
    Store(folder)
    assert rights(folder) == rights(folder / "states") == 0o700


def test_a_folder_of_another_user_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    make_folder(tmp_path)
    assert tmp_path.is_dir()
