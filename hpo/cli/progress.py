"""How far a run is: counts, best scores and time left, kept from what the coordinator tells."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hpo.cli.words import time_left
from hpo.records.charges import charged_examples, charged_seconds
from hpo.records.events import Work
from hpo.records.trainings import Confirmation, Rung, Segment, Trial
from hpo.search.plan import Plan

Key = tuple[bool, str, int, int]  # confirmation?, strategy, replicate, draw or number of the seed

# What took less than this share of the seconds that its record charges was not trained here but stored.
STORED_SHARE = 0.2


@dataclass
class Tally:
    """What ended so far of one strategy (or of the baseline). ``best`` is a validation score."""

    states: Counter[str] = field(default_factory=Counter)  # trials by how they ended
    best: float | None = None
    test: list[float] = field(default_factory=list)  # a score on the test split for each confirmation
    by_replicate: Counter[int] = field(default_factory=Counter)  # trials ended
    # Examples and device-seconds by replicate.
    charged: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def trials(self) -> int:
        """Trials ended."""
        return self.states.total()

    @property
    def confirmed(self) -> int:
        """Confirmations ended."""
        return len(self.test)


@dataclass
class InHand:
    """A training under way and its last evaluation."""

    work: Work
    since: float
    rung: Rung | None = None


class Progress:
    """Observer that counts. A display's thread that reads it holds ``lock``.

    Args:
        plan: what the run will train at most.
        clock: seconds from any origin, never going back.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.tallies: dict[str, Tally] = {name: Tally() for name in plan.strategies}
        self.baseline: tuple[str, Tally] | None = ("baseline", Tally()) if plan.baselines else None
        self.in_hand: dict[Key, InHand] = {}
        self.lock = threading.RLock()
        self.notes: deque[str] = deque(maxlen=3)
        self._clock = clock
        self._examples: dict[bool, list[int]] = {
            False: [],
            True: [],
        }  # of ended trials, of ended confirmations
        self._trained = 0  # examples trained by this process
        self._since: float | None = None  # start of the first item that this process trained

    def started(self, work: Work) -> None:
        """Put a training in hand."""
        with self.lock:
            self.in_hand[key_of(work)] = InHand(work, self._clock())

    def rung(self, work: Work, rung: Rung) -> None:
        """Keep the last evaluation."""
        with self.lock:
            self.in_hand.setdefault(key_of(work), InHand(work, self._clock())).rung = rung

    def trial(self, trial: Trial) -> None:
        """Count an ended trial."""
        with self.lock:
            tally = self.tallies.setdefault(trial.strategy, Tally())
            tally.states[trial.state] += 1
            tally.by_replicate[trial.replicate] += 1
            charged = {"examples": charged_examples(trial), "device_seconds": charged_seconds(trial)}
            tally.charged[trial.replicate].update(charged)
            better = self.plan.metric.better
            if trial.score is not None and (tally.best is None or better(trial.score, tally.best)):
                tally.best = trial.score
            key = (False, trial.strategy, trial.replicate, trial.draw)
            self._ended(key, trial.segments, charged_seconds(trial))

    def confirmation(self, confirmation: Confirmation) -> None:
        """Count an ended confirmation."""
        c = confirmation
        with self.lock:
            if c.role == "baseline":
                tally = self.baseline[1] if self.baseline else Tally()
                self.baseline = (c.strategy, tally)
            else:
                tally = self.tallies.setdefault(c.strategy, Tally())
            tally.test.append(c.test_score)
            self._ended((True, c.strategy, c.replicate, c.index), c.segments, charged_seconds(c))

    def note(self, text: str) -> None:
        """Keep the last few notes."""
        with self.lock:
            self.notes.append(text)

    @property
    def told(self) -> bool:
        """Whether anything was told of the run."""
        return bool(self.in_hand or self.notes or self.trials or self.confirmations)

    @property
    def trials(self) -> int:
        """Trials ended."""
        return sum(t.trials for t in self.tallies.values())

    @property
    def trials_left(self) -> int:
        """Trials still to be made, as far as it can be told."""
        return sum(map(self._left, self.tallies.values()))

    def in_all(self, *tallies: Tally) -> str:
        """How many trials there will be, of some strategies: ``20``; ``~20`` while that hangs on what they are charged."""
        left = sum(map(self._left, tallies))
        sure = not left or not (self.plan.limit.by_cost or self.plan.may_end_early)
        return f"{'' if sure else '~'}{sum(t.trials for t in tallies) + left}"

    @property
    def confirmations(self) -> int:
        """Confirmations ended, the baseline's among them."""
        baseline = self.baseline[1].confirmed if self.baseline else 0
        return sum(t.confirmed for t in self.tallies.values()) + baseline

    @property
    def total_confirmations(self) -> int:
        """Confirmations of the whole run, the baseline's among them."""
        return self.plan.confirmations + self.plan.baselines

    @property
    def total(self) -> int:
        """Trainings of the whole run."""
        return self.trials + self.trials_left + self.total_confirmations

    @property
    def finished(self) -> bool:
        """Whether nothing is left; before that, nobody is shown a score on the test split."""
        return not self.trials_left and self.confirmations >= self.total_confirmations

    def studies_ended(self, tally: Tally) -> int:
        """Replicates in which this strategy's search is over."""
        return sum(not self._left_of(tally, replicate) for replicate in tally.by_replicate)

    def examples_left(self) -> float:
        """Examples still to be trained, were the rest like what ended, trials and confirmations apart."""
        left = self._mean_examples(confirmation=False) * self.trials_left
        left += self._mean_examples(confirmation=True) * max(self.total_confirmations - self.confirmations, 0)
        return max(left - self._examples_in_hand(), 0.0)

    def share_done(self) -> float:
        """Share of the run's examples that need no more training, 0 to 1."""
        done = sum(map(sum, self._examples.values())) + self._examples_in_hand()
        left = self.examples_left()
        return 1.0 if self.finished else done / (done + left) if done + left else 0.0

    def seconds_left(self) -> float | None:
        """Seconds until the end at this process's examples a second; None until it has trained something."""
        if self._since is None:
            return None
        elapsed = self._clock() - self._since
        trained = self._trained + self._examples_in_hand()
        return self.examples_left() * elapsed / trained if trained else None

    def outlook(self) -> str:
        """Time left, in words."""
        return "done" if self.finished else time_left(self.seconds_left())

    def _left(self, tally: Tally) -> int:
        return sum(self._left_of(tally, replicate) for replicate in range(self.plan.replicates))

    def _left_of(self, tally: Tally, replicate: int) -> int:
        """Trials that a study has before it; where it ends by their cost, were they charged as its strategy's so far."""
        if self.plan.may_end_early and self.confirmations:
            return 0  # the test split is opened when all searches have ended
        left = max(self.plan.trials // self.plan.studies - tally.by_replicate[replicate], 0)
        for unit in ("examples", "device_seconds"):
            most = getattr(self.plan.limit, unit)
            charged = sum(own[unit] for own in tally.charged.values())
            if most is not None and charged:
                unpaid = max(most - tally.charged[replicate][unit], 0.0)
                left = min(left, math.ceil(unpaid * tally.trials / charged))
        return left

    def _mean_examples(self, *, confirmation: bool) -> float:
        seen = self._examples[confirmation]
        return sum(seen) / len(seen) if seen else float(self.plan.examples[1])

    def _examples_in_hand(self) -> int:
        return sum(item.rung.examples for item in self.in_hand.values() if item.rung)

    def _ended(self, key: Key, segments: tuple[Segment, ...], charged: float) -> None:
        """Count an ended training, and what it tells of the speed if it was trained now."""
        item = self.in_hand.pop(key, None)
        examples = segments[-1].examples if segments else 0
        self._examples[key[0]].append(examples)
        if item is None or self._clock() - item.since < STORED_SHARE * charged:
            return
        self._trained += examples
        if self._since is None:
            self._since = item.since


def key_of(work: Work) -> Key:
    """What a training under way and its record have in common."""
    return (work.confirmation, work.strategy, work.replicate, work.index)
