"""One trial of one study: drawn, trained from rung to rung, pruned or finished, recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from hpo.config.experiment import Experiment
from hpo.config.parameters import Value
from hpo.records.events import Work
from hpo.records.files import write_trial
from hpo.records.schema import Rung, Segment, Trial
from hpo.runtime.in_process import DivergedError, InProcessExecutor
from hpo.search.confirm import best_rung
from hpo.search.draws import configuration, draw
from hpo.search.pruners import Field, Pruner
from hpo.search.storage import StoredStudy, StudyStorage
from hpo.search.watchers import Watchers
from hpo.seeds import derive

TrialKey = tuple[str, int, int]  # strategy, replicate, draw


class TrialRunner:
    """Runs the draws of all studies, each once.

    ``records`` holds every ended trial by its key, those of earlier, interrupted runs included.
    """

    def __init__(
        self,
        experiment: Experiment,
        executor: InProcessExecutor,
        storage: StudyStorage,
        folder: Path,
        watchers: Watchers,
        records: dict[TrialKey, Trial],
    ) -> None:
        budget = experiment.budget
        self._experiment = experiment
        self._executor = executor
        self._folder = folder
        self._watchers = watchers
        self._storage = storage
        self._studies: dict[tuple[str, int], StoredStudy] = {}
        self._pruner = Pruner(budget.pruner, budget.reduction_factor, budget.rungs)
        self.records = records

    def run(self, strategy: str, value: Value | None, replicate: int, number: int) -> None:
        """Bring draw ``number`` of one study to its end; nothing is done again that is stored."""
        study = self._study(strategy, replicate)
        stored = study.trials()
        if len(stored) > number and stored[number].state.is_finished():
            known = self.records.get((strategy, replicate, number))
            if known is not None:
                self._watchers.trial(known)
                return
        if len(stored) > number:
            trial = stored[number]
        else:
            seed = derive(self._experiment.seed, "trial", replicate, number)
            trial = study.begin(*draw(self._experiment, value, replicate, number, stored), seed)
        record = self._bring_to_end(study, trial, strategy, value, replicate)
        write_trial(self._folder, record)
        self.records[strategy, replicate, number] = record
        if not trial.state.is_finished():
            study.end(number, record.state, record.accuracy)
        self._watchers.trial(record)

    def _study(self, strategy: str, replicate: int) -> StoredStudy:
        key = (strategy, replicate)
        if key not in self._studies:
            self._studies[key] = self._storage.study(strategy, replicate)
        return self._studies[key]

    def _bring_to_end(
        self, study: StoredStudy, trial: FrozenTrial, strategy: str, value: Value | None, replicate: int
    ) -> Trial:
        parameters = configuration(self._experiment, value, trial.params)
        twin = self._twin(strategy, replicate, trial.number, parameters)
        if twin is not None:
            for rung, examples in zip(twin.rungs, self._rungs_of(twin), strict=True):
                study.report(trial.number, examples, rung.accuracy)
            reason = f"the same configuration as draw {twin.draw}: {twin.reason}"
            return twin.model_copy(
                update={
                    "draw": trial.number,
                    "duplicate_of": twin.draw,
                    "reason": reason,
                    "retrained_seconds": 0.0,
                }
            )
        return self._train(study, trial, strategy, replicate, parameters)

    def _twin(
        self, strategy: str, replicate: int, number: int, parameters: Mapping[str, Any]
    ) -> Trial | None:
        """The earliest trial of the study with the same configuration."""
        wanted = _canonical(parameters)
        for earlier in range(number):
            record = self.records[strategy, replicate, earlier]
            if _canonical(record.parameters) == wanted:
                return record
        return None

    def _rungs_of(self, trial: Trial) -> list[int]:
        course = self._executor.plan(trial.parameters, trial.seed, self._experiment.budget.rungs)
        return list(course.rungs[: len(trial.rungs)])

    def _train(
        self,
        study: StoredStudy,
        trial: FrozenTrial,
        strategy: str,
        replicate: int,
        parameters: dict[str, Any],
    ) -> Trial:
        seed = trial.user_attrs["seed"]
        course = self._executor.plan(parameters, seed, self._experiment.budget.rungs)
        work = Work(strategy, replicate, trial.number, False, seed, parameters, course.seen[-1])
        self._watchers.started(work)
        field = self._field(study, strategy, replicate, trial.number)
        retrained_before = self._executor.retrained_seconds
        segments: list[Segment] = []
        rungs: list[Rung] = []
        state: Literal["complete", "pruned", "failed"] = "complete"
        reason = "trained to its end"
        for index, rung_examples in enumerate(course.rungs):
            try:
                segment, rung = self._executor.advance(course, index)
            except DivergedError as error:
                segments.append(error.segment)
                state, reason = "failed", str(error)
                break
            segments.append(segment)
            rungs.append(rung)
            study.report(trial.number, rung_examples, rung.accuracy)
            self._watchers.rung(work, rung)
            if index == len(course.rungs) - 1:
                break  # the end of training is no rung, whatever the rungs of longer trainings are
            decision = self._pruner.decide(rung_examples, rung.accuracy, trial.number, field)
            if decision.prune:
                state, reason = "pruned", f"stopped at {rung_examples} examples: {decision.reason}"
                break
        best = best_rung(rungs) if state == "complete" else None
        return Trial(
            strategy=strategy,
            replicate=replicate,
            draw=trial.number,
            seed=seed,
            parameters=parameters,
            state=state,
            reason=reason,
            accuracy=None if best is None else rungs[best].accuracy,
            best_rung=best,
            duplicate_of=None,
            segments=tuple(segments),
            rungs=tuple(rungs),
            retrained_seconds=self._executor.retrained_seconds - retrained_before,
        )

    def _field(self, study: StoredStudy, strategy: str, replicate: int, number: int) -> Field:
        """The trials of the study drawn before ``number``, each training once."""
        own = [
            t
            for t in study.trials()[:number]
            if self.records[strategy, replicate, t.number].duplicate_of is None
        ]
        return Field(
            scores={t.number: t.intermediate_values for t in own},
            complete=frozenset(t.number for t in own if t.state == TrialState.COMPLETE),
        )


def _canonical(parameters: Mapping[str, Any]) -> str:
    """One text for a configuration, whether it was just drawn or read back from a record."""
    return json.dumps(dict(parameters), sort_keys=True)
