"""The order in which a run trains: what shares most, and what ends the comparison soonest, goes first.

Every confirmation waits, for its last segment, until the test split opens, which is when the last search is over. So
searches come before confirmations, and of them first those that would end last, the one with most work left before all, as
of any jobs that go on side by side and are awaited together (longest first: Graham 1969, section 5); the others in turn, so
that some are over, and can be confirmed, while the last trials go on. Confirmations of searches that are over, and the
baseline's, which wait for none, keep workers busy that no search needs. Nothing in the records hangs on any of this.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from hpo.config.experiment import Experiment
from hpo.records.events import Work
from hpo.records.limits import Limit
from hpo.records.trainings import Confirmation, Rung, Trial
from hpo.search.draws import strategy_values, waits
from hpo.search.lanes import Urgency
from hpo.search.remaining import Remaining

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
        self._recorded = Counter((strategy, replicate) for strategy, replicate, _ in recorded)
        replicates = range(experiment.budget.replicates)
        self._studies = {(s, r): Remaining() for s in strategy_values(experiment) for r in replicates}
        self._baseline = Remaining()
        self._end = math.inf  # device-seconds of a worker until the searches are over, at least
        self._answer: str | None = None

    def urgency(self, strategy: str, replicate: int) -> Urgency:
        """Of one study as it stands."""
        key = (strategy, replicate)
        study = self._studies[key]
        if study.ended < self._recorded[key]:
            return Urgency(RECORDED, study.ended)
        left = self._left(key)
        if left:
            return Urgency(SEARCH, -left if left >= NEAR * self._end else study.ended)
        return Urgency(CONFIRM, -study.of_confirmations(self._experiment.confirmation.seeds))

    def urgency_of_baseline(self) -> Urgency:
        """Before other confirmations until one has shown what they cost: it may train more layers than they do."""
        seeds, replicates = self._experiment.confirmation.seeds, self._experiment.budget.replicates
        return Urgency(CONFIRM, -self._baseline.of_confirmations(seeds * replicates))

    def started(self, work: Work) -> None:  # noqa: ARG002 - whichever it is
        """The first training of this process begins."""
        if self._answer is None:
            self._answer = "last"
            self._say(f"order: {rule(self._experiment)}")

    def rung(self, work: Work, rung: Rung) -> None: ...

    def trial(self, trial: Trial) -> None:
        """A trial ended, now or in an earlier process."""
        self._studies[trial.strategy, trial.replicate].trial(trial)
        left = {key: self._left(key) for key in self._studies}
        self._end = max(*left.values(), sum(left.values()) / self._slots)
        if self._answer is not None:
            self._tell(left)

    def confirmation(self, confirmation: Confirmation) -> None:
        """A confirmation ended."""
        c = confirmation
        study = self._baseline if c.role == "baseline" else self._studies[c.strategy, c.replicate]
        study.confirmation(c)

    def note(self, text: str) -> None: ...

    def _left(self, key: tuple[str, int]) -> float:
        return self._studies[key].of_search(self._limit_of(key[0]))

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
        if not total:
            return "confirmations", "all searches are over: confirmations, those with most work left first"
        awaited = (
            math.isfinite(total)
            and waits(self._experiment, self._experiment.budget.trials - 1)
            and most > LONGER * second
            and most > MORE * total / self._slots
            and most > TRIALS * self._studies[key].mean
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
