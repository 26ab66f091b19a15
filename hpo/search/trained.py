"""What the jobs of one training came to, added up for its record."""

from __future__ import annotations

from dataclasses import dataclass, field

from hpo.records.schema import Rung, Segment, SetScores, Work
from hpo.runtime.jobs import Done


@dataclass
class Trained:
    """Segments, rungs and passes in the order of the jobs; a pass that several read is there once."""

    segments: list[Segment] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    passes: dict[str, Work] = field(default_factory=dict)
    retrained_seconds: float = 0.0

    def add(self, done: Done) -> None:
        """Add one job."""
        self.segments += done.segments
        if done.rung is not None:
            self.rungs.append(done.rung)
        self.passes |= {work.key: work for work in done.passes}
        self.retrained_seconds += done.retrained_seconds

    def scores(self, done: Done) -> SetScores:
        """What a job on the test split or a shift set gave; its passes are added, its segments are there already."""
        assert done.test is not None, "a job beside the validation split gives scores, or loses the worker"
        self.passes |= {work.key: work for work in done.passes}
        self.retrained_seconds += done.retrained_seconds
        return done.test
