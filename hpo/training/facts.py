"""What training has found out, in small sealed files: kept for good, and fsynced, since nothing else tells it again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from hpo.errors import UserError
from hpo.records.base import Frozen
from hpo.records.sealed import BrokenSealError, seal, unseal
from hpo.training.private_files import make_file
from hpo.training.quota import Quota
from hpo.training.tensor_files import DamagedError

FACTS = ("segments", "evaluations", "passes")  # folders of a store
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SegmentFacts(Frozen):
    """What training one segment gave.

    Attributes:
        loss: mean over the segment's steps in nats, None where it diverged.
        state: digest of the state at its end.
    """

    loss: float | None
    seconds: float
    state: str


class ItemFacts(Frozen):
    """What is kept of each item of the test split, in the order of the split.

    Attributes:
        losses: cross-entropy in nats.
        predictions: class index, where an item has one class.
        counts: else true positives, false positives and false negatives of each class (``hpo.metrics.counts``).
    """

    losses: tuple[float, ...]
    predictions: tuple[int, ...] | None = None
    counts: tuple[tuple[tuple[int, ...], ...], ...] = ()


class EvaluationFacts(Frozen):
    """Scores of one state: every metric of its task by name; ``items`` where they are scored one by one."""

    metrics: dict[str, float]
    loss: float | None
    seconds: float
    items: ItemFacts | None = None


class PassFacts(Frozen):
    """What a pass of texts through frozen layers took: all its texts, and those that no pass before it held."""

    seconds: float
    spent: float


Facts = TypeVar("Facts", SegmentFacts, EvaluationFacts, PassFacts)


def parse_facts(data: bytes, model: type[Facts]) -> Facts:
    """The facts that a file tells.

    Raises:
        DamagedError: it is not what was written.
    """
    try:
        return model.model_validate_json(unseal(data))
    except (ValidationError, BrokenSealError) as error:
        raise DamagedError(f"no {model.__name__}") from error


def read_facts(path: Path, model: type[Facts]) -> Facts | None:
    """The facts of a file; None where there is none or it is damaged, which is work to be done again."""
    try:
        return parse_facts(path.read_bytes(), model)
    except (FileNotFoundError, DamagedError):
        return None


def write_facts(path: Path, facts: Facts, quota: Quota) -> Facts | None:
    """Write facts and return None, or return those that were there.

    Raises:
        UserError: the disk is full.
    """
    temporary = quota.partial.temporary()
    try:
        try:
            make_file(temporary)
            with temporary.open("wb") as file:
                file.write(seal(facts.model_dump_json()).encode())
                file.flush()
                os.fsync(file.fileno())
            with quota.locked():
                known = read_facts(path, type(facts))
                if known is None:
                    temporary.replace(path)
                    _sync(path.parent)
            return known
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise UserError(
            f"{path.parent}: {error.strerror}: what was trained last cannot be recorded",
            "Free some space; then give the same command again: it goes on from what is recorded.",
        ) from error


def _sync(folder: Path) -> None:
    """Make a rename in ``folder`` last, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
