"""What the jobs of one training came to, added up for its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.records.trainings import Rung, Segment, SetScores, Work
from hpo.runtime.jobs import Done

_DEVICE = ("train", "evaluate", "pass")  # kinds of work that device-seconds count
# Of them what an attempt in more parts does not share: hidden states of frozen layers are the same.
_ALONE = ("train", "evaluate")


@dataclass
class Trained:
    """Segments, rungs and passes in the order of the jobs; a pass that several read is there once.

    Attributes:
        retrained_seconds: spent again on what was known.
        given_up: device-seconds spent on attempts that did not fit the memory.
    """

    segments: list[Segment] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    passes: dict[str, Work] = field(default_factory=dict)
    retrained_seconds: float = 0.0
    given_up: float = 0.0
    _seconds: float = 0.0

    @property
    def uncharged(self) -> float:
        """Device-seconds that were spent and are charged to nobody."""
        return self.retrained_seconds + self.given_up

    def add(self, done: Done) -> None:
        """Add one job."""
        self.segments += done.segments
        if done.rung is not None:
            self.rungs.append(done.rung)
        self.passes |= {work.key: work for work in done.passes}
        self.retrained_seconds += done.retrained_seconds
        self._seconds += _sum(done.seconds, _ALONE)

    def scores(self, done: Done) -> SetScores:
        """What a job on the test split or a shift set gave; its passes are added, its segments are there already."""
        assert done.test is not None, "a job beside the validation split gives scores, or loses the worker"
        self.passes |= {work.key: work for work in done.passes}
        self.retrained_seconds += done.retrained_seconds
        return done.test

    def begin_anew(self, last: Done) -> None:
        """Forget the attempt that ended with ``last``, which did not fit the memory, but for its seconds."""
        self.given_up += self._seconds + _sum(last.seconds, _ALONE)
        self.segments, self.rungs, self.passes = [], [], {}
        self.retrained_seconds = self._seconds = 0.0


def device_seconds(seconds: Mapping[str, float]) -> float:
    """Seconds of a job, by kind of work, in which the device was at work."""
    return _sum(seconds, _DEVICE)


def _sum(seconds: Mapping[str, float], kinds: tuple[str, ...]) -> float:
    return sum(seconds.get(kind, 0.0) for kind in kinds)
