"""What the coordinator tells whoever watches a run: the terminal's display, the tracking store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hpo.records.trainings import Confirmation, Rung, Trial


@dataclass(frozen=True)
class Work:
    """One training that is under way: draw ``index`` of a study, or its confirmation with fresh seed ``index``."""

    strategy: str
    replicate: int
    index: int
    confirmation: bool
    seed: int
    parameters: Mapping[str, Any]
    examples: int  # that the whole training sees


class Observer(Protocol):
    """Called by the coordinator in its own thread. Finished work found on resuming is told again, in the same order."""

    def started(self, work: Work) -> None:
        """A training begins."""

    def rung(self, work: Work, rung: Rung) -> None:
        """A training was evaluated on the validation split."""

    def trial(self, trial: Trial) -> None:
        """A trial ended: complete, pruned or failed."""

    def confirmation(self, confirmation: Confirmation) -> None:
        """A selected configuration was scored on the test split."""

    def note(self, text: str) -> None:
        """Something the user should know: one line."""
