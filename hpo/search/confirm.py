"""Confirmation: the selected configuration trained again with fresh seeds, scored once on the test split and shift sets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Literal

import numpy as np

from hpo.records.events import Work
from hpo.records.schema import Confirmation, Metric, Rung, SetScores, Trial
from hpo.runtime.jobs import SHIFT, TEST, UNTRAINED, Done, Job
from hpo.search.trained import Trained
from hpo.search.watchers import Watchers


def best_rung(rungs: Iterable[Rung], metric: Metric) -> int:
    """Index of the best validation score; of equals the earliest."""
    scores = np.array([rung.score for rung in rungs])
    return int(np.argmax(scores if metric.maximize else -scores))


def confirm(
    watchers: Watchers,
    evaluations: int,
    work: Work,
    role: Literal["strategy", "baseline"],
    selected: Trial | None,
    metric: Metric,
    shifts: Iterable[str],
    test_is_open: Callable[[], bool],
) -> Generator[Job | Callable[[], bool], Done, Confirmation]:
    """Train what ``work`` names, evaluated so many times, and score the state of its best rung on the test split.

    The last segment waits for the test split too, so that it is scored in the state that it leaves in memory. In the same
    state it is scored on each set of ``shifts``.

    A training that diverges is scored by the best rung that it reached, or untrained: that it failed with this seed
    belongs to its strategy.
    """
    parameters: dict[str, Any] = dict(work.parameters)
    trained = Trained()
    for number in range(evaluations):
        if number == evaluations - 1:
            yield test_is_open
        done = yield Job(parameters=parameters, seed=work.seed, rung=number)
        trained.add(done)
        if done.rung is None:
            watchers.note(
                f"{work.strategy}, replicate {work.replicate}, confirmation {work.index}: {done.diverged}"
            )
            break
        watchers.rung(work, done.rung)
    reached = bool(trained.rungs)
    if not reached:
        trained.add((yield Job(parameters=parameters, seed=work.seed, rung=UNTRAINED)))
    best = best_rung(trained.rungs, metric)
    yield test_is_open
    state = Job(parameters=parameters, seed=work.seed, rung=best if reached else UNTRAINED, split=TEST)
    test = trained.scores((yield state))
    shifted: dict[str, SetScores] = {}
    for name in shifts:
        shifted[name] = trained.scores((yield state.model_copy(update={"split": SHIFT + name})))
    return Confirmation(
        role=role,
        strategy=work.strategy,
        replicate=work.replicate,
        index=work.index,
        seed=work.seed,
        draw=None if selected is None else selected.draw,
        parameters=parameters,
        selected_score=None if selected is None else selected.score,
        validation_score=trained.rungs[best].score,
        validation_loss=trained.rungs[best].loss,
        best_rung=best,
        test_score=test.score,
        test_loss=test.loss,
        test_predictions=test.predictions,
        test_correct=test.correct,
        test_values=test.values,
        test_metrics=test.metrics,
        test_seconds=test.seconds,
        test_evaluation=test.evaluation,
        shifts=shifted,
        segments=tuple(trained.segments),
        rungs=tuple(trained.rungs),
        passes=tuple(trained.passes.values()),
        retrained_seconds=trained.retrained_seconds,
    )
