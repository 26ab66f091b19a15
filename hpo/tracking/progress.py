"""How far a study and a strategy have come, as metrics by (name, step). Nothing here knows of MLflow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from hpo.records.charges import charged_seconds
from hpo.records.limits import price_of
from hpo.records.metrics import Metric
from hpo.records.trainings import Confirmation, Rung, Trial

Points = dict[tuple[str, int], float]

TEST_LOSS = "test/loss"
CHARGED = "cost/charged_seconds"
MONEY = "cost/money"  # charged, too; MLflow's table cuts longer names
_UNFIT = r"[^\w. -]+"  # for a part of a name of MLflow


class Names:
    """What scores by a run's metric are called."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        slug = re.sub(r"\W+", "_", metric.name.lower())
        self.best_so_far = f"best_so_far/{slug}"
        self.best = f"validation/best_{slug}"
        self.validation = f"validation/{slug}"
        self.test = f"test/{slug}"
        self.score = slug


def shift_prefix(name: str) -> str:
    """What metrics on shift set ``name`` begin with, in the signs that MLflow allows."""
    return f"test_shift/{re.sub(_UNFIT, '_', name)}/"


def priced(points: Points, price_per_hour: float | None) -> Points:
    """``points`` with each cost also in money, where there is a price."""
    if price_per_hour is None:
        return points
    money = {
        (MONEY, step): price_of(value, price_per_hour)
        for (name, step), value in points.items()
        if name == CHARGED
    }
    return points | money


@dataclass
class StudyProgress:
    """What has ended in one study.

    Attributes:
        best: best validation score of complete trials after each ended one; None before the first complete one.
        tests: (score, loss) on the test split of each confirmation.
        charged: device-seconds of all that ended.
    """

    names: Names
    best: list[float | None] = field(default_factory=list)
    tests: list[tuple[float, float | None]] = field(default_factory=list)
    charged: float = 0.0

    @property
    def ended(self) -> int:
        """Number of trials and confirmations that have ended."""
        return len(self.best) + len(self.tests)

    def add_trial(self, trial: Trial) -> Points:
        """Count a trial that ended; returns the best so far (step: ended trials) and the cost, where they are new."""
        before = self.best[-1] if self.best else None
        among = [value for value in (before, trial.score) if value is not None]
        best = (max if self.names.metric.maximize else min)(among, default=None)
        self.best.append(best)
        self.charged += charged_seconds(trial)
        found: Points = {(CHARGED, self.ended): self.charged}
        if best is not None:
            found[self.names.best_so_far, len(self.best)] = best
        return found

    def add_confirmation(self, confirmation: Confirmation) -> Points:
        """Count a confirmation; returns the cost and the mean test scores (step: what they count)."""
        self.tests.append((confirmation.test_score, confirmation.test_loss))
        self.charged += charged_seconds(confirmation)
        return {(CHARGED, self.ended): self.charged} | _means(self.tests, self.names)


class StrategyProgress:
    """What has ended in the studies of one strategy, by replicate; each addition costs the same however many there were.

    Args:
        replicates: studies that the strategy will have.
        confirmations: that all of them together will have.
    """

    def __init__(self, names: Names, replicates: int, confirmations: int) -> None:
        self._names = names
        self._replicates = replicates
        self._confirmations = confirmations
        self._studies: dict[int, StudyProgress] = {}
        self._ended = 0
        self._charged = 0.0

    def add_trial(self, trial: Trial) -> tuple[Points, Points]:
        """Count a trial that ended; returns what is new of its study and of the strategy.

        The strategy's best so far at step n is the mean over all replicates of the best after n ended trials of each:
        known once every replicate has one, and never falling, as a mean over whatever has ended would.
        """
        study = self._studies.setdefault(trial.replicate, StudyProgress(self._names))
        of_study = study.add_trial(trial)
        found = self._cost(trial)
        n = len(study.best)
        best = [b for s in self._studies.values() if len(s.best) >= n and (b := s.best[n - 1]) is not None]
        if len(best) == self._replicates:
            found[self._names.best_so_far, n] = fmean(best)
        return of_study, found

    def add_confirmation(self, confirmation: Confirmation) -> tuple[Points, Points]:
        """Count a confirmation; returns what is new of its study and of the strategy: test scores once all are there."""
        study = self._studies.setdefault(confirmation.replicate, StudyProgress(self._names))
        of_study = study.add_confirmation(confirmation)
        found = self._cost(confirmation)
        if sum(len(s.tests) for s in self._studies.values()) >= self._confirmations:
            found |= self.tests()
        return of_study, found

    def tests(self) -> Points:
        """Mean of the studies' mean test scores; step: number of confirmations."""
        per_study = [_means(s.tests, self._names) for s in self._studies.values() if s.tests]
        count = sum(len(s.tests) for s in self._studies.values())
        found: Points = {}
        for name in (self._names.test, TEST_LOSS):
            values = [value for means in per_study for (metric, _), value in means.items() if metric == name]
            if values and len(values) == len(per_study):
                found[name, count] = fmean(values)
        return found

    def _cost(self, item: Trial | Confirmation) -> Points:
        self._ended += 1
        self._charged += charged_seconds(item)
        return {(CHARGED, self._ended): self._charged}


def rung_points(rungs: Sequence[Rung], names: Names) -> Points:
    """Metrics of each rung; step: examples seen."""
    found: Points = {}
    for rung in rungs:
        points = {
            **{f"validation/{name}": value for name, value in rung.metrics.items()},
            names.validation: rung.score,
            "validation/loss": rung.loss,
            "train/loss": rung.train_loss,
            "learning_rate": rung.learning_rate,
        }
        found |= {(name, rung.examples): value for name, value in points.items() if value is not None}
    return found


def training_points(item: Trial | Confirmation, names: Names) -> Points:
    """All metrics of one ended training; step: examples seen."""
    found = rung_points(item.rungs, names)
    last = item.rungs[-1].examples if item.rungs else 0
    found[CHARGED, last] = charged_seconds(item)
    if item.best_rung is not None:
        best = item.rungs[item.best_rung]
        found[names.best, best.examples] = best.score
    if isinstance(item, Confirmation):
        found |= {(f"test/{name}", last): value for name, value in item.test_metrics.items()}
        found[names.test, last] = item.test_score
        if item.test_loss is not None:
            found[TEST_LOSS, last] = item.test_loss
        for shift, scores in item.shifts.items():
            points = {**scores.metrics, names.score: scores.score}
            found |= {(shift_prefix(shift) + name, last): value for name, value in points.items()}
    return found


def _means(tests: Sequence[tuple[float, float | None]], names: Names) -> Points:
    """Mean scores; the loss only where it is finite in each."""
    found: Points = {(names.test, len(tests)): fmean(score for score, _ in tests)}
    losses = [loss for _, loss in tests if loss is not None]
    if len(losses) == len(tests):
        found[TEST_LOSS, len(tests)] = fmean(losses)
    return found
