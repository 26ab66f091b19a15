"""What searches had paid when each of their trials ended, in trials, examples and device-seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from hpo.records.charges import charged_seconds
from hpo.records.run import Records
from hpo.records.selection import Search, searches
from hpo.records.trainings import Trial

Costs = Mapping[Search, Sequence[float]]  # of each trial of a search, in the order of its draws


@dataclass(frozen=True)
class Budget:
    """One way to count what a search costs.

    Attributes:
        name: in tables and data; ``axis``: on an axis.
        paid: by search, what it had paid when each of its trials ended, ascending.
    """

    name: str
    axis: str
    paid: Costs


def budgets(records: Records) -> tuple[Budget, ...]:
    """Every way in which costs were recorded; trials always are."""
    found = searches(sorted(records.trials, key=lambda t: t.draw))
    made = [_budget("trials", "trials", found, lambda _: 1.0)]
    if all(_seen(t) for t in records.trials if t.state != "failed"):
        made.append(_budget(records.run.resource, f"{records.run.resource}, all trials", found, _seen))
    if any(charged_seconds(t) > 0 for t in records.trials):
        made.append(_budget("seconds charged", "device-seconds charged", found, charged_seconds))
    if any(t.segments for t in records.trials):
        spent = _spent(records, found)
        made.append(Budget("seconds spent", "device-seconds spent", _running(spent)))
    return tuple(made)


def _budget(
    name: str, axis: str, found: Mapping[Search, list[Trial]], cost: Callable[[Trial], float]
) -> Budget:
    return Budget(name, axis, _running({search: [cost(t) for t in own] for search, own in found.items()}))


def _running(costs: Costs) -> Costs:
    return {search: list(accumulate(own)) for search, own in costs.items()}


def _seen(trial: Trial) -> float:
    """Examples, or what the run counts, that a trial was trained on; 0 where it is not recorded."""
    ends = [segment.examples for segment in trial.segments[-1:]] + [
        rung.examples for rung in trial.rungs[-1:]
    ]
    return float(max(ends, default=0))


def _spent(records: Records, found: Mapping[Search, list[Trial]]) -> Costs:
    """Seconds spent for each trial of each search: work of one key is paid where the search first needs it.

    Work that several searches share was done once: each pays an equal part, since which of them came first is chance.
    So the searches' costs add up to what all trials spent.
    """
    seconds: dict[str, float] = {}
    for trial in records.trials:
        for name, taken in _work(trial):
            seconds.setdefault(name, taken)
    sharing = Counter(name for own in found.values() for name in {name for t in own for name, _ in _work(t)})
    costs: dict[Search, list[float]] = {}
    for search, own in found.items():
        done: set[str] = set()
        costs[search] = []
        for trial in own:
            new = {name for name, _ in _work(trial)} - done
            done |= new
            alone = trial.retrained_seconds + (trial.charged or 0.0)
            costs[search].append(sum(seconds[name] / sharing[name] for name in sorted(new)) + alone)
    return costs


def _work(trial: Trial) -> Iterator[tuple[str, float]]:
    """Key and seconds of each piece of work of ``trial``, as ``spent_seconds`` counts it."""
    yield from ((segment.key, segment.seconds) for segment in trial.segments)
    yield from ((through.key, through.spent) for through in trial.passes)
    yield from ((rung.evaluation, rung.seconds) for rung in trial.rungs)
