"""Runs that were tracked in MLflow."""

from __future__ import annotations

from pathlib import Path

from hpo.foreign.asked import Asked
from hpo.foreign.source import Entry, Source, base_name, chosen
from hpo.tracking.reading import TrackedRun, TrackedRuns
from hpo.tracking.uri import shown


def read_mlflow(source: str, asked: Asked) -> Source:
    """The runs of the experiments in ``source``: parameters, tags, metrics and their histories.

    A run that other runs are nested in, and that has no metric of theirs, is no training.

    Raises:
        UserError: it cannot be read, or lacks an experiment.
    """
    path = shown(source)
    store = TrackedRuns(str(_database(source)))
    runs = [
        run
        for name in chosen(asked.studies, store.experiments(), path, "experiment")
        for run in store.runs(name)
    ]
    parents = {run.parent for run in runs} - {""}
    metrics = tuple(dict.fromkeys(name for run in runs if run.id not in parents for name in run.metrics))
    trained = [run for run in runs if run.id not in parents or not set(run.metrics).isdisjoint(metrics)]
    left = len(runs) - len(trained)
    return Source(
        label=f"MLflow ({base_name(path)})",
        entries=tuple(_entry(run, path) for run in trained),
        kind="parameter, tag or metric",
        results=metrics,
        cost="wall-clock from a run's start to its end",
        notes=(f"{left} that others are nested in, left out",) if left else (),
    )


def _database(source: str) -> str | Path:
    return source if "://" in source or Path(source).is_dir() else f"sqlite:///{source}"


def _entry(run: TrackedRun, path: str) -> Entry:
    tags = {name: value for name, value in run.tags.items() if not name.startswith("mlflow.")}
    return Entry(
        path=path,
        place=f"run {run.name!r} of experiment {run.experiment!r}",
        study=run.experiment,
        attributes={**tags, **run.metrics, **run.params},
        parameters=run.params,
        state=run.status,
        seconds=run.seconds,
        history=run.history,
    )
