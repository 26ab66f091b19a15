"""Trials and confirmations of one task from its trainings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpo.errors import UserError
from hpo.foreign.trainings import Training
from hpo.records.metrics import Metric
from hpo.records.selection import searches, select
from hpo.records.trainings import Confirmation, Rung, Trial

Study = tuple[str, int]  # strategy, replicate


@dataclass(frozen=True)
class Sorted:
    """The trainings of one task as records.

    Attributes:
        paired: whether the same replicates and recorded seeds confirm every strategy.
        notes: what a user should know.
    """

    trials: tuple[Trial, ...]
    confirmations: tuple[Confirmation, ...]
    replicates: int
    paired: bool
    notes: tuple[str, ...]


def sort_out(
    trainings: Sequence[Training], metric: Metric, strategies: Sequence[str], *, searched: bool
) -> Sorted:
    """Trials and confirmations of ``trainings``, which are of one task.

    Trainings that are said to be confirmations are fresh ones, but for those with the selected trial's own seed.
    Without any, the selected trial of each study confirms itself where it has a test score. Where nothing was searched
    (no validation scores), every training with a test score is a confirmation. A strategy may have fewer replicates
    than the others, or other ones: the same number is the same replicate in all of them.

    Raises:
        UserError: a seed confirms a study twice.
    """
    numbers = _numbers(training.replicate for training in trainings)
    order = {name: index for index, name in enumerate(strategies)}
    pairs = {(training.strategy, training.replicate) for training in trainings}
    by_study = sorted(trainings, key=lambda t: (order[t.strategy], numbers[t.replicate]))
    told = [t for t in by_study if t.confirmation or not searched]
    trials, tests = _trials([t for t in by_study if searched and not t.confirmation], numbers)
    selected = {study: select(own, metric) for study, own in searches(trials).items()}
    if told:
        confirmations, notes = _fresh(told, numbers, selected)
    else:
        chosen = [
            (trial, tests[trial.strategy, trial.replicate, trial.draw])
            for trial in selected.values()
            if trial
        ]
        confirmations = [_own(trial, test) for trial, test in chosen if test is not None]
        notes = _without_test(chosen, confirmations)
    return Sorted(
        trials=tuple(trials),
        confirmations=tuple(confirmations),
        replicates=max(Counter(strategy for strategy, _ in pairs).values(), default=0),
        paired=_paired(confirmations, strategies),
        notes=tuple(notes),
    )


def _numbers(replicates: Iterable[str]) -> dict[str, int]:
    """Numbers from 0 for the replicates of a source, in the order of numbers where they are numbers."""

    def key(name: str) -> tuple[int, float, str]:
        try:
            return 0, float(name), name
        except ValueError:
            return 1, 0.0, name

    return {name: index for index, name in enumerate(sorted(set(replicates), key=key))}


def _rungs(training: Training) -> tuple[Rung, ...]:
    return tuple(Rung(examples=seen, score=score) for seen, score in training.rungs)


def _trials(
    trainings: Iterable[Training], numbers: Mapping[str, int]
) -> tuple[list[Trial], dict[tuple[str, int, int], float | None]]:
    """Trials, and the test score of each by strategy, replicate and draw."""
    drawn: Counter[Study] = Counter()
    trials, tests = [], {}
    for training in trainings:
        study = (training.strategy, numbers[training.replicate])
        draw = drawn[study]
        drawn[study] += 1
        tests[(*study, draw)] = training.test_score
        trials.append(
            Trial(
                strategy=study[0],
                replicate=study[1],
                draw=draw,
                seed=training.seed,
                parameters=dict(training.parameters),
                state=training.state,
                reason=training.reason,
                score=training.score,
                best_rung=training.best_rung,
                rungs=_rungs(training),
                charged=training.seconds,
            )
        )
    return trials, tests


def _own(trial: Trial, test_score: float) -> Confirmation:
    """The selected trial as its own confirmation: it was trained once, so that it costs nothing more."""
    return Confirmation(
        role="strategy",
        strategy=trial.strategy,
        replicate=trial.replicate,
        index=0,
        seed=trial.seed,
        draw=trial.draw,
        parameters=trial.parameters,
        selected_score=trial.score,
        validation_score=trial.score,
        best_rung=-1 if trial.best_rung is None else trial.best_rung,
        test_score=test_score,
        fresh=False,
    )


def _without_test(
    chosen: Sequence[tuple[Trial, float | None]], confirmations: Sequence[Confirmation]
) -> list[str]:
    missing = len(chosen) - len(confirmations)
    if not confirmations or not missing:
        return []
    return [
        f"{missing} of {len(chosen)} selected trials without a test score: their studies are not confirmed"
    ]


def _fresh(
    told: Sequence[Training], numbers: Mapping[str, int], selected: Mapping[Study, Trial | None]
) -> tuple[list[Confirmation], list[str]]:
    """Confirmations that the source calls so, by study and number: the same where replicate and seed are the same."""
    scored = [t for t in told if t.state == "complete" and t.test_score is not None]
    indices = _indices(scored, numbers)
    confirmations = []
    for training, index in zip(scored, indices, strict=True):
        study = (training.strategy, numbers[training.replicate])
        trial = selected.get(study)
        configured = trial is not None and dict(training.parameters) in ({}, trial.parameters)
        assert training.test_score is not None
        confirmations.append(
            Confirmation(
                role="strategy",
                strategy=study[0],
                replicate=study[1],
                index=index,
                seed=training.seed,
                draw=trial.draw if configured and trial else None,
                parameters=dict(training.parameters) or (trial.parameters if configured and trial else {}),
                selected_score=trial.score if configured and trial else None,
                validation_score=training.score,
                best_rung=-1 if training.best_rung is None else training.best_rung,
                test_score=training.test_score,
                fresh=trial is None or training.seed < 0 or training.seed != trial.seed,
                rungs=_rungs(training),
                charged=training.seconds,
            )
        )
    left = len(told) - len(scored)
    places = {(t.strategy, numbers[t.replicate]): place for place, t in enumerate(told)}
    confirmations.sort(key=lambda c: (places[c.strategy, c.replicate], c.index))
    return confirmations, [f"{left} without a test score, left out of the confirmations"] if left else []


def _indices(scored: Sequence[Training], numbers: Mapping[str, int]) -> list[int]:
    """The number of each confirmation within its study: by seed where all are recorded, else in turn."""
    if all(training.seed >= 0 for training in scored):
        return _by_seed(scored, numbers)
    seen: Counter[Study] = Counter()
    found = []
    for training in scored:
        study = (training.strategy, numbers[training.replicate])
        found.append(seen[study])
        seen[study] += 1
    return found


def _by_seed(scored: Sequence[Training], numbers: Mapping[str, int]) -> list[int]:
    seeds: dict[int, set[int]] = {}
    places: dict[tuple[str, int, int], str] = {}
    for training in scored:
        replicate = numbers[training.replicate]
        key = (training.strategy, replicate, training.seed)
        if key in places:
            raise UserError(
                f"{training.where}: seed {training.seed} tests {training.strategy!r} a second time, after {places[key]}",
                "Name what tells the two apart with --task or --replicate, or remove one.",
            )
        places[key] = training.place
        seeds.setdefault(replicate, set()).add(training.seed)
    ranks = {r: {seed: i for i, seed in enumerate(sorted(own))} for r, own in seeds.items()}
    return [ranks[numbers[training.replicate]][training.seed] for training in scored]


def _paired(confirmations: Iterable[Confirmation], strategies: Iterable[str]) -> bool:
    seeds: dict[str, set[tuple[int, int]]] = {name: set() for name in strategies}
    for c in confirmations:
        seeds[c.strategy].add((c.replicate, c.seed))
    sets = list(seeds.values())
    return (
        len(sets) > 1
        and bool(sets[0])
        and all(s == sets[0] for s in sets)
        and all(x[1] >= 0 for x in sets[0])
    )
