"""The one place that writes Optuna's studies, one for each strategy in each replicate: into a journal file in the run's
folder, or a database. Trial numbers are draw numbers."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.errors import UserError
from hpo.search.database import Database
from hpo.search.journal import open_journal

P = ParamSpec("P")
R = TypeVar("R")

# A failed trial that did not fit the memory. In Optuna a pruned one with a constraint that it breaks: samplers look at no
# failed ones.
INFEASIBLE = "infeasible"
MEMORY = (
    "memory"  # the name of the constraint; its value is 1 where a training does not fit, and feasible up to 0
)
_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    INFEASIBLE: TrialState.PRUNED,
}


class StudyStorage:
    """The studies of one run. The caller holds the run's lock, so that nobody else writes.

    Args:
        folder: of the run, whose journal keeps them where there is no ``database``.
    """

    def __init__(self, folder: Path, maximize: bool = True, database: Database | None = None) -> None:
        self._direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self._database = database
        self._storage: BaseStorage = open_journal(folder) if database is None else database.open()

    def study(self, strategy: str, replicate: int) -> StoredStudy:
        """The study of one strategy in one replicate, made where it does not exist."""
        name = f"{strategy}/r{replicate}"
        if self._database is None:
            return self._named(name)
        return self._database.patiently(functools.partial(self._named, self._database.name_of(name)))

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()

    def _named(self, name: str) -> StoredStudy:
        try:
            study_id = self._storage.get_study_id_from_name(name)
        except KeyError:
            study_id = self._storage.create_new_study([self._direction], name)
        return StoredStudy(study_id, self._storage, self._database)


def _patient(
    method: Callable[Concatenate[StoredStudy, P], R],
) -> Callable[Concatenate[StoredStudy, P], R]:
    """A method that is called again while the database is away: it must not do twice what it did unheard."""

    @functools.wraps(method)
    def wrapped(self: StoredStudy, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.database is None:
            return method(self, *args, **kwargs)
        return self.database.patiently(lambda: method(self, *args, **kwargs))

    return wrapped


class StoredStudy:
    """One study: its trials by draw number."""

    def __init__(self, study_id: int, storage: BaseStorage, database: Database | None = None) -> None:
        self.database = database
        self._study_id = study_id
        self._storage = storage
        count = len(storage.get_all_trials(study_id, deepcopy=False))  # a database's are then known by number
        self._ids = [storage.get_trial_id_from_study_id_trial_number(study_id, n) for n in range(count)]
        self._unheard = False  # whether a trial may have been made that is not in ``_ids``

    def __len__(self) -> int:
        """Number of trials, the one under way included."""
        return len(self._ids)

    @_patient
    def trial(self, draw: int) -> FrozenTrial:
        """The trial of one draw, as it stands."""
        return self._storage.get_trial(self._ids[draw])

    @_patient
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their draws."""
        return self._storage.get_all_trials(self._study_id, deepcopy=False)

    def begin(
        self, params: dict[str, Any], distributions: dict[str, BaseDistribution], seed: int
    ) -> FrozenTrial:
        """Store a drawn trial as running, whole at once."""
        drawn = optuna.trial.create_trial(
            state=TrialState.RUNNING, params=params, distributions=distributions, user_attrs={"seed": seed}
        )
        return self._create(drawn)

    def add(
        self,
        params: dict[str, Any],
        distributions: dict[str, BaseDistribution],
        seed: int,
        state: str,
        score: float | None,
        rungs: Mapping[int, float],
    ) -> None:
        """Store a trial that has ended, as ``begin``, ``report`` at each of its ``rungs`` and ``end`` would."""
        drawn = optuna.trial.create_trial(
            state=_STATES[state],
            value=score,
            params=params,
            distributions=distributions,
            user_attrs={"seed": seed},
            intermediate_values=dict(rungs),
            constraints={MEMORY: 1.0} if state == INFEASIBLE else None,
        )
        self._create(drawn)

    @_patient
    def report(self, draw: int, examples: int, score: float) -> None:
        """Store the score at a rung, unless it is there."""
        if self._storage.get_trial(self._ids[draw]).intermediate_values.get(examples) != score:
            self._storage.set_trial_intermediate_value(self._ids[draw], examples, score)

    @_patient
    def end(self, draw: int, state: str, score: float | None) -> None:
        """Store how a trial ended: ``complete`` with its score, ``pruned``, ``failed`` or ``infeasible``."""
        trial_id = self._ids[draw]
        if state == INFEASIBLE and not self._storage.get_trial(trial_id).constraints:
            study = optuna.load_study(
                study_name=self._storage.get_study_name_from_id(self._study_id), storage=self._storage
            )
            optuna.trial.Trial(study, trial_id).set_constraint(MEMORY, 1.0)
        values: Sequence[float] | None = None if score is None else [score]
        try:
            self._storage.set_trial_state_values(trial_id, _STATES[state], values)
        except UpdateFinishedTrialError:
            if self.database is None:
                raise
            # It was stored, and the answer lost with the connection.

    @_patient
    def _create(self, drawn: FrozenTrial) -> FrozenTrial:
        number = len(self._ids)
        made = self._unheard and len(self._storage.get_all_trials(self._study_id, deepcopy=False)) > number
        if made:
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        else:
            self._unheard = True
            trial_id = self._storage.create_new_trial(self._study_id, template_trial=drawn)
        trial = self._storage.get_trial(trial_id)
        self._unheard = False
        if trial.number != number:
            raise UserError(
                f"another process writes to the study {self._storage.get_study_name_from_id(self._study_id)!r} of this run",
                "Let one process at a time go on with a run; a copy of its folder is the same run.",
            )
        self._ids.append(trial_id)
        return trial
