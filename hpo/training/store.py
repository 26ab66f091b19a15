"""What training has done, by key: facts of segments and evaluations for good, states as long as there is room.

    <folder>/segments/<key>.json       loss, seconds and the state's digest
    <folder>/evaluations/<key>.json    scores of one state on one evaluation set
    <folder>/states/<key>.safetensors  a state, with its digest

Each file is written under a temporary name and renamed, so that a kill leaves it whole or not at all. States can be
computed again: they are checked when read, and one that does not fit is trained again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hpo.records.schema import Frozen
from hpo.training.states import state_digest

# Bytes: some 50 states of two trained MiniLM layers, more than paired draws of ten strategies share.
STATE_LIMIT = 2 * 2**30


class SegmentFacts(Frozen):
    """``loss``: mean of the segment's steps in nats, None where it diverged; ``state``: digest of the state at its end."""

    loss: float | None
    seconds: float
    state: str


class EvaluationFacts(Frozen):
    """Scores of one state; ``predictions`` (class indices) are kept where the items are scored one by one."""

    accuracy: float
    loss: float | None
    seconds: float
    predictions: tuple[int, ...] | None


Facts = TypeVar("Facts", SegmentFacts, EvaluationFacts)


class Store:
    """One folder of facts and states. One process writes to it.

    Args:
        state_limit: bytes that states may take.
    """

    def __init__(self, folder: Path, state_limit: int = STATE_LIMIT) -> None:
        self._folder = folder
        self._state_limit = state_limit
        for kind in ("segments", "evaluations", "states"):
            (folder / kind).mkdir(parents=True, exist_ok=True)

    def segment(self, key: str) -> SegmentFacts | None:
        """Facts of a segment trained before, or None."""
        return self._read("segments", key, SegmentFacts)

    def evaluation(self, key: str) -> EvaluationFacts | None:
        """Facts of an evaluation made before, or None."""
        return self._read("evaluations", key, EvaluationFacts)

    def put_segment(self, key: str, facts: SegmentFacts) -> None:
        self._write("segments", key, facts)

    def put_evaluation(self, key: str, facts: EvaluationFacts) -> None:
        self._write("evaluations", key, facts)

    def state(self, key: str) -> dict[str, Tensor] | None:
        """A stored state, or None where there is none or it is damaged."""
        path = self._path("states", key, "safetensors")
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                digest = (file.metadata() or {}).get("digest")
        except (SafetensorError, OSError):
            digest, tensors = None, {}
        if digest != state_digest(tensors):
            path.unlink(missing_ok=True)
            return None
        path.touch()  # used now: the last to make room
        return tensors

    def put_state(self, key: str, tensors: Mapping[str, Tensor], digest: str) -> None:
        """Store a state, in place of those used longest ago where the limit asks for it."""
        path = self._path("states", key, "safetensors")
        temporary = path.with_suffix(".tmp")
        self._make_room(sum(t.numel() * t.element_size() for t in tensors.values()))
        save_file(dict(tensors), temporary, metadata={"digest": digest})
        temporary.replace(path)

    def _make_room(self, size: int) -> None:
        """Forget the states that were used longest ago until ``size`` bytes more fit the limit."""
        used = sorted(
            (s.st_mtime_ns, s.st_size, p) for p in (self._folder / "states").iterdir() for s in [p.stat()]
        )
        total = sum(bytes_ for _, bytes_, _ in used) + size
        for _, bytes_, path in used:
            if total <= self._state_limit:
                return
            path.unlink()
            total -= bytes_

    def _path(self, kind: str, key: str, ending: str) -> Path:
        return self._folder / kind / f"{key.removeprefix('sha256:')}.{ending}"

    def _read(self, kind: str, key: str, model: type[Facts]) -> Facts | None:
        path = self._path(kind, key, "json")
        if not path.is_file():
            return None
        try:
            return model.model_validate_json(path.read_bytes())
        except ValidationError:
            return None  # a damaged file is work to be done again

    def _write(self, kind: str, key: str, facts: BaseModel) -> None:
        path = self._path(kind, key, "json")
        temporary = path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(facts.model_dump(mode="json"), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
