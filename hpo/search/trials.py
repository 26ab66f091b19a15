"""One trial of one study: drawn, trained from rung to rung, pruned or finished, recorded."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from hpo.config.experiment import Experiment
from hpo.config.parameters import Value
from hpo.errors import UserError
from hpo.records.charges import Charged
from hpo.records.events import Work
from hpo.records.files import write_trial
from hpo.records.metrics import METRICS
from hpo.records.retried import AGAIN, after, set_aside_before
from hpo.records.selection import begun, select
from hpo.records.trainings import Trial
from hpo.runtime.jobs import Done, Job
from hpo.runtime.parts import DoesNotFitError, fitting, in_more_parts, least_part, parts_of
from hpo.runtime.recall import Recall
from hpo.search.confirm import best_rung
from hpo.search.draws import Drawn, Draws, configuration, looks_at_results, waits
from hpo.search.endings import Endings, TrialKey
from hpo.search.lanes import Condition, Training
from hpo.search.pruners import Field, Pruner
from hpo.search.storage import INFEASIBLE, StoredStudy, StudyStorage
from hpo.search.trained import Trained
from hpo.search.warm import Kept
from hpo.search.watchers import Watchers
from hpo.seeds import derive

State = Literal["complete", "pruned", "failed"]
OUT_OF_MEMORY = "out of memory"  # in the reason of a failed trial that did not fit it


@dataclass
class _Study:
    """One study with what is known of its draws in this process.

    Attributes:
        firsts: configuration, as text, to the first draw of it.
        ended: the first draws that have all ended, in order.
        charged: for these.
        rivals: of these the first ``counted``.
    """

    stored: StoredStudy
    draws: Draws
    charged: Charged
    rivals: Field
    counted: int = 0
    firsts: dict[str, int] = field(default_factory=dict)
    ended: list[Trial] = field(default_factory=list)


class TrialRunner:
    """Runs the draws of all studies, each once.

    ``records`` holds every ended trial by its key, those of earlier, interrupted runs included.
    """

    def __init__(
        self,
        experiment: Experiment,
        recall: Recall,
        storage: StudyStorage,
        folder: Path,
        watchers: Watchers,
        records: dict[TrialKey, Trial],
        endings: Endings,
        kept: Kept | None,
    ) -> None:
        budget = experiment.budget
        self._experiment = experiment
        self._recall = recall
        self._folder = folder
        self._watchers = watchers
        self._storage = storage
        self._studies: dict[tuple[str, int], _Study] = {}
        self._metric = METRICS[experiment.task.metric]
        self._pruner = Pruner(budget.pruner, budget.reduction_factor, budget.rungs, self._metric.maximize)
        self.records = records
        self._endings = endings
        self._kept = kept
        self._retried = set_aside_before(folder)

    def study(self, strategy: str, value: Value | None, replicate: int) -> Iterator[Training | Condition]:
        """The draws of one study in the order in which they begin.

        A draw waits for those before it wherever it, the pruner or the budget looks at their results or costs, so that the
        records are the same however many trials are trained at once. None is made when they have used up the budget.
        """
        study = self._study(strategy, value, replicate)
        for number in range(self._experiment.budget.trials):
            if waits(self._experiment, number):
                yield partial(self._may_begin, strategy, replicate, number)
                if len(study.ended) <= number and self.is_over(strategy, replicate):
                    return
            if not (yield from self._endings.permit(strategy, number)):
                return
            yield self._run(study, strategy, value, replicate, number)

    def _may_begin(self, strategy: str, replicate: int, number: int) -> bool:
        return len(self._ended(strategy, replicate)) >= number or self.is_over(strategy, replicate)

    def _run(
        self, study: _Study, strategy: str, value: Value | None, replicate: int, number: int
    ) -> Training:
        """Bring draw ``number`` of one study to its end; nothing is done again that is recorded or stored."""
        trial = study.stored.trial(number) if number < len(study.stored) else None
        known = self.records.get((strategy, replicate, number))
        drawn = self._drawn(study, trial, strategy, replicate, number)
        parameters = configuration(self._experiment, value, drawn[0])
        first = study.firsts.setdefault(_canonical(parameters), number)
        if known is not None:
            self._store(study, drawn, trial, known)
            self._watchers.trial(known)
            return
        seed = derive(self._experiment.seed, "trial", replicate)
        if first < number:
            if trial is None and (strategy, replicate, first) not in self.records:
                trial = study.stored.begin(*drawn, seed)  # in its place, before those after it
            yield lambda: (strategy, replicate, first) in self.records
            record = self._duplicate(self.records[strategy, replicate, first], number)
        else:
            trial = trial or study.stored.begin(*drawn, seed)
            record = yield from self._train(study, trial, strategy, replicate, parameters)
        record = after(record, self._retried.get((strategy, replicate, number)))
        write_trial(self._folder, record)
        self._endings.ended()
        self.records[strategy, replicate, number] = record
        self._store(study, drawn, trial, record)
        self._watchers.trial(record)

    def is_over(self, strategy: str, replicate: int) -> bool:
        """Whether all draws of one study have ended, all studies' draws having begun."""
        self._ended(strategy, replicate)
        return self._studies[strategy, replicate].charged.reaches(self._endings.limit_of(strategy))

    def selected(self, strategy: str, replicate: int) -> Trial | None:
        """The trial that one study, when it is over, selects."""
        paid = begun(self._ended(strategy, replicate), self._endings.limit_of(strategy))
        return select(paid, self._metric)

    def _drawn(
        self, study: _Study, trial: FrozenTrial | None, strategy: str, replicate: int, number: int
    ) -> Drawn:
        """One draw of a study: as it is stored, or else recorded, whatever would be drawn now.

        Raises:
            UserError: what is recorded could not have been drawn.
        """
        if trial is not None:
            return trial.params, trial.distributions
        earlier = study.stored.trials() if looks_at_results(self._experiment, number) else ()
        drawn = study.draws.draw(number, earlier)
        key = (strategy, replicate, number)
        recorded = self.records.get(key, self._retried.get(key))
        if recorded is None:
            return drawn
        found = study.draws.as_recorded(recorded.parameters, drawn)
        if found is None:
            raise UserError(
                f"{strategy}, replicate {replicate}, draw {number}: the space could not have drawn what its record tells",
                "Put the record back as the run wrote it, or give the command with another --results folder.",
            )
        return found

    def _study(self, strategy: str, value: Value | None, replicate: int) -> _Study:
        key = (strategy, replicate)
        if key not in self._studies:
            stored = self._storage.study(strategy, replicate)
            known = None if self._kept is None else self._kept.known(self._experiment, strategy, replicate)
            again = [n for n in range(len(stored)) if self._is_tried_again(strategy, replicate, n)]
            if any(stored.trial(number).state.is_finished() for number in again):
                stored = self._storage.reopen(strategy, replicate, again)
            self._studies[key] = _Study(
                stored,
                Draws(self._experiment, value, replicate, known),
                Charged(by_cost=self._experiment.budget.limit.by_cost),
                Field(self._pruner),
            )
        return self._studies[key]

    def _is_tried_again(self, strategy: str, replicate: int, number: int) -> bool:
        key = (strategy, replicate, number)
        return key in self._retried and key not in self.records

    def _ended(self, strategy: str, replicate: int) -> Sequence[Trial]:
        """The first draws of a study as far as they have all ended."""
        study = self._studies[strategy, replicate]
        while (record := self.records.get((strategy, replicate, len(study.ended)))) is not None:
            study.ended.append(record)
            study.charged.add(record)
        return study.ended

    def _duplicate(self, twin: Trial, number: int) -> Trial:
        """The record of a draw whose configuration an earlier one of its study has."""
        return twin.model_copy(
            update={
                "draw": number,
                "duplicate_of": twin.draw,
                "reason": f"the same configuration as draw {twin.draw}: {twin.reason}",
                "retrained_seconds": 0.0,
            }
        )

    def _store(self, study: _Study, drawn: Drawn, trial: FrozenTrial | None, record: Trial) -> None:
        """Bring the study's trial to the state of its record."""
        if trial is not None and trial.state.is_finished():
            return
        course = self._recall.course(record.parameters, record.seed)
        rungs = {examples: rung.score for examples, rung in zip(course.rungs, record.rungs, strict=False)}
        if trial is None:
            study.stored.add(*drawn, record.seed, _state(record), record.score, rungs)
            return
        for examples, score in rungs.items():
            study.stored.report(record.draw, examples, score)
        study.stored.end(record.draw, _state(record), record.score)

    def _train(
        self, study: _Study, trial: FrozenTrial, strategy: str, replicate: int, parameters: dict[str, Any]
    ) -> Generator[Job, Done, Trial]:
        """Train one configuration; where it does not fit the memory, anew in more parts a step."""
        seed = trial.user_attrs["seed"]
        course = self._recall.course(parameters, seed)
        if self._is_tried_again(strategy, replicate, trial.number):
            self._recall.forget_divergence(course)
        work = Work(strategy, replicate, trial.number, False, seed, parameters, course.seen[-1])
        self._watchers.started(work)
        trained = Trained()
        computed = parameters
        while True:
            try:
                state, reason = yield from self._attempt(study, work, computed, trained)
            except DoesNotFitError as error:
                more = in_more_parts(computed)
                if more is None:
                    reason = f"{OUT_OF_MEMORY} {least_part(computed)}: {error}"
                    return self._record(work, trained, "failed", reason)
                trained.begin_anew(error.done)
                computed = more
            else:
                if computed != parameters:
                    reason += f"; in {parts_of(computed)} parts a step, for the memory"
                return self._record(work, trained, state, reason)

    def _attempt(
        self, study: _Study, work: Work, parameters: dict[str, Any], trained: Trained
    ) -> Generator[Job, Done, tuple[State, str]]:
        """Train from rung to rung; how it ended, and why.

        Raises:
            DoesNotFitError: the memory was too small.
        """
        course = self._recall.course(parameters, work.seed)
        for number, rung_examples in enumerate(course.rungs):
            done = yield from fitting(Job(parameters=parameters, seed=work.seed, rung=number))
            trained.add(done)
            if done.rung is None:
                return "failed", done.diverged or ""
            study.stored.report(work.index, rung_examples, done.rung.score)
            self._watchers.rung(work, done.rung)
            if number == len(course.rungs) - 1:
                break  # the end of training is no rung, whatever the rungs of longer trainings are
            earlier = self._field(study, work.index)
            decision = self._pruner.decide(rung_examples, done.rung.score, work.index, earlier)
            if decision.prune:
                return "pruned", f"stopped at {rung_examples} examples: {decision.reason}"
        return "complete", "trained to its end"

    def _record(self, work: Work, trained: Trained, state: State, reason: str) -> Trial:
        best = best_rung(trained.rungs, self._metric) if state == "complete" else None
        return Trial(
            strategy=work.strategy,
            replicate=work.replicate,
            draw=work.index,
            seed=work.seed,
            parameters=dict(work.parameters),
            state=state,
            reason=reason,
            score=None if best is None else trained.rungs[best].score,
            best_rung=best,
            duplicate_of=None,
            segments=tuple(trained.segments),
            rungs=tuple(trained.rungs),
            passes=tuple(trained.passes.values()),
            retrained_seconds=trained.uncharged,
        )

    def _field(self, study: _Study, number: int) -> Field:
        """The trials of the study drawn before ``number``, each training once: each is looked at once, however many ask."""
        while self._pruner.name != "none" and study.counted < number:
            trial = study.stored.trial(study.counted)
            if not trial.state.is_finished():  # its record is known, and the journal is not yet as far
                break
            if study.ended[study.counted].duplicate_of is None:
                complete = trial.state == TrialState.COMPLETE
                study.rivals.add(trial.number, trial.intermediate_values, complete=complete)
            study.counted += 1
        return study.rivals


def _state(record: Trial) -> str:
    """The state of a record as the storage has it, whatever came of it before it was tried again."""
    failure = record.reason.partition(AGAIN)[0]
    return INFEASIBLE if record.state == "failed" and OUT_OF_MEMORY in failure else record.state


def _canonical(parameters: Mapping[str, Any]) -> str:
    """One text for a configuration, whether it was just drawn or read back from a record."""
    return json.dumps(dict(parameters), sort_keys=True)
