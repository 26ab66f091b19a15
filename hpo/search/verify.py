"""A sample of a run's segments, trained again and compared with what the store and the records say."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.config.experiment import Experiment
from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.records.run import Records
from hpo.records.trainings import Confirmation, Rung, Segment, Trial
from hpo.runtime.again import Again, Piece, Trainer, device_like
from hpo.runtime.jobs import SHIFT, TEST
from hpo.runtime.loading import load
from hpo.search.accounts import mechanism
from hpo.search.circumstances import other_assets, other_numerics
from hpo.search.plan import forks
from hpo.search.prepare import run_record
from hpo.seeds import derive
from hpo.training.store import Store

# What losses (nats) and scores may differ by across classes of numerics.
LOSS_TOLERANCE, SCORE_TOLERANCE = 0.05, 0.02


@dataclass(frozen=True)
class Sampled:
    """A segment of a record; ``first``: number of its training's steps before it."""

    item: Trial | Confirmation
    segment: Segment
    first: int

    @property
    def name(self) -> str:
        """Which training, and which of its steps, counted from 1."""
        item = self.item
        number = f"draw {item.draw}" if isinstance(item, Trial) else f"seed {item.index}"
        first, last = self.first + 1, self.segment.steps
        steps = f"step {last}" if first == last else f"steps {first} to {last}"
        return f"{item.strategy}, replicate {item.replicate}, {number}, {steps}"

    @property
    def rung(self) -> Rung | None:
        """The evaluation at its end."""
        return next((r for r in self.item.rungs if r.steps == self.segment.steps), None)

    @property
    def tested(self) -> Confirmation | None:
        """The confirmation that was scored on the test split with the state at its end."""
        item = self.item
        if not isinstance(item, Confirmation) or item.rungs[item.best_rung].steps != self.segment.steps:
            return None
        return item


@dataclass(frozen=True)
class Compared:
    """One segment, trained again.

    Attributes:
        exact: whether equal bits are promised: on a CPU, within the class of numerics of the run.
        same_state: whether the digest of the state at its end is the stored one; None where none is stored.
        loss, score: the largest difference of any loss (nats) and any score (of the run's metric); infinite where one of
            the two diverged.
    """

    sampled: Sampled
    exact: bool
    same_state: bool | None
    loss: float
    score: float

    @property
    def equal(self) -> bool:
        """To the bit where that is promised, else within the tolerances."""
        if self.exact:
            return self.same_state is not False and self.loss == self.score == 0.0
        return self.loss <= LOSS_TOLERANCE and self.score <= SCORE_TOLERANCE


