"""The sets that selection never saw, one by one: the task's own test split, and the shift sets beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hpo.records.run import Records
from hpo.records.setup import ShiftInfo
from hpo.records.trainings import Confirmation, SetScores
from hpo.report.analysis import Analysis, Standing, analyse
from hpo.report.comparing import Comparison
from hpo.report.scores import Role, Scores, collect
from hpo.report.sentences import Verdict
from hpo.stats.crossed import Array, Estimate
from hpo.stats.kendall import kendall_tau
from hpo.stats.two_sets import two_sets


@dataclass(frozen=True)
class Domain:
    """One set with the analysis of the scores on it: Holm's correction, as intervals, is that of the set by itself.

    Attributes:
        name: of the shift set; empty for the test split.
        records: in which the set stands in place of the test split.
    """

    name: str
    records: Records
    analysis: Analysis
    scores: Mapping[tuple[Role, str], Scores]

    @property
    def where(self) -> str:
        """``in domain``, ``on tweets``."""
        return f"on {self.name}" if self.name else "in domain"

    def rows(self) -> Iterator[tuple[Role, Standing]]:
        """Every strategy, the baseline last."""
        for standing in self.analysis.standings:
            yield "strategy", standing
        if self.analysis.baseline is not None:
            yield "baseline", self.analysis.baseline

    def standing(self, role: Role, name: str) -> Standing:
        """Where a strategy, or the baseline, stands."""
        return next(s for r, s in self.rows() if (r, s.name) == (role, name))


def domains(records: Records, judged: Verdict) -> tuple[Domain, ...]:
    """The test split, then each shift set in the order of the run."""
    own = Domain("", records, judged.analysis, collect(records))
    return (own, *(_domain(records, shift) for shift in records.run.shifts))


def _domain(records: Records, shift: ShiftInfo) -> Domain:
    split = records.run.split.model_copy(update={"test": shift.size, "groups": shift.groups})
    scored = tuple(
        _rescored(c, c.shifts[shift.name]) for c in records.confirmations if shift.name in c.shifts
    )
    run = records.run.model_copy(update={"split": split})
    there = records.model_copy(update={"run": run, "confirmations": scored})
    return Domain(shift.name, there, analyse(there), collect(there))


def _rescored(confirmation: Confirmation, scores: SetScores) -> Confirmation:
    """``confirmation`` as if a shift set were the test split."""
    return confirmation.model_copy(
        update={
            "test_score": scores.score,
            "test_loss": scores.loss,
            "test_predictions": scores.predictions,
            "test_correct": scores.correct,
            "test_values": scores.values,
            "test_metrics": scores.metrics,
        }
    )


def drop(home: Domain, away: Domain, role: Role, name: str) -> Estimate:
    """By how much scores are worse on ``away`` than in domain: above 0, whether high or low scores are better."""
    sides = [_side(domain, role, name) for domain in (home, away)]
    if not home.records.run.metric.maximize:
        sides.reverse()
    (first, first_groups), (second, second_groups) = sides
    return two_sets(first, second, first_groups, second_groups)


def _side(domain: Domain, role: Role, name: str) -> tuple[Array, tuple[int, ...] | None]:
    """Scores (units, items) and the groups of the items."""
    matrix: Array = domain.scores[role, name].matrix().mean(axis=1)
    return matrix, domain.records.run.split.groups if matrix.shape[1] > 1 else None


@dataclass(frozen=True)
class Ranking:
    """The ranking on one shift set beside that in domain.

    Attributes:
        winner, best: with the best mean in domain, and on the set.
        winner_is: on the set: the best there; not separable from the best; shown to be worse; or not known, where there
            are too few units for any verdict.
        rank: of the winner's mean on the set.
        tau: Kendall's, of the means; None where it is not defined.
        decided: comparisons that are decided on the set, of all of them.
        turned: comparisons decided in domain and on the set, for opposite sides.
    """

    domain: Domain
    winner: str
    best: str
    winner_is: Literal["best", "level", "worse", "unknown"]
    rank: int
    tau: float | None
    decided: tuple[Comparison, ...]
    turned: tuple[Comparison, ...]

    @property
    def same_order(self) -> bool:
        """Whether all means stand in the same order as in domain."""
        return self.tau is not None and self.tau > 1 - 1e-9


def ranking(home: Domain, away: Domain) -> Ranking | None:
    """The ranking on ``away``; None where fewer than two strategies are compared."""
    winner, best = home.analysis.best, away.analysis.best
    own = {s.name: s.estimate.mean for s in home.analysis.standings}
    other = {s.name: s.estimate.mean for s in away.analysis.standings}
    if winner is None or best is None or len(own) < 2 or own.keys() != other.keys():
        return None
    metric = home.records.run.metric
    at_home = {(c.first, c.second): c for c in home.analysis.comparisons}
    decided = tuple(c for c in away.analysis.comparisons if c.distinguished)
    return Ranking(
        domain=away,
        winner=winner,
        best=best,
        winner_is=_winner_is(away, winner, best),
        rank=1 + sum(metric.better(mean, other[winner]) for mean in other.values()),
        tau=kendall_tau([*own.values()], [other[name] for name in own]),
        decided=decided,
        turned=tuple(c for c in decided if _turned(c, at_home.get((c.first, c.second)))),
    )


def _winner_is(away: Domain, winner: str, best: str) -> Literal["best", "level", "worse", "unknown"]:
    if winner == best:
        return "best"
    if not any(c.enough for c in away.analysis.comparisons):
        return "unknown"
    return "level" if away.standing("strategy", winner).level_with_best else "worse"


def _turned(here: Comparison, there: Comparison | None) -> bool:
    return there is not None and there.distinguished and there.favours != here.favours
