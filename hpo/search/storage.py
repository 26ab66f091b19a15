"""The one place that writes Optuna's studies, one for each strategy in each replicate: into a journal file in the run's
folder, or a database. Trial numbers are draw numbers."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
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
        self._retried = (folder / "records" / "retried").is_dir()  # else there is one edition of each study
        self._storage: BaseStorage = open_journal(folder) if database is None else database.open()

    def study(self, strategy: str, replicate: int) -> StoredStudy:
        """The study of one strategy in one replicate, made where it does not exist."""
        name = f"{strategy}/r{replicate}"
        return self._patiently(functools.partial(self._named, name))

    def reopen(self, strategy: str, replicate: int, draws: Collection[int]) -> StoredStudy:
        """The same study with these draws running again, as if they had just been drawn.

        Optuna ends a trial once and for all, so the study is written again, under the name of its next edition.
        """
        return self._patiently(functools.partial(self._reopened, f"{strategy}/r{replicate}", draws))

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()

    def _patiently(self, call: Callable[[], StoredStudy]) -> StoredStudy:
        return call() if self._database is None else self._database.patiently(call)

    def _reopened(self, name: str, draws: Collection[int]) -> StoredStudy:
        (first, before), *unfinished = self._editions(name)
        for _, study_id in unfinished:  # a kill while one was written
            self._storage.delete_study(study_id)
        study_id = self._storage.create_new_study([self._direction], self._edition(name, first + 1))
        for trial in self._storage.get_all_trials(before):
            drawn = _running(trial) if trial.number in draws else trial
            self._storage.create_new_trial(study_id, template_trial=drawn)
        self._storage.delete_study(before)
        return StoredStudy(study_id, self._storage, self._database)

    def _named(self, name: str) -> StoredStudy:
        """Of several editions the first that is there: the one behind it is not whole yet."""
        try:
            study_id = self._storage.get_study_id_from_name(self._edition(name, 1))
        except KeyError:
            editions = self._editions(name) if self._retried else []
            study_id = (
                editions[0][1]
                if editions
                else self._storage.create_new_study([self._direction], self._edition(name, 1))
            )
        return StoredStudy(study_id, self._storage, self._database)

    def _editions(self, name: str) -> list[tuple[int, int]]:
        """(edition, id) of the studies of a name, ascending."""
        found = {}
        for study in self._storage.get_all_studies():
            number = study.study_name.removeprefix(f"{self._edition(name, 1)}~")
            if study.study_name == self._edition(name, 1):
                found[1] = study.study_name
            elif number.isdecimal() and study.study_name == self._edition(name, int(number)):
                found[int(number)] = study.study_name
        return [(n, self._storage.get_study_id_from_name(found[n])) for n in sorted(found)]

    def _edition(self, name: str, number: int) -> str:
        """``name``, ``name~2``, ...; in a database behind what tells this run's studies from others."""
        whole = name if self._database is None else self._database.name_of(name)
        return whole if number == 1 else f"{whole}~{number}"


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


def _running(trial: FrozenTrial) -> FrozenTrial:
    """A trial as it was when it was drawn."""
    return optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
    )


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
