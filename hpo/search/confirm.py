"""Confirmation: the selected configuration trained again with fresh seeds, scored once on the test split and shift sets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Literal

import numpy as np

from hpo.errors import UserError
from hpo.records.events import Work
from hpo.records.metrics import Metric
from hpo.records.trainings import Confirmation, Rung, SetScores, Trial
from hpo.runtime.jobs import SHIFT, TEST, UNTRAINED, Done, Job
from hpo.runtime.parts import DoesNotFitError, fitting, in_more_parts, least_part, parts_of
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
    computed: Mapping[str, Any],
) -> Generator[Job | Callable[[], bool], Done, Confirmation]:
    """Train what ``work`` names, evaluated so many times, and score the state of its best rung on the test split.

    The last segment waits for the test split too, so that it is scored in the state that it leaves in memory. In the same
    state it is scored on each set of ``shifts``.

    A training that diverges is scored by the best rung that it reached, or untrained: that it failed with this seed
    belongs to its strategy. One that does not fit the memory is trained anew in more parts a step.

    Args:
        computed: the parameters of ``work``, in as many parts a step as the selected trial was trained.

    Raises:
        UserError: the memory is too small, in as many parts as there may be.
    """
    trained = Trained()
    name = f"{work.strategy}, replicate {work.replicate}, confirmation {work.index}"
    while True:
        try:
            best, test, shifted = yield from _attempt(
                watchers, evaluations, work, metric, shifts, test_is_open, computed, trained
            )
            break
        except DoesNotFitError as error:
            more = in_more_parts(computed)
            if more is None:
                raise UserError(
                    f"{name}: out of memory {least_part(computed)}: {error}",
                    "Free some memory, or give the command again with fewer --workers or another --device: it goes on "
                    "where it stopped.",
                ) from None
            watchers.note(f"{name}: in {parts_of(more)} parts a step, for the memory")
            trained.begin_anew(error.done)
            computed = more
    return Confirmation(
        role=role,
        strategy=work.strategy,
        replicate=work.replicate,
        index=work.index,
        seed=work.seed,
        draw=None if selected is None else selected.draw,
        parameters=dict(work.parameters),
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
        retrained_seconds=trained.uncharged,
    )


def _attempt(
    watchers: Watchers,
    evaluations: int,
    work: Work,
    metric: Metric,
    shifts: Iterable[str],
    test_is_open: Callable[[], bool],
    parameters: Mapping[str, Any],
    trained: Trained,
) -> Generator[Job | Callable[[], bool], Done, tuple[int, SetScores, dict[str, SetScores]]]:
    """Train and score; index of the best rung, its scores on the test split, and on each shift set.

    Raises:
        DoesNotFitError: the memory was too small.
    """
    for number in range(evaluations):
        if number == evaluations - 1:
            yield test_is_open
        done = yield from fitting(Job(parameters=parameters, seed=work.seed, rung=number))
        trained.add(done)
        if done.rung is None:
            watchers.note(
                f"{work.strategy}, replicate {work.replicate}, confirmation {work.index}: {done.diverged}"
            )
            break
        watchers.rung(work, done.rung)
    reached = bool(trained.rungs)
    if not reached:
        trained.add((yield from fitting(Job(parameters=parameters, seed=work.seed, rung=UNTRAINED))))
    best = best_rung(trained.rungs, metric)
    yield test_is_open
    state = Job(parameters=parameters, seed=work.seed, rung=best if reached else UNTRAINED, split=TEST)
    test = trained.scores((yield from fitting(state)))
    shifted: dict[str, SetScores] = {}
    for name in shifts:
        shifted[name] = trained.scores((yield from fitting(state.model_copy(update={"split": SHIFT + name}))))
    return best, test, shifted
