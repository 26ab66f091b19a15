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
from hpo.training.exchange import holds, read
from hpo.training.keys import segment_key
from hpo.training.store import file_name


@dataclass(frozen=True)
class Parcel:
    """What goes with an order.

    Attributes:
        files: by name in the store.
        known: names of what the coordinator has, which need not come back.
        state: name of the state among the files that the job begins with; None: it begins at the start, or there is none.
    """

    files: Mapping[str, bytes]
    known: tuple[str, ...]
    state: str | None


def pack(recall: Recall, job: Job, held: Collection[str]) -> Parcel:
    """What a job needs of the coordinator's store; ``held``: names of states that the worker has."""
    course = recall.course(job.parameters, job.seed)
    facts = read(recall.store, _facts(recall, course, job))
    states = _states(course, job.rung)
    segments = course.segments_of(job.rung)
    first = next((i for i in segments if recall.segment(course, i) is None), segments.stop)
    able = (name for name in reversed(states[:first]) if name in held or holds(recall.store, name))
    state = next(able, None)
    files = facts if state is None or state in held else facts | read(recall.store, [state])
    known = (*facts, *(name for name in states if holds(recall.store, name)))
    return Parcel(files, known, state)


def new_files(recall: Recall, job: Job, known: Collection[str]) -> dict[str, bytes]:
    """What a job left in the store of its worker, but for what the coordinator has."""
    course = recall.course(job.parameters, job.seed)
    names = [*_states(course, job.rung), *_facts(recall, course, job)]  # facts last: they tell of the states
    return read(recall.store, [name for name in names if name not in set(known)])


def _states(course: Course, rung: int) -> list[str]:
    """Names of the states up to an evaluation, but for the start, which is never stored."""
    return [file_name("states", key) for key in course.keys[1 : course.segments_of(rung).stop + 1]]


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
