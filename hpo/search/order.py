"""The order in which a run trains: what shares most, and what ends the comparison soonest, goes first.

Every confirmation waits, for its last segment, until the test split opens, which is when the last search is over. So
searches come before confirmations, and of them first those that would end last, the one with most work left before all, as
of any jobs that go on side by side and are awaited together (longest first: Graham 1969, section 5); the others in turn, so
that some are over, and can be confirmed, while the last trials go on. Confirmations of searches that are over, and the
baseline's, which wait for none, keep workers busy that no search needs. Nothing in the records hangs on any of this.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hpo.config.experiment import Experiment
from hpo.records.charges import charged_examples, charged_seconds
from hpo.records.events import Work
from hpo.records.limits import Limit
from hpo.records.trainings import Confirmation, Rung, Trial
from hpo.search.draws import strategy_values, waits
from hpo.search.lanes import Urgency

RECORDED, SEARCH, CONFIRM = range(3)  # phases; the trials that are recorded are told before any is trained
# A search is awaited by all others where it has so many times the work of the next, of what one worker would have if all
# were dealt out evenly, and of one of its trials.
LONGER, MORE, TRIALS = 1.5, 1.25, 1.5
NEAR = 0.7  # a search is one of the last where it would end no earlier than this share of the time until all are over


def rule(experiment: Experiment) -> str:
    """Why a run of ``experiment`` trains in the order in which it does, in a line."""
    alone = waits(experiment, experiment.budget.trials - 1)
    draws = (
        "one draw of each at a time, since the next looks at it" if alone else "draws of each side by side"
    )
    first = ", the baseline first" if experiment.baseline is not None else ""
    return (
        "first the searches that would end last, since the test split opens when all are over, others in turn; "
        f"{draws}; what others wait for before what is their own; workers that no search needs confirm{first}"
    )


@dataclass
class _Tally:
    """What of one study, or of the baseline, has ended.

    Attributes:
        recorded: trials that ended in an earlier process.
        charged: by the units of ``hpo.records.limits.Limit``: of trials.
        full: device-seconds of each training to its end.
        confirmations: how many.
    """

    strategy: str = ""
    recorded: int = 0
    charged: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    full: list[float] = field(default_factory=list)
    confirmations: int = 0


class Order:
    """How urgent each study is; an observer of the run, which learns from what ends how much work is left.

    It says in a line why it orders as it does when the first training begins, and again when the answer changes.

    Args:
        slots: jobs that the executor does at once.
        recorded: strategy, replicate and draw of each trial of an earlier process.
        say: takes the lines.
        limit_of: what ends a search of a strategy, as it stands; None: what the space says.
    """

    def __init__(
        self,
        experiment: Experiment,
        slots: int,
        recorded: Iterable[tuple[str, int, int]],
        say: Callable[[str], None],
        limit_of: Callable[[str], Limit] | None = None,
    ) -> None:
        self._experiment = experiment
        self._slots = slots
        self._say = say
        self._limit_of = limit_of or (lambda _: experiment.budget.limit)
        counts = Counter((strategy, replicate) for strategy, replicate, _ in recorded)
        replicates = range(experiment.budget.replicates)
        keys = [(strategy, r) for strategy in strategy_values(experiment) for r in replicates]
        self._tallies = {key: _Tally(key[0], counts[key]) for key in keys}
        self._baseline = _Tally()
        self._end = math.inf  # device-seconds of a worker until the searches are over, at least
        self._answer: str | None = None

    def urgency(self, strategy: str, replicate: int) -> Urgency:
        """Of one study as it stands."""
        tally = self._tallies[strategy, replicate]
        if tally.charged["trials"] < tally.recorded:
            return Urgency(RECORDED, tally.charged["trials"])
        left = self._left(tally)
        if left:
            return Urgency(SEARCH, -left if left >= NEAR * self._end else tally.charged["trials"])
        return Urgency(CONFIRM, -self._unconfirmed(tally, self._experiment.confirmation.seeds))

    def urgency_of_baseline(self) -> Urgency:
        """Before other confirmations until one has shown what they cost: it may train more layers than they do."""
        budget, confirmation = self._experiment.budget, self._experiment.confirmation
        return Urgency(CONFIRM, -self._unconfirmed(self._baseline, confirmation.seeds * budget.replicates))

    def started(self, work: Work) -> None:  # noqa: ARG002 - whichever it is
        """The first training of this process begins."""
        if self._answer is None:
            self._answer = "last"
            self._say(f"order: {rule(self._experiment)}")

    def rung(self, work: Work, rung: Rung) -> None: ...

    def trial(self, trial: Trial) -> None:
        """A trial ended, now or in an earlier process."""
        tally, seconds = self._tallies[trial.strategy, trial.replicate], charged_seconds(trial)
        for unit, amount in (
            ("trials", 1),
            ("examples", charged_examples(trial)),
            ("device_seconds", seconds),
        ):
            tally.charged[unit] += amount
        if trial.state == "complete":
            tally.full.append(seconds)
        left = {key: self._left(tally) for key, tally in self._tallies.items()}
        self._end = max(*left.values(), sum(left.values()) / self._slots)
        if self._answer is not None:
            self._tell(left)

    def confirmation(self, confirmation: Confirmation) -> None:
        """A confirmation ended."""
        c = confirmation
        tally = self._baseline if c.role == "baseline" else self._tallies[c.strategy, c.replicate]
        tally.confirmations += 1
        tally.full.append(charged_seconds(c))

    def note(self, text: str) -> None: ...

    def _left(self, tally: _Tally) -> float:
        """Device-seconds that a search has before it, were its trials to cost as those that ended; 0: it is over."""
        charged, limit = tally.charged, self._limit_of(tally.strategy)
        if not charged["trials"]:
            return math.inf
        mosts = {"trials": limit.trials, "examples": limit.examples, "device_seconds": limit.device_seconds}
        times = min(
            most / charged[unit] for unit, most in mosts.items() if most is not None and charged[unit]
        )
        return max(times - 1, 0.0) * max(charged["device_seconds"], 1e-9)

    def _unconfirmed(self, tally: _Tally, most: int) -> float:
        """Device-seconds of confirmations that are left."""
        return (most - tally.confirmations) * sum(tally.full) / len(tally.full) if tally.full else math.inf

    def _tell(self, left: dict[tuple[str, int], float]) -> None:
        """Say what is done first if it is another thing than before."""
        answer, text = self._first(left)
        if answer != self._answer:
            self._answer = answer
            self._say(f"order: {text}")

    def _first(self, left: dict[tuple[str, int], float]) -> tuple[str, str]:
        """What is done first, and the line that says why."""
        (key, most), *others = sorted(left.items(), key=lambda item: -item[1])
        total, second = sum(left.values()), others[0][1] if others else 0.0
        charged = self._tallies[key].charged
        if not total:
            return "confirmations", "all searches are over: confirmations, those with most work left first"
        awaited = (
            math.isfinite(total)
            and waits(self._experiment, self._experiment.budget.trials - 1)
            and most > LONGER * second
            and most > MORE * total / self._slots
            and most > TRIALS * charged["device_seconds"] / charged["trials"]
        )
        if not awaited:
            return (
                "last",
                "no search is awaited by all others any longer: first those that would end last",
            )
        name = f"{key[0]}, replicate {key[1]}"
        return name, (
            f"{name} first: it has {most / total:.0%} of the work that searches have left, one draw after another, "
            "and the test split opens when the last is over"
        )