class Verification:
    """A sample of the segments that the records of ``folder`` name, ready to be trained again.

    Args:
        store: folder of the store of the run; states may be gone from it, and it may be gone itself.
        size: of the sample, which is the same whenever it is drawn.

    Attributes:
        segments: number of segments of different keys in the records.
        sample: in the order of the records.
        others: why equal bits are not promised: what is not as it was when the run was trained.
        warnings: of the store, a sentence each.

    Raises:
        UserError: there are no segments, or data or weights are not those of the run.
    """

    def __init__(self, folder: Path, store: Path, size: int) -> None:
        records = read_records(folder)
        every = _segments(records)
        if not every:
            raise UserError(
                f"{folder} records no trained segment yet",
                "Let `hpo run` finish a trial first; `hpo status` shows how far it is.",
            )
        experiment = Experiment.model_validate(records.run.experiment)
        self._metric = experiment.task.metric
        self.segments = len({s.segment.key for group in every.values() for s in group})
        self.sample = _draw(every, size, derive(experiment.seed, "verify"))
        self.warnings: list[str] = []
        was = records.run.device
        self._loaded = load(
            experiment, device_like(was), was.threads, mechanism=mechanism(experiment, folder)
        )
        now = run_record(self._loaded, was.workers)
        if changed := other_assets(records.run, now):
            raise UserError(
                f"{folder} was trained on other data or weights:\n  " + "\n  ".join(changed),
                "Bring back those that it began with.",
            )
        self.others = other_numerics(records.run, now)
        # Without a limit, so that opening it makes no room.
        self._kept = Store(store, sys.maxsize, self.warnings.append) if store.is_dir() else None

    def compare(self) -> Iterator[Compared]:
        """Train the sample again, one segment after another."""
        with closing(Trainer(self._loaded, forks(self._loaded.experiment), self._kept)) as trainer:
            for sampled in self.sample:
                again = trainer.train(_piece(sampled))
                if again is None:
                    raise UserError(
                        f"{sampled.name}: this version of hpo cuts the training into other segments",
                        "Install the version that `records/run.json` names, and try again.",
                    )
                yield self._compared(sampled, again)

    def _compared(self, sampled: Sampled, again: Again) -> Compared:
        facts = None if self._kept is None else self._kept.segment(sampled.segment.key)
        rung, tested, kept = sampled.rung, sampled.tested, self._kept
        scores = None if kept is None or rung is None else kept.evaluation(rung.evaluation)
        new = again.done.rung
        losses: list[tuple[float | None, float | None]] = []
        pairs: list[tuple[float | None, float | None]] = []
        if facts is not None:
            losses.append((facts.loss, again.facts.loss if again.facts else None))
        if scores is not None:
            losses.append((scores.loss, new.loss if new else None))
            pairs.append((scores.metrics[self._metric], new.score if new else None))
        if rung is not None:
            losses.append((rung.loss, new.loss if new else None))
            losses.append((rung.train_loss, new.train_loss if new else None))
            pairs.append((rung.score, new.score if new else None))
        for split, loss, score in () if tested is None else _tested(tested):
            found = again.tested.get(split)
            losses.append((loss, found.loss if found else None))
            pairs.append((score, found.score if found else None))
        same = again.facts is not None and facts is not None and facts.state == again.facts.state
        return Compared(
            sampled=sampled,
            exact=again.exact,
            same_state=None if facts is None else same,
            loss=_largest_difference(losses),
            score=_largest_difference(pairs),
        )


def _tested(c: Confirmation) -> Iterator[tuple[str, float | None, float]]:
    """Loss and score on the test split and on each shift set, by what jobs call them."""
    yield TEST, c.test_loss, c.test_score
    for name, scores in c.shifts.items():
        yield SHIFT + name, scores.loss, scores.score


def _segments(records: Records) -> dict[str, list[Sampled]]:
    """Every segment of the records by strategy, of which the baseline is one."""
    found: dict[str, list[Sampled]] = {}
    items: tuple[Trial | Confirmation, ...] = (*records.trials, *records.confirmations)
    for item in items:
        first = 0
        for segment in item.segments:
            found.setdefault(item.strategy, []).append(Sampled(item, segment, first))
            first = segment.steps
    return found


def _draw(every: Mapping[str, list[Sampled]], size: int, seed: int) -> list[Sampled]:
    """Segments of different keys, as many of one strategy as of another while there are, in the order of ``every``."""
    chance = np.random.default_rng(seed)
    waiting = {
        name: iter([group[i] for i in chance.permutation(len(group))]) for name, group in every.items()
    }
    drawn: dict[str, Sampled] = {}
    while waiting and len(drawn) < size:
        for name in list(waiting):
            new = next((s for s in waiting[name] if s.segment.key not in drawn), None)
            if new is None:
                del waiting[name]
            elif len(drawn) < size:
                drawn[new.segment.key] = new
    chosen = {id(s) for s in drawn.values()}
    return [s for group in every.values() for s in group if id(s) in chosen]


def _piece(sampled: Sampled) -> Piece:
    item = sampled.item
    return Piece(
        parameters=item.parameters,
        seed=item.seed,
        key=sampled.segment.key,
        first=sampled.first,
        last=sampled.segment.steps,
        tested=sampled.tested is not None,
    )


def _largest_difference(pairs: Sequence[tuple[float | None, float | None]]) -> float:
    """Infinite where of a pair one is None, which stands for a loss that is not finite, and the other is a number."""
    differences = [
        abs(recorded - again) if recorded is not None and again is not None else math.inf
        for recorded, again in pairs
        if recorded != again
    ]
    return max(differences, default=0.0)
