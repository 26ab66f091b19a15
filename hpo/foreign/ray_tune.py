"""Results folders of Ray Tune: ``params.json`` and ``result.json`` or ``progress.csv`` of each trial; never its pickles.

``experiment_state-*.json`` of the experiment tells which trials have ended. Where it is missing only their last report does:
it is marked done where a scheduler or a limit stopped them, and not where a training function returned.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.foreign.asked import Asked
from hpo.foreign.source import Entry, Source, base_name, chosen
from hpo.foreign.values import flat, number, whole
from hpo.json_text import parse_json

Row = Mapping[str, Any]  # one report of a trial
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
_RUNNING = {"PENDING", "RUNNING", "PAUSED"}  # as Ray calls them
_COPY = "Copy the results folder again."


def trial_folders(source: Path) -> list[Path]:
    """Folders of trials in an experiment's folder, or in a folder of such, by name."""
    return sorted(
        {path.parent for pattern in ("*/params.json", "*/*/params.json") for path in source.glob(pattern)}
    )


def read_ray(source: str, asked: Asked) -> Source:
    """The trials of an experiment's folder, or of a folder of experiments.

    A trial that left an error and did not end afterwards has failed. That one was stopped early shows only in its length.
    One that runs is open. A last report that was cut off is left out.

    Raises:
        UserError: a file is damaged, or an experiment that was asked for is not there.
    """
    folders = trial_folders(Path(source))
    experiments = list(dict.fromkeys(folder.parent.resolve().name for folder in folders))
    picked = chosen(asked.studies, experiments, source, "trial")
    told = {experiment: _statuses(experiment) for experiment in {folder.parent for folder in folders}}
    read = {
        folder: _rows(folder) for name in picked for folder in folders if folder.parent.resolve().name == name
    }
    entries = [
        _entry(folder, rows, told[folder.parent].get(folder.name)) for folder, (rows, _) in read.items()
    ]
    if all(entry.state == "running" for entry in entries) and not any(told.values()):
        raise UserError(
            f"{source}: no last report of a trial is marked done, and no experiment_state-*.json says that it ended",
            "Copy experiment_state-*.json to where the trials' folders lie.",
        )
    cut = sum(was_cut for _, was_cut in read.values())
    results = dict.fromkeys(
        name for entry in entries for name in entry.attributes if name not in entry.parameters
    )
    return Source(
        label=f"Ray Tune ({base_name(str(Path(source).resolve()))})",
        entries=tuple(entries),
        kind="parameter or result",
        results=tuple(results),
        resource=ITERATION,
        cost=f"wall-clock of each trial, {SECONDS}",
        notes=(f"{cut} with a last report that was cut off: that report is left out",) if cut else (),
    )


def _statuses(experiment: Path) -> dict[str, str]:
    """Ray's word for the status of each trial by its folder's name, from the latest state; empty without one."""
    found: dict[str, str] = {}
    for path in sorted(experiment.glob("experiment_state-*.json")):
        for trial in _object(path).get("trial_data") or ():
            told = _loaded(trial[0], str(path))
            found[str(told.get("relative_logdir"))] = str(told.get("status"))
    return found


def _entry(folder: Path, rows: Sequence[Row], status: str | None) -> Entry:
    parameters = flat(_object(folder / "params.json"), "/")
    last = rows[-1] if rows else {}
    results = {name: value for name, value in last.items() if name not in _BOOKKEEPING}
    place = f"trial {last.get('trial_id') or folder.name}"
    broken = any((folder / name).is_file() for name in ("error.txt", "error.pkl"))
    ended, reason = _ended(last, status, broken=broken)

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
        reason=f"{reason} ({place})" if reason else "",
        seconds=number(last.get(SECONDS), f"{folder}, {place}", SECONDS),
        history=history,
    )


def _ended(last: Row, status: str | None, *, broken: bool) -> tuple[str | None, str]:
    """State and reason from the last report, Ray's status and whether an error was left; None: as its length says."""
    done = str(last.get("done")).lower()
    if status in _RUNNING:
        return "running", ""
    if status == "ERROR" or (broken and done != "true" and status != "TERMINATED"):
        return "failed", "it raised an error"
    if not last:
        return "failed", "it reported nothing"
    if status is None and done == "false":
        return "running", ""
    return None, ""


def _rows(folder: Path) -> tuple[list[Row], bool]:
    """What a trial reported, in order, and whether a last report was cut off; nothing without a file of results."""
    lines, table = folder / "result.json", folder / "progress.csv"
    if lines.is_file():
        rows, cut = _json_rows(lines)
        own = [{name: value for name, value in row.items() if name != "config"} for row in rows]
        return [flat(row, "/") for row in own], cut
    return _csv_rows(table) if table.is_file() else ([], False)


def _json_rows(path: Path) -> tuple[list[dict[str, Any]], bool]:
    *lines, rest = path.read_bytes().split(b"\n")
    rows = [
        _loaded(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()
    ]
    if not rest.strip():
        return rows, False
    try:
        return [*rows, _loaded(rest, str(path))], False
    except UserError:  # the process ended while it wrote
        return rows, True


def _csv_rows(path: Path) -> tuple[list[Row], bool]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV in UTF-8: {error}", _COPY) from error
    for place, row in enumerate(rows, start=1):
        if None in row:
            raise UserError(f"{path}: report {place} has more cells than the header has columns", _COPY)
    cut = bool(rows) and None in rows[-1].values()
    whole_rows = rows[:-1] if cut else rows
    own = [{n: value for n, value in row.items() if not n.startswith("config/")} for row in whole_rows]
    return [*own], cut


def _object(path: Path) -> dict[str, Any]:
    return _loaded(path.read_bytes(), str(path))


def _loaded(text: bytes | str, where: str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where} is no JSON: {error}", _COPY) from error
    if not isinstance(found, dict):
        raise UserError(f"{where}: found {type(found).__name__}; a JSON object is required", _COPY)
    return found
