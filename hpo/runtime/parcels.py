"""What of a store a job needs, and leaves there, for a worker that shares no folder with the coordinator.

The coordinator sends the facts of the job's training with the state that it begins with. It gets back what is new:
facts, and the states at the ends of segments. Hidden states stay where they were computed, for their passes are cheap to
make again beside what they take to move.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hpo.runtime.jobs import UNTRAINED, Job
from hpo.runtime.recall import Recall
from hpo.training.course import Course
from hpo.training.exchange import read
from hpo.training.keys import segment_key
from hpo.training.store import Store, file_name


@dataclass(frozen=True)
class Parcel:
    """What goes with an order.

    Attributes:
        files: by name in the store.
        known: names of what need not come back: facts that the coordinator has, and states up to the one that the job
            begins with.
        state: name of the state that the job begins with; None: it begins at the start, or there is none.
    """

    files: Mapping[str, bytes]
    known: tuple[str, ...]
    state: str | None


def pack(recall: Recall, job: Job, held: Collection[str]) -> Parcel:
    """What a job needs of the coordinator's store; ``held``: names of states that the worker has."""
    course = recall.course(job.parameters, job.seed)
    facts = read(recall.store, _facts(recall, course, job))
    segments = course.segments_of(job.rung)
    first = next((i for i in segments if recall.segment(course, i) is None), segments.stop)
    for number in range(first, 0, -1):  # of segments that were trained
        key = course.keys[number]
        state = file_name("states", key)
        sent = {} if state in held else _whole(recall.store, key, state)
        if state in held or sent:
            return Parcel(facts | sent, (*facts, *_states(course, number)), state)
    return Parcel(facts, tuple(facts), None)


def _whole(store: Store, key: str, name: str) -> dict[str, bytes]:
    """A state's file; none where it is damaged, which removes it, so that a whole one may come in its place."""
    return {} if store.state(key) is None else read(store, [name])


def new_files(recall: Recall, job: Job, known: Collection[str]) -> dict[str, bytes]:
    """What a job left in the store of its worker, but for what the coordinator has."""
    course = recall.course(job.parameters, job.seed)
    states = _states(course, course.segments_of(job.rung).stop)
    names = [*states, *_facts(recall, course, job)]  # facts last: they tell of the states
    return read(recall.store, [name for name in names if name not in set(known)])


def _states(course: Course, segments: int) -> list[str]:
    """Names of the states at the ends of the first ``segments``: of all but the start, which is never stored."""
    return [file_name("states", key) for key in course.keys[1 : segments + 1]]


def _facts(recall: Recall, course: Course, job: Job) -> list[str]:
    """Names of the facts of a job: of its segments, its evaluation, and the passes that both read."""
    segments = [segment_key(*course.keys[i : i + 2]) for i in range(course.segments_of(job.rung).stop)]
    return [
        *(file_name("segments", key) for key in segments),
        *(file_name("passes", key) for key in _passes(recall, course, job)),
        file_name("evaluations", recall.evaluation_key(course, job)),
    ]


def _passes(recall: Recall, course: Course, job: Job) -> Iterator[str]:
    if course.start:
        prefixes = recall.of(course.parameters).prefixes
        read = [] if job.rung == UNTRAINED else course.texts_until(job.rung)
        for texts in (*read, recall.data(job).texts):
            for place in prefixes.way(course.start, course.parameters):
                yield prefixes.key(texts, place)
