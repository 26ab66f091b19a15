"""Results folders of Ray Tune: ``params.json`` and ``result.json`` or ``progress.csv`` of each trial; never its pickles."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.foreign.asked import Asked
from hpo.foreign.source import Entry, Source, base_name, chosen
from hpo.foreign.values import flat, number, whole

ITERATION, SECONDS = "training_iteration", "time_total_s"  # as Ray calls them
_BOOKKEEPING = {
    *(
        "timestamp",
        "checkpoint_dir_name",
        "done",
        ITERATION,
        "trial_id",
        "date",
        "time_this_iter_s",
        SECONDS,
        "pid",
    ),
    *(
        "hostname",
        "node_ip",
        "time_since_restore",
        "iterations_since_restore",
        "should_checkpoint",
        "experiment_tag",
    ),
}


def trial_folders(source: Path) -> list[Path]:
    """Folders of trials in an experiment's folder, or in a folder of such, by name."""
    return sorted(
        {path.parent for pattern in ("*/params.json", "*/*/params.json") for path in source.glob(pattern)}
    )


def read_ray(source: str, asked: Asked) -> Source:
    """The trials of an experiment's folder, or of a folder of experiments.

    A trial that left an error and did not end afterwards has failed. That one was stopped early shows only in its length.

    Raises:
        UserError: a file is damaged, or an experiment that was asked for is not there.
    """
    folders = trial_folders(Path(source))
    experiments = list(dict.fromkeys(folder.parent.resolve().name for folder in folders))
    picked = chosen(asked.studies, experiments, source, "trial")
    entries = [
        _entry(folder) for name in picked for folder in folders if folder.parent.resolve().name == name
    ]
    results = dict.fromkeys(
        name for entry in entries for name in entry.attributes if name not in entry.parameters
    )
    return Source(
        label=f"Ray Tune ({base_name(str(Path(source).resolve()))})",
        entries=tuple(entries),
        kind="parameter or result",
        results=tuple(results),
        resource=ITERATION,
        notes=(f"cost: {SECONDS} of each trial, taken as device-seconds",),
    )


def _entry(folder: Path) -> Entry:
    parameters = flat(_object(folder / "params.json"), "/")
    rows = _rows(folder)
    last = rows[-1] if rows else {}
    results = {name: value for name, value in last.items() if name not in _BOOKKEEPING}
    broken = any((folder / name).is_file() for name in ("error.txt", "error.pkl"))
    place = f"trial {last.get('trial_id') or folder.name}"
    ended, reason = None, ""
    if broken and str(last.get("done")).lower() != "true":
        ended, reason = "failed", f"it raised an error ({place})"
    elif not rows:
        ended, reason = "failed", f"it reported nothing ({place})"

    def history(name: str) -> Mapping[int, Any]:
        seen = [(whole(row.get(ITERATION), f"{folder}, {place}", ITERATION), row.get(name)) for row in rows]
        return {iteration: value for iteration, value in seen if iteration is not None}

    return Entry(
        path=str(folder),
        place=place,
        study=folder.parent.resolve().name,
        attributes={**results, **parameters},
        parameters=parameters,
        state=ended,
        reason=reason,
        seconds=number(last.get(SECONDS), f"{folder}, {place}", SECONDS),
        history=history,
    )


def _rows(folder: Path) -> Sequence[Mapping[str, Any]]:
    """What a trial reported, in order; nothing where it has no file of results."""
    lines, table = folder / "result.json", folder / "progress.csv"
    if lines.is_file():
        text = lines.read_text(encoding="utf-8")
        rows = [
            _loaded(line, f"{lines}, line {number}") for number, line in enumerate(text.splitlines(), start=1)
        ]
        return [flat({name: value for name, value in row.items() if name != "config"}, "/") for row in rows]
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            return [
                {name: value for name, value in row.items() if not name.startswith("config/")}
                for row in csv.DictReader(file)
            ]
    return []


def _object(path: Path) -> dict[str, Any]:
    return _loaded(path.read_text(encoding="utf-8"), str(path))


def _loaded(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where} is no JSON: {error}", "Copy the results folder again.") from error
    if not isinstance(found, dict):
        raise UserError(
            f"{where}: found {type(found).__name__}; a JSON object is required",
            "Copy the results folder again.",
        )
    return found
