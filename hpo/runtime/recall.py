"""What is known of a run's trainings without training: planned courses, and answers put together from the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo.config.parameters import MODEL, complete
from hpo.errors import UserError
from hpo.models.pretrained import Pretrained
from hpo.records.trainings import Rung, Segment, SetScores, Work
from hpo.runtime.jobs import UNTRAINED, VALIDATION, Done, Job
from hpo.training.course import Course, Planner
from hpo.training.evaluation import EvaluationSet
from hpo.training.facts import EvaluationFacts, SegmentFacts
from hpo.training.keys import evaluation_key, segment_key
from hpo.training.prefixes import Prefixes
from hpo.training.scoring import Scoring
from hpo.training.store import Store

COURSES_KEPT = 64  # at least: a trial asks for its own several times, paired trials in turn


@dataclass
class ModelTrainings:
    """What the trainings of one pretrained model stand on.

    Attributes:
        planner: of their courses.
        prefixes: of them all; only their planning and their facts are used here.
        validation: the validation split as the model reads it.
        test: the test split and the shift sets by what jobs call them; None until the search is over and they were opened.
    """

    pretrained: Pretrained
    planner: Planner
    prefixes: Prefixes
    validation: EvaluationSet
    test: Mapping[str, EvaluationSet] | None = None


class Recall:
    """The trainings of one run as the store knows them.

    Args:
        models: by the value of ``model`` in the parameters of their trainings; None: that of all, where none is compared.
        scoring: how the task is scored.
    """

    def __init__(self, models: Mapping[str | None, ModelTrainings], store: Store, scoring: Scoring) -> None:
        self.store = store
        self.scoring = scoring
        self._models = models
        self._courses: OrderedDict[str, Course] = OrderedDict()
        self._courses_kept = COURSES_KEPT

    def of(self, parameters: Mapping[str, Any]) -> ModelTrainings:
        """What a training of these parameters stands on."""
        return self._models[parameters.get(MODEL)]

    def course(self, parameters: Mapping[str, Any], seed: int) -> Course:
        """The course of one training. Parameters of which an older record says nothing have their defaults."""
        name = f"{sorted(parameters.items())} {seed}"
        if name not in self._courses:
            self._courses[name] = self.of(parameters).planner.plan(complete(parameters), seed)
        self._courses.move_to_end(name)
        while len(self._courses) > self._courses_kept:
            self._courses.popitem(last=False)
        return self._courses[name]

    def expect(self, trainings: int) -> None:
        """Keep the courses of so many trainings that go on side by side, and of those that wait for them."""
        self._courses_kept = max(COURSES_KEPT, 2 * trainings)

    def known(self, job: Job) -> Done | None:
        """What the job comes to, if nothing is left to compute."""
        course = self.course(job.parameters, job.seed)
        segments: list[Segment] = []
        losses: list[tuple[float, int]] = []
        for index in course.segments_of(job.rung):
            facts = self.segment(course, index)
            if facts is None:
                return None
            end = course.cuts[index].step
            segments.append(
                Segment(
                    key=segment_key(course.keys[index], course.keys[index + 1]),
                    examples=course.seen[index],
                    steps=end,
                    seconds=facts.seconds,
                )
            )
            if facts.loss is None:
                return Done(
                    segments=tuple(segments),
                    passes=self._passes(course, job) or (),
                    diverged=_diverged("training", course.seen[index]),
                )
            losses.append((facts.loss, end - course.segment_start(index)))
        scores = self.evaluation(course, job)
        passes = self._passes(course, job)
        if scores is None or passes is None:
            return None
        done = Done(segments=tuple(segments), passes=passes)
        if job.split != VALIDATION:
            return done.model_copy(update={"test": self._test_scores(course, job, scores)})
        if scores.loss is None:
            seen = course.seen[course.marks[job.rung]] if job.rung != UNTRAINED else 0
            return done.model_copy(update={"diverged": _diverged("validation", seen)})
        return done.model_copy(update={"rung": self._rung(course, job, scores, losses)})

    def refuse_others(self, job: Job, done: Done) -> None:
        """Refuse what was computed from other files than this process has read: a worker reads them when it starts.

        Raises:
            UserError: the keys of ``done`` are not those of ``job`` here.
        """
        course = self.course(job.parameters, job.seed)
        keys = [segment_key(course.keys[i], course.keys[i + 1]) for i in course.segments_of(job.rung)]
        found = [segment.key for segment in done.segments]
        scores = done.rung or done.test
        other = scores is not None and scores.evaluation != self.evaluation_key(course, job)
        if other or found != keys[: len(found)]:
            raise UserError(
                "a worker read other data or another model than this run began with: a file was changed under it",
                "Bring it back as it was and give the command again: it goes on where it stopped.",
            )

    def open_test(self, test: Callable[[Pretrained], Mapping[str, EvaluationSet]]) -> None:
        """Let jobs be scored on the test split and the shift sets, now that the search is over."""
        for model in self._models.values():
            if model.test is None:
                model.test = test(model.pretrained)

    def forget_divergence(self, course: Course) -> None:
        """Have a training that diverged trained again from the state before that."""
        for index in range(len(course.cuts)):
            facts = self.segment(course, index)
            if facts is not None and facts.loss is None:
                self.store.forget(segment_key(*course.keys[index : index + 2]), course.keys[index + 1])
        for rung, mark in enumerate(course.marks):
            job = Job(parameters=course.parameters, seed=course.seed, rung=rung)
            scores = self.evaluation(course, job)
            if scores is not None and scores.loss is None:
                key, state = segment_key(*course.keys[mark : mark + 2]), course.keys[mark + 1]
                self.store.forget(key, state, self.evaluation_key(course, job))

    def missing(self, job: Job) -> set[str]:
        """Keys of the segments that must be trained, as far as the facts tell, for this job."""
        course = self.course(job.parameters, job.seed)
        return {
            segment_key(course.keys[i], course.keys[i + 1])
            for i in range(course.segments_of(job.rung).stop)
            if self.segment(course, i) is None
        }

    def segment(self, course: Course, index: int) -> SegmentFacts | None:
        """Facts of one segment of a course."""
        return self.store.segment(segment_key(course.keys[index], course.keys[index + 1]))

    def evaluation(self, course: Course, job: Job) -> EvaluationFacts | None:
        """Facts of the evaluation that a job ends with."""
        return self.store.evaluation(self.evaluation_key(course, job))

    def evaluation_key(self, course: Course, job: Job) -> str:
        """Key of the evaluation that a job ends with."""
        return evaluation_key(course.keys[state_of(course, job.rung)], self.data(job).key, str(course.start))

    def data(self, job: Job) -> EvaluationSet:
        """The labelled texts on which a job is scored."""
        model = self.of(job.parameters)
        if job.split == VALIDATION:
            return model.validation
        assert model.test is not None, "the test split is opened when the search is over, not before"
        return model.test[job.split]

    def _passes(self, course: Course, job: Job) -> tuple[Work, ...] | None:
        """The passes through frozen layers that the job's training and evaluation read; None: not all were made."""
        if not course.start:
            return ()
        read = course.texts_until(job.rung) if job.rung != UNTRAINED else []
        work: dict[str, Work] = {}
        prefixes = self.of(course.parameters).prefixes
        for texts in (*read, self.data(job).texts):
            made = prefixes.work(texts, course.start, course.parameters)
            if made is None:
                return None
            work |= {w.key: w for w in made}
        return tuple(work.values())

    def _rung(
        self, course: Course, job: Job, facts: EvaluationFacts, losses: list[tuple[float, int]]
    ) -> Rung:
        assert facts.loss is not None
        if job.rung == UNTRAINED:
            examples, steps, rate = 0, 0, 0.0
            train_loss: float | None = facts.loss
        else:
            mark = course.marks[job.rung]
            examples, steps = course.seen[mark], course.cuts[mark].step
            train_loss = None if course.private else _mean_loss(losses)
            rate = course.rate_before(steps)
        return Rung(
            examples=examples,
            steps=steps,
            score=facts.metrics[self.scoring.metric],
            metrics=facts.metrics,
            loss=facts.loss,
            train_loss=train_loss,
            learning_rate=rate,
            seconds=facts.seconds,
            evaluation=self.evaluation_key(course, job),
        )

    def _test_scores(self, course: Course, job: Job, facts: EvaluationFacts) -> SetScores:
        items, data = facts.items, self.data(job)
        assert items is not None, "an evaluation that selection never sees keeps its items"
        return SetScores(
            score=facts.metrics[self.scoring.metric],
            metrics=facts.metrics,
            loss=facts.loss,
            predictions=items.predictions,
            correct=self.scoring.correct(items, data),
            values=self.scoring.values(items, data),
            seconds=facts.seconds,
            evaluation=self.evaluation_key(course, job),
        )


def _mean_loss(losses: list[tuple[float, int]]) -> float:
    """Over steps; ``losses``: of each segment its mean and how many it has."""
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


def state_of(course: Course, rung: int) -> int:
    """Index into the course's keys of the state at an evaluation."""
    return 0 if rung == UNTRAINED else course.marks[rung] + 1


def _diverged(split: str, examples: int) -> str:
    what = "the training loss or its gradient" if split == "training" else f"the {split} loss"
    return f"diverged: {what} was not finite by {examples} examples; lower learning_rate or gradient_clip"
