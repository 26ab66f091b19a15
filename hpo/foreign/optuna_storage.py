"""Studies of any storage of Optuna: a database by its URL, or a journal file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpo.errors import UserError
from hpo.foreign.asked import Asked
from hpo.foreign.source import Entry, Source, base_name, chosen
from hpo.foreign.spaces import merged
from hpo.records.search import ParameterInfo
from hpo.tracking.reading import copy_database
from hpo.tracking.uri import SQLITE, shown

VALUE = "value"  # as Optuna calls the objective's
_TABLES = {"studies", "trials", "version_info", "alembic_version"}  # of a database that Optuna made
_NAME = "Name the storage that Optuna kept its studies in."


def read_optuna(source: str, asked: Asked) -> Source:
    """The trials of the studies in ``source``; their distributions are the space, their durations the cost.

    Raises:
        UserError: it cannot be opened, lacks a study, or studies differ in direction or have several objectives.
    """
    with TemporaryDirectory(prefix="hpo-", ignore_cleanup_errors=True) as copies:
        path = shown(source)
        try:
            return _read(_storage(source, path, Path(copies)), path, asked)
        except (UserError, OSError):
            raise
        except Exception as error:  # Optuna and its database raise whatever comes, also late
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{path} cannot be read as a storage of Optuna: {reason}",
                "Name a storage that this version of Optuna opens, such as sqlite:///study.db or a journal file.",
            ) from error


def _read(storage: Any, path: str, asked: Asked) -> Source:
    import optuna

    names = chosen(asked.studies, optuna.get_all_study_names(storage), path, "study")
    picked = [optuna.load_study(study_name=name, storage=storage) for name in names]
    maximize = _direction(picked, path)
    entries: list[Entry] = []
    distributions: list[ParameterInfo] = []
    user: dict[str, None] = {}
    for study in picked:
        for trial in study.get_trials(deepcopy=False):
            entries.append(_entry(study, trial, path))
            user |= dict.fromkeys((*study.user_attrs, *trial.user_attrs))
            distributions += _parameters(trial)
    called = {tuple(study.metric_names or ()) for study in picked}
    return Source(
        label=f"Optuna ({base_name(path)})",
        entries=tuple(entries),
        kind="parameter or attribute",
        results=(VALUE, *user),
        score=VALUE,
        final=True,
        metric=next(iter(called))[0] if len(called) == 1 and called != {()} else "objective value",
        maximize=maximize,
        cost="wall-clock from a trial's start to its end",
        space=merged(distributions),
    )


def _storage(source: str, path: str, copies: Path) -> Any:
    """Optuna's storage: of a sqlite database a copy, since Optuna writes tables and versions into what it opens."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    logging.getLogger("optuna").setLevel(logging.ERROR)
    file = _sqlite_file(source)
    if file is not None:
        return RDBStorage(f"{SQLITE}{copy_database(file, copies)}")
    if "://" in source:
        require_tables(source, path)
        return RDBStorage(source, skip_table_creation=True)
    return JournalStorage(JournalFileBackend(source))


def _sqlite_file(source: str) -> Path | None:
    """The file of a sqlite database by its URL or its path; None: another database, or a journal."""
    from sqlalchemy import make_url

    if "://" in source:
        url = make_url(source)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    path = Path(source)
    if not path.is_file():
        raise UserError(f"there is no file {path}", _NAME)
    with path.open("rb") as file:
        return path if file.read(16) == b"SQLite format 3\x00" else None


def require_tables(url: str, path: str) -> None:
    """Refuse a database that Optuna would first make its tables in.

    Raises:
        UserError: it has not all of them.
    """
    from sqlalchemy import create_engine, inspect

    engine = create_engine(url)
    try:
        missing = sorted(_TABLES - set(inspect(engine).get_table_names()))
    finally:
        engine.dispose()
    if missing:
        raise UserError(f"{path} is no storage of Optuna: it has no table {missing[0]!r}", _NAME)


def _direction(studies: list[Any], path: str) -> bool:
    """Whether the studies maximise."""
    for study in studies:
        if len(study.directions) > 1:
            raise UserError(
                f"{path}: study {study.study_name!r} has {len(study.directions)} objectives; one is required",
                "Name the studies with one objective by --study.",
            )
    directions = {study.directions[0].name for study in studies}
    if len(directions) > 1:
        raise UserError(
            f"{path}: some of its studies maximise and some minimise",
            "Name studies of one direction by --study.",
        )
    return directions == {"MAXIMIZE"}


def _entry(study: Any, trial: Any, path: str) -> Entry:
    said = trial.system_attrs.get("fail_reason")
    place = f"trial {trial.number} of study {study.study_name!r}"
    steps = dict(trial.intermediate_values)
    return Entry(
        path=path,
        place=place,
        study=study.study_name,
        attributes={**study.user_attrs, **trial.user_attrs, **trial.params, VALUE: _value(trial)},
        parameters=trial.params,
        state=trial.state.name,
        reason=f"{trial.state.name} ({place}): {said}" if said else "",
        seconds=None if trial.duration is None else trial.duration.total_seconds(),
        history=lambda name: steps if name == VALUE else {},
    )


def _value(trial: Any) -> float | None:
    return trial.values[0] if trial.values else None


def _parameters(trial: Any) -> Iterator[ParameterInfo]:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    for name, drawn in trial.distributions.items():
        if isinstance(drawn, CategoricalDistribution):
            kind = "choices" if len(drawn.choices) > 1 else "fixed"
            yield ParameterInfo(name=name, kind=kind, values=tuple(drawn.choices))
        elif drawn.single():
            yield ParameterInfo(name=name, kind="fixed", values=(drawn.low,))
        else:
            yield ParameterInfo(
                name=name,
                kind="range",
                low=drawn.low,
                high=drawn.high,
                log=drawn.log,
                step=None if drawn.log else drawn.step,
                integer=isinstance(drawn, IntDistribution),
            )
