"""What travels between stores that share no folder: facts and states, by the names of their files, as they lie there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hpo.training.facts import EvaluationFacts, PassFacts, SegmentFacts, parse_facts
from hpo.training.state_files import read_state
from hpo.training.store import Store
from hpo.training.tensor_files import DamagedError

# What `hpo.training.store.file_name` gives for them, and nothing that leads out of a store.
_NAME = re.compile(r"(segments|evaluations|passes)/[0-9a-f]{64}\.json|states/[0-9a-f]{64}\.safetensors")


def state_names(store: Store) -> list[str]:
    """Names of all states that a store has, not yet whether they are whole."""
    return sorted(f"states/{path.name}" for path in (store.folder / "states").iterdir())


def read(store: Store, names: Iterable[str]) -> dict[str, bytes]:
    """The files of these names that a store has, for another one to ``take``."""
    files = {}
    for name in names:
        try:
            files[name] = _path(store, name).read_bytes()
        except FileNotFoundError:
            continue
    return files


def take(store: Store, files: Mapping[str, bytes]) -> None:
    """Store what was read from another store, unless it is here. What came damaged is left, with a warning.

    Raises:
        UserError: the disk is full.
    """
    for name, data in files.items():
        path = _path(store, name)
        if path.is_file():
            continue
        try:
            _put(store, path, data)
        except DamagedError:
            store.warn(
                f"{path.parent.name}/{path.stem[:12]} came damaged from a worker: it is computed again when needed"
            )


def _put(store: Store, path: Path, data: bytes) -> None:
    kind, key = path.parent.name, path.stem
    if kind == "segments":
        store.put_segment(key, parse_facts(data, SegmentFacts))
    elif kind == "evaluations":
        store.put_evaluation(key, parse_facts(data, EvaluationFacts))
    elif kind == "passes":
        store.put_pass(key, parse_facts(data, PassFacts))
    else:
        store.keep(path, len(data), lambda temporary: _write_state(temporary, data))


def _write_state(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    read_state(path)


def _path(store: Store, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a file in a store")
    return store.folder / name
