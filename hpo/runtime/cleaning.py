"""What the store of a results folder holds, and how it is freed of what can be computed again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpo.training.facts import FACTS
from hpo.training.quota import Kept, Quota


@dataclass(frozen=True)
class Total:
    """How many files there are, and their bytes."""

    files: int
    size: int


@dataclass(frozen=True)
class Cleaning:
    """States and prefixes ``removed`` and ``kept``; ``facts``: bytes of what is kept for good."""

    removed: Total
    kept: Total
    facts: int


def clean_store(folder: Path, moment: float, *, dry_run: bool) -> Cleaning:
    """Remove the states and prefixes not used since ``moment`` (seconds since 1970), or with ``dry_run`` none."""
    quota = Quota(folder, limit=0)  # it stores nothing
    files = quota.files()
    removed = [file for file in files if file.used < moment]
    kept = [file for file in files if file.used >= moment]
    if folder.is_dir() and not dry_run:
        quota.remove(file.path for file in removed)
    facts = [path.stat().st_size for kind in FACTS for path in (folder / kind).glob("*")]
    return Cleaning(_total(removed), _total(kept), sum(facts))


def clean_earlier(runs: Iterable[Path], *, dry_run: bool) -> Total:
    """Remove the states that earlier versions kept in the folder of each run, or with ``dry_run`` none."""
    found = []
    for run in runs:
        for path in (run / "store" / "states").glob("*"):
            found.append(_kept(path))
            if not dry_run:
                path.unlink()
    return _total(found)


@dataclass(frozen=True)
class Cleared:
    """Files made from texts: ``tensors``, states and hidden values; ``facts``, such as the prediction for each test text."""

    tensors: Total
    facts: Total


def clear_stores(folders: Iterable[Path], *, dry_run: bool) -> Cleared:
    """Remove whole stores, or with ``dry_run`` none."""
    tensors: list[Kept] = []
    facts: list[Kept] = []
    for folder in folders:
        tensors += Quota(folder, limit=0).files()
        facts += [_kept(path) for kind in FACTS for path in (folder / kind).glob("*")]
        if folder.is_dir() and not dry_run:
            shutil.rmtree(folder)
    return Cleared(_total(tensors), _total(facts))


def _kept(path: Path) -> Kept:
    status = path.stat()
    return Kept(path, status.st_size, status.st_mtime)


def _total(files: list[Kept]) -> Total:
    return Total(len(files), sum(file.size for file in files))
