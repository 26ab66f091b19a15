"""The different work of trainings that are planned and not trained: what several of them share is there once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hpo.data.texts import Texts
from hpo.runtime.jobs import Job
from hpo.runtime.parts import parts_of
from hpo.runtime.recall import Recall
from hpo.training.course import Course
from hpo.training.keys import segment_key
from hpo.training.prefixes import Stage


@dataclass(frozen=True)
class Stretch:
    """Steps of one training: ``calls`` forward and backward (a step in parts has several), on so many padded ``tokens``."""

    frozen: int
    steps: int
    calls: int
    tokens: int


@dataclass
class Workload:
    """Work by its key; frozen layers stand for the structure of a training.

    Attributes:
        segments: that are trained.
        states: frozen layers of those that are kept.
        evaluations: frozen layers of those on the validation split.
        tests: frozen layers of each evaluation on the test split.
        lists: bytes of the hidden states of a list of texts.
        passed: tokens times layers of texts that pass frozen layers.
        tested: passes that the test split makes.
    """

    segments: dict[str, Stretch] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    evaluations: dict[str, int] = field(default_factory=dict)
    tests: list[int] = field(default_factory=list)
    lists: dict[tuple[Stage, str], int] = field(default_factory=dict)
    passed: int = 0
    tested: set[Stage] = field(default_factory=set)
    _seen: defaultdict[Stage, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return sum(stretch.steps for stretch in self.segments.values())

    def add(self, recall: Recall, course: Course, until: int, *, tested: bool = False) -> None:
        """Add a training up to its evaluation number ``until``; ``tested``: it is scored on the test split too."""
        frozen = int(course.parameters["frozen_layers"])
        for index, stretch in enumerate(stretches(course)[: course.marks[until] + 1]):
            self.segments[segment_key(*course.keys[index : index + 2])] = stretch
            if course.cuts[index].chance > 0:
                self.states[course.keys[index + 1]] = frozen
        for rung in range(until + 1):
            job = Job(parameters=course.parameters, seed=course.seed, rung=rung)
            self.evaluations[recall.evaluation_key(course, job)] = frozen
        stages = recall.prefixes.stages(course.start, course.parameters) if course.start else []
        for stage in stages:
            for texts in (*course.texts_until(until), recall.validation.texts):
                self._pass(stage, texts, recall.prefixes.size(texts, stage))
        if tested:
            self.tests.append(frozen)
            self.tested.update(stages)

    def _pass(self, stage: Stage, texts: Texts, size: int) -> None:
        if (stage, texts.key) in self.lists:
            return
        self.lists[stage, texts.key] = size
        seen = self._seen[stage]
        for digest, length in zip(texts.each, texts.lengths, strict=True):
            name = digest.tobytes()
            if name not in seen:
                seen.add(name)
                self.passed += int(length) * stage.layers


def stretches(course: Course) -> list[Stretch]:
    """The segments of a training."""
    frozen, parts, tokens = int(course.parameters["frozen_layers"]), parts_of(course.parameters), course.padded()
    found = []
    for index, cut in enumerate(course.cuts):
        first = course.segment_start(index)
        steps = cut.step - first
        found.append(Stretch(frozen, steps, steps * parts, int(tokens[first : cut.step].sum())))
    return found
