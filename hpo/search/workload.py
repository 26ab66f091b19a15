"""The different work of trainings that are planned and not trained: what several of them share is there once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.config.parameters import MODEL, Value
from hpo.data.texts import Texts
from hpo.models.layers import layers_of
from hpo.models.structure import ADAPTED, frozen_layers, kept_layers
from hpo.runtime.jobs import Job
from hpo.runtime.parts import parts_of
from hpo.runtime.recall import ModelTrainings, Recall
from hpo.training.course import Course
from hpo.training.keys import segment_key
from hpo.training.prefixes import Place

# The parameters on which it hangs what a step costs beside its tokens.
COSTLY = (
    MODEL,
    "num_layers",
    "fine_tuning",
    "frozen_layers",
    "embeddings",
    "adapter_rank",
    "adapter_targets",
    "head_hidden_sizes",
    "pooling",
    "optimizer",
    "privacy_epsilon",
)


@dataclass(frozen=True)
class Structure:
    """Trainings whose steps cost alike where they have as many tokens.

    Attributes:
        parameters: those of ``COSTLY`` that act, with their values.
        start: depth at which the body begins.
        work: about the multiplications that a token takes in a step; between structures costs are read off it.
    """

    parameters: tuple[tuple[str, Value], ...]
    start: int
    work: float

    @property
    def model(self) -> Value | None:
        """The compared model; None where none is."""
        return dict(self.parameters).get(MODEL)


@dataclass(frozen=True)
class Stretch:
    """Steps of one training: ``calls`` forward and backward (a step in parts has several), on so many padded ``tokens``."""

    structure: Structure
    steps: int
    calls: int
    tokens: int


@dataclass
class Workload:
    """Work by its key.

    Attributes:
        test_share: texts of the test split and of shift sets to one of the validation split; all are taken to be as long.
        segments: that are trained.
        states: the structure of those that are kept.
        evaluations: tokens by structure, of the evaluations that are made.
        lists: bytes of the hidden states of a list of texts.
        passed: by model, tokens times layers of texts that pass frozen layers.
    """

    test_share: float = 0.0
    segments: dict[str, Stretch] = field(default_factory=dict)
    states: dict[str, Structure] = field(default_factory=dict)
    evaluations: dict[str, tuple[Structure, float]] = field(default_factory=dict)
    lists: dict[str, float] = field(default_factory=dict)
    passed: defaultdict[Value | None, float] = field(default_factory=lambda: defaultdict(float))
    _seen: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return sum(stretch.steps for stretch in self.segments.values())

    def add(self, recall: Recall, course: Course, until: int, *, tested: bool = False) -> None:
        """Add a training up to its evaluation number ``until``; ``tested``: it is scored on the test split too."""
        of, structure = recall.of(course.parameters), structure_of(recall, course)
        tokens = of.validation.texts.tokens
        for index, stretch in enumerate(stretches(recall, course)[: course.marks[until] + 1]):
            self.segments[segment_key(*course.keys[index : index + 2])] = stretch
            if course.cuts[index].chance > 0:
                self.states[course.keys[index + 1]] = structure
        for rung in range(until + 1):
            job = Job(parameters=course.parameters, seed=course.seed, rung=rung)
            self.evaluations[recall.evaluation_key(course, job)] = structure, float(tokens)
        if tested:
            self.evaluations[f"{course.keys[-1]}/test"] = structure, tokens * self.test_share
        for place in of.prefixes.way(course.start, course.parameters) if course.start else ():
            for texts in (*course.texts_until(until), of.validation.texts):
                self._pass(of, structure.model, texts, place)
            if tested:
                self._pass_test(of, structure.model, place)

    def _pass(self, of: ModelTrainings, model: Value | None, texts: Texts, place: Place) -> None:
        key = of.prefixes.key(texts, place)
        if key in self.lists:
            return
        self.lists[key] = of.prefixes.size(texts, place)
        seen, layers = self._seen[of.prefixes.passes(place)], of.prefixes.layers(place)
        for digest, length in zip(texts.each, texts.lengths, strict=True):
            name = digest.tobytes()
            if name not in seen:
                seen.add(name)
                self.passed[model] += int(length) * layers

    def _pass_test(self, of: ModelTrainings, model: Value | None, place: Place) -> None:
        key, texts = f"{of.prefixes.passes(place)}/test", of.validation.texts
        if key not in self.lists:
            self.lists[key] = of.prefixes.size(texts, place) * self.test_share
            self.passed[model] += texts.tokens * self.test_share * of.prefixes.layers(place)


def structure_of(recall: Recall, course: Course) -> Structure:
    """The structure of a training."""
    parameters = course.parameters
    chosen = tuple((name, parameters[name]) for name in COSTLY if name in parameters)
    return Structure(chosen, course.start, _work(recall.of(parameters), parameters, course.start))


def _work(of: ModelTrainings, parameters: Mapping[str, Value], start: int) -> float:
    """Weights of the layers that a token passes, forward once, and back once for itself and once for their gradients."""
    layers = of.pretrained.info.layers
    kept, frozen = kept_layers(parameters, layers), frozen_layers(parameters, layers)
    weights = sum(p.numel() for p in layers_of(of.pretrained.body)[1][0].parameters())
    back = 1 if parameters["fine_tuning"] in ADAPTED else 2
    return float(weights * ((kept - start) + back * (kept - frozen)))


def stretches(recall: Recall, course: Course) -> list[Stretch]:
    """The segments of a training."""
    structure, parts, tokens = structure_of(recall, course), parts_of(course.parameters), course.padded()
    found = []
    for index, cut in enumerate(course.cuts):
        first = course.segment_start(index)
        steps = cut.step - first
        found.append(Stretch(structure, steps, steps * parts, int(tokens[first : cut.step].sum())))
    return found
