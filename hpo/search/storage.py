"""The one place that opens Optuna's storage: a journal file in the run's folder, one study for each strategy in each
replicate. Trial numbers are draw numbers. Every change is a single record of the journal."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.errors import UserError


def journal_path(folder: Path) -> Path:
    """Where a run's studies lie: ``optuna-dashboard <path>`` opens it."""
    return folder / "optuna-journal.log"


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
    """The studies of one run. The caller holds the run's lock, so that nobody else writes."""

    def __init__(self, folder: Path, maximize: bool = True) -> None:
        path = journal_path(folder)
        self._direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
        _mend(path)
        logging.getLogger("optuna").setLevel(logging.WARNING)
        try:
            self._storage = JournalStorage(_Journal(path))
        except (ValueError, KeyError) as error:
            raise UserError(
                f"{path} is no journal of Optuna any more ({error})",
                "Move the run's folder away, or restore the file from a backup, and give the command again.",
            ) from error

    def study(self, strategy: str, replicate: int) -> StoredStudy:
        """The study of one strategy in one replicate, made where it does not exist."""
        return StoredStudy(self._named(f"{strategy}/r{replicate}"), self._storage)

    def reopen(self, strategy: str, replicate: int, draws: Collection[int]) -> StoredStudy:
        """The same study with these draws running again, as if they had just been drawn.

        Optuna ends a trial once and for all, so the study is written again, under the name of its next edition.
        """
        name = f"{strategy}/r{replicate}"
        (first, before), *unfinished = self._editions(name)
        for _, study_id in unfinished:  # a kill while one was written
            self._storage.delete_study(study_id)
        study_id = self._storage.create_new_study([self._direction], f"{name}~{first + 1}")
        for trial in self._storage.get_all_trials(before):
            self._storage.create_new_trial(
                study_id, template_trial=_running(trial) if trial.number in draws else trial
            )
        self._storage.delete_study(before)
        return StoredStudy(study_id, self._storage)

    def _named(self, name: str) -> int:
        """Of several editions the first that is there: the one behind it is not whole yet."""
        editions = self._editions(name)
        return editions[0][1] if editions else self._storage.create_new_study([self._direction], name)

    def _editions(self, name: str) -> list[tuple[int, int]]:
        """(edition, id) of the studies of a name, ascending: ``name``, ``name~2``, ..."""
        found = {}
        for study in self._storage.get_all_studies():
            start, _, number = study.study_name.rpartition("~")
            if study.study_name == name:
                found[1] = name
            elif start == name and number.isdecimal():
                found[int(number)] = study.study_name
        return [(n, self._storage.get_study_id_from_name(found[n])) for n in sorted(found)]


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

    def __init__(self, study_id: int, storage: JournalStorage) -> None:
        self._study_id = study_id
        self._storage = storage
        count = storage.get_n_trials(study_id)
        self._ids = [storage.get_trial_id_from_study_id_trial_number(study_id, n) for n in range(count)]

    def __len__(self) -> int:
        """Number of trials, the one under way included."""
        return len(self._ids)

    def trial(self, draw: int) -> FrozenTrial:
        """The trial of one draw, as it stands."""
        return self._storage.get_trial(self._ids[draw])

    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their draws."""
        return self._storage.get_all_trials(self._study_id, deepcopy=False)

    def begin(
        self, params: dict[str, Any], distributions: dict[str, BaseDistribution], seed: int
    ) -> FrozenTrial:
        """Store a drawn trial as running, whole in one record."""
        drawn = optuna.trial.create_trial(
            state=TrialState.RUNNING, params=params, distributions=distributions, user_attrs={"seed": seed}
        )
        self._ids.append(self._storage.create_new_trial(self._study_id, template_trial=drawn))
        return self.trial(len(self) - 1)

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
        self._ids.append(self._storage.create_new_trial(self._study_id, template_trial=drawn))

    def report(self, draw: int, examples: int, score: float) -> None:
        """Store the score at a rung, unless it is there."""
        if self.trial(draw).intermediate_values.get(examples) != score:
            self._storage.set_trial_intermediate_value(self._ids[draw], examples, score)

    def end(self, draw: int, state: str, score: float | None) -> None:
        """Store how a trial ended: ``complete`` with its score, ``pruned``, ``failed`` or ``infeasible``."""
        if state == INFEASIBLE and not self.trial(draw).constraints:
            study = optuna.load_study(
                study_name=self._storage.get_study_name_from_id(self._study_id), storage=self._storage
            )
            optuna.trial.Trial(study, self._ids[draw]).set_constraint(MEMORY, 1.0)
        values: Sequence[float] | None = None if score is None else [score]
        self._storage.set_trial_state_values(self._ids[draw], _STATES[state], values)


class _Journal(BaseJournalBackend):
    """Optuna's journal file, for its one writer: no lock, nothing read back, and no wait for the disk.

    What a loss of power takes from its end is drawn again as it was; the records are what must not be lost.
    """

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self._new = [json.loads(line) for line in path.read_bytes().splitlines()]  # not yet read
        self._read = 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """What has been appended since record ``log_number_from``, the last one read."""
        assert log_number_from == self._read, "records are read once, in turn"
        found, self._new = self._new, []
        self._read += len(found)
        return iter(found)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, one JSON line each."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        with self._path.open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
        self._new += [json.loads(line) for line in lines]


def _mend(path: Path) -> None:
    """Cut a last record that a kill left half written, and take away the lock that it left held."""
    path.with_name(path.name + ".lock").unlink(missing_ok=True)
    if not path.is_file():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    tail = data[data.rfind(b"\n", 0, end - 1) + 1 : end] if end else b""
    try:
        json.loads(tail or b"null")
    except ValueError:
        end -= len(tail)
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
