"""How far a study and a strategy have come, as metrics by (name, step). Nothing here knows of MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from hpo.records.schema import Confirmation, Rung, Trial, charged_seconds

Points = dict[tuple[str, int], float]

BEST_SO_FAR = "best_so_far/accuracy"
BEST = "validation/best_accuracy"
TEST_ACCURACY, TEST_LOSS = "test/accuracy", "test/loss"
CHARGED = "cost/charged_seconds"


@dataclass
class Progress:
    """What has ended in one study.

    Attributes:
        best: best validation accuracy of complete trials after each ended one; None before the first complete one.
        tests: (accuracy, loss) on the test split of each confirmation.
        charged: device-seconds of all that ended.
    """

    best: list[float | None] = field(default_factory=list)
    tests: list[tuple[float, float | None]] = field(default_factory=list)
    charged: float = 0.0

    @property
    def ended(self) -> int:
        """Number of trials and confirmations that have ended."""
        return len(self.best) + len(self.tests)

    def add_trial(self, trial: Trial) -> None:
        """Count a trial that ended."""
        before = self.best[-1] if self.best else None
        known = [value for value in (before, trial.accuracy) if value is not None]
        self.best.append(max(known, default=None))
        self.charged += charged_seconds(trial)

    def add_confirmation(self, confirmation: Confirmation) -> None:
        """Count a confirmation."""
        self.tests.append((confirmation.test_accuracy, confirmation.test_loss))
        self.charged += charged_seconds(confirmation)

    def points(self) -> Points:
        """Best so far (step: ended trials), cost and mean over the test scores (step: what they count)."""
        found: Points = {(BEST_SO_FAR, n): b for n, b in enumerate(self.best, 1) if b is not None}
        found[CHARGED, self.ended] = self.charged
        return found | _means(self.tests)


def strategy_points(studies: Sequence[Progress], replicates: int, confirmations: int) -> Points:
    """Metrics of a strategy over its ``studies``.

    Best so far at step n is the mean over all replicates of the best after n ended trials of each: known once every
    replicate has one, and never falling, as a mean over whatever has ended would. Test scores: mean of the studies'
    means, once all ``confirmations`` are there.
    """
    found: Points = {}
    for n in range(1, min((len(s.best) for s in studies), default=0) + 1):
        best = [b for s in studies if (b := s.best[n - 1]) is not None]
        if len(best) == replicates:
            found[BEST_SO_FAR, n] = fmean(best)
    ended = sum(s.ended for s in studies)
    if ended:
        found[CHARGED, ended] = sum(s.charged for s in studies)
    if sum(len(s.tests) for s in studies) >= confirmations:
        found |= test_points(studies)
    return found


def test_points(studies: Sequence[Progress]) -> Points:
    """Mean of the studies' mean test scores; step: number of confirmations."""
    count = sum(len(s.tests) for s in studies)
    per_study = [_means(s.tests) for s in studies if s.tests]
    found: Points = {}
    for name in (TEST_ACCURACY, TEST_LOSS):
        values = [value for means in per_study for (metric, _), value in means.items() if metric == name]
        if values and len(values) == len(per_study):
            found[name, count] = fmean(values)
    return found


def rung_points(rungs: Sequence[Rung]) -> Points:
    """Metrics of each rung; step: examples seen."""
    found: Points = {}
    for rung in rungs:
        found["validation/accuracy", rung.examples] = rung.accuracy
        found["validation/loss", rung.examples] = rung.loss
        found["train/loss", rung.examples] = rung.train_loss
        found["learning_rate", rung.examples] = rung.learning_rate
    return found


def training_points(item: Trial | Confirmation) -> Points:
    """All metrics of one ended training; step: examples seen."""
    found = rung_points(item.rungs)
    last = item.rungs[-1].examples if item.rungs else 0
    found[CHARGED, last] = charged_seconds(item)
    if item.best_rung is not None:
        best = item.rungs[item.best_rung]
        found[BEST, best.examples] = best.accuracy
    if isinstance(item, Confirmation):
        found[TEST_ACCURACY, last] = item.test_accuracy
        if item.test_loss is not None:
            found[TEST_LOSS, last] = item.test_loss
    return found


def _means(tests: Sequence[tuple[float, float | None]]) -> Points:
    """Mean scores; the loss only where it is finite in each."""
    if not tests:
        return {}
    found: Points = {(TEST_ACCURACY, len(tests)): fmean(accuracy for accuracy, _ in tests)}
    losses = [loss for _, loss in tests if loss is not None]
    if len(losses) == len(tests):
        found[TEST_LOSS, len(tests)] = fmean(losses)
    return found


def by_strategy(progress: Mapping[tuple[str, int], Progress], strategy: str) -> list[Progress]:
    """The studies of ``strategy`` in ``progress`` by (strategy, replicate)."""
    return [study for (name, _), study in progress.items() if name == strategy]
