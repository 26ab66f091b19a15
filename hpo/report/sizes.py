"""How many searches, trials and test scores strategies have: of other tools' runs they may differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.records.run import Records, Run
from hpo.report.terms import units_of
from hpo.report.text import ranged


@dataclass(frozen=True)
class Sizes:
    """The different numbers that there are, ascending.

    Attributes:
        replicates: of a strategy's searches, or replicates where no search is recorded.
        trials: of a search.
        seeds: of a replicate's test scores.
    """

    replicates: tuple[int, ...]
    trials: tuple[int, ...]
    seeds: tuple[int, ...]


def sizes_of(records: Records) -> Sizes:
    """Of hpo's own run as planned, which is the same for each strategy; of another tool's as recorded.

    The trials of a search that ends by what they are charged are as recorded in any case.
    """
    run = records.run
    trials = Counter((t.strategy, t.replicate) for t in records.trials)
    if run.source == "hpo":
        planned = {run.limit_of(name).trials or 0 for name in run.strategies}
        counts = _different(trials, run.trials) if run.limit.by_cost else tuple(sorted(planned))
        return Sizes((run.replicates,), counts, (run.seeds,))
    tested = Counter((c.strategy, c.replicate) for c in records.confirmations if c.role == "strategy")
    replicates = Counter(strategy for strategy, _ in trials.keys() | tested.keys())
    return Sizes(
        replicates=_different(replicates, run.replicates),
        trials=_different(trials, run.trials),
        seeds=_different(tested, run.seeds),
    )


def _different(counts: Mapping[Any, int], planned: int) -> tuple[int, ...]:
    return tuple(sorted(set(counts.values()))) or (planned,)


def search_budget(run: Run, sizes: Sizes) -> str:
    """What a search had: ``4 trials``, ``25 charged device-seconds with 3 to 16 trials``."""
    trials = ranged(sizes.trials, "trial")
    return f"{run.limit.costs()} with {trials}" if run.limit.by_cost else trials


def uneven_trials(run: Run, sizes: Sizes) -> str:
    """What unequal numbers of trials do to selection, as a sentence; empty where they are equal."""
    if len(sizes.trials) < 2 or run.trials == 0:
        return ""
    more = "; what more trials find at equal cost is part of the comparison" if run.limit.by_cost else ""
    return (
        "Searches had unequal numbers of trials: the best of more has a higher score at selection, and stands further above "
        f"its score on test texts{more}."
    )


def recorded(run: Run, sizes: Sizes) -> str:
    """The trainings of a strategy where no search is recorded: ``14 trainings``, ``5 replicates of 2 trainings``."""
    if run.replicates == 1:
        return ranged(sizes.seeds, "training")
    each = f" of {ranged(sizes.seeds, 'training')}" if run.seeds > 1 else ""
    return f"{ranged(sizes.replicates, *units_of(run))}{each}"
