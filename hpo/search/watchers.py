"""Those who watch a run, told together; the time that each kind of them takes is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hpo.records.events import Observer, Work
from hpo.records.trainings import Confirmation, Rung, Trial


class Watchers:
    """Several observers as one. ``seconds``: spent in telling them."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.observers = list(observers)
        self.seconds = 0.0

    def add(self, observer: Observer) -> None:
        """Tell one more from now on."""
        self.observers.append(observer)

    def started(self, work: Work) -> None:
        self._tell(lambda o: o.started(work))

    def rung(self, work: Work, rung: Rung) -> None:
        self._tell(lambda o: o.rung(work, rung))

    def trial(self, trial: Trial) -> None:
        self._tell(lambda o: o.trial(trial))

    def confirmation(self, confirmation: Confirmation) -> None:
        self._tell(lambda o: o.confirmation(confirmation))

    def note(self, text: str) -> None:
        self._tell(lambda o: o.note(text))

    def _tell(self, what: Callable[[Observer], None]) -> None:
        started = time.perf_counter()
        for observer in self.observers:
            what(observer)
        self.seconds += time.perf_counter() - started
