"""Selection by validation, and confirmation: the selected configuration trained again with fresh seeds, scored on the
test split once, item by item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from hpo.records.events import Work
from hpo.records.schema import Confirmation, Rung, Segment, Trial
from hpo.runtime.in_process import DivergedError, InProcessExecutor
from hpo.search.watchers import Watchers
from hpo.training.course import Course
from hpo.training.evaluation import EvaluationSet


def select(trials: Iterable[Trial]) -> Trial | None:
    """The complete trial with the highest validation accuracy; of equals the one with the lower loss, then the earlier.

    A pruned trial is never selected: its last score is none of a full training.
    """
    complete = [t for t in trials if t.state == "complete"]
    return min(complete, key=_rank, default=None)


def best_rung(rungs: Iterable[Rung]) -> int:
    """Index of the highest validation accuracy; of equals the earliest."""
    return int(np.argmax([rung.accuracy for rung in rungs]))


def _rank(trial: Trial) -> tuple[float, float, int]:
    assert trial.accuracy is not None
    assert trial.best_rung is not None
    return (-trial.accuracy, trial.rungs[trial.best_rung].loss, trial.draw)


def confirm(
    executor: InProcessExecutor,
    watchers: Watchers,
    test: EvaluationSet,
    course: Course,
    work: Work,
    role: Literal["strategy", "baseline"],
    selected: Trial | None,
) -> Confirmation:
    """Train ``course``, which ``work`` names, and score the state of its best rung on the test split.

    A training that diverges is scored by the best rung that it reached, or untrained: that it failed with this seed
    belongs to its strategy.
    """
    retrained_before = executor.retrained_seconds
    segments: list[Segment] = []
    evaluated: list[Rung] = []
    try:
        for index in range(len(course.ends)):
            segment, rung = executor.advance(course, index)
            segments.append(segment)
            evaluated.append(rung)
            watchers.rung(work, rung)
    except DivergedError as error:
        segments.append(error.segment)
        watchers.note(f"{work.strategy}, replicate {work.replicate}, confirmation {work.index}: {error}")
    if not evaluated:
        evaluated.append(executor.untrained(course))
    best = best_rung(evaluated)
    key, scores = executor.score(course, best if evaluated[0].examples else -1, test)
    predictions = scores.predictions or ()
    correct = np.asarray(predictions) == test.labels
    parameters: dict[str, Any] = dict(work.parameters)
    return Confirmation(
        role=role,
        strategy=work.strategy,
        replicate=work.replicate,
        index=work.index,
        seed=work.seed,
        draw=None if selected is None else selected.draw,
        parameters=parameters,
        selected_accuracy=None if selected is None else selected.accuracy,
        validation_accuracy=evaluated[best].accuracy,
        validation_loss=evaluated[best].loss,
        best_rung=best,
        test_accuracy=scores.accuracy,
        test_loss=scores.loss,
        test_predictions=predictions,
        test_correct=tuple(correct.astype(int).tolist()),
        test_seconds=scores.seconds,
        test_evaluation=key,
        segments=tuple(segments),
        rungs=tuple(evaluated),
        retrained_seconds=executor.retrained_seconds - retrained_before,
    )
