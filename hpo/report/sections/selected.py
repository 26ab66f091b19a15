"""Which trials their searches selected, and how many rows a table of the page carries."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.records.trainings import Trial

PAGE_ROWS = 500  # of a table on the page; ``data/`` holds the rest

Key = tuple[str, int, int]


def key(trial: Trial) -> Key:
    """(strategy, replicate, draw): what names a trial within its run."""
    return trial.strategy, trial.replicate, trial.draw


def selected(records: Records) -> frozenset[Key]:
    """Keys of the trials whose configurations were confirmed; empty before the first confirmation."""
    return frozenset(
        (c.strategy, c.replicate, c.draw)
        for c in records.confirmations
        if c.role == "strategy" and c.draw is not None
    )
