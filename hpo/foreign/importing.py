"""Imports: sources looked at, read, turned into records, written as runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Format
from hpo.foreign.building import Imported, build
from hpo.foreign.mlflow_store import read_mlflow
from hpo.foreign.optuna_storage import read_optuna
from hpo.foreign.ray_tune import read_ray
from hpo.foreign.recognising import recognise
from hpo.foreign.row_files import read_csv, read_jsonl, read_wandb
from hpo.foreign.source import Source, base_name, listed
from hpo.records.exported import read_tables
from hpo.records.files import is_folder_name, read_run, slug, write_records
from hpo.records.run import Run
from hpo.tracking.uri import SQLITE, shown

_READERS: Mapping[Format, Callable[[str, Asked], Source]] = {
    "optuna": read_optuna,
    "mlflow": read_mlflow,
    "ray": read_ray,
    "wandb": lambda source, _asked: read_wandb(source),
    "csv": lambda source, _asked: read_csv(source),
    "jsonl": lambda source, _asked: read_jsonl(source),
}


def import_runs(sources: Sequence[str], asked: Asked) -> Imported:
    """Read ``sources``, which are all of one format, as records.

    Raises:
        UserError: a source is not there, named twice, damaged, of no known format, or lacks what records need.
    """
    formats = {source: asked.format or recognise(source) for source in sources}
    if len(set(formats.values())) > 1:
        raise UserError(
            f"the sources are of different formats: {', '.join(f'{shown(s)}: {f}' for s, f in formats.items())}",
            "Import those of each format by themselves.",
        )
    if "records" in formats.values():
        return _exported(sources, asked)
    _check_several(sources)
    read = [_READERS[formats[source]](source, asked) for source in sources]
    together = _together(read, sources)
    _check_texts(together)
    return build(together, asked, _name(sources))


def _check_texts(source: Source) -> None:
    """Refuse halves of surrogate pairs, which JSON can hold and no file of records."""
    for entry in source.entries:
        said = [entry.study, dict(entry.attributes), dict(entry.parameters), entry.state, entry.reason]
        try:
            json.dumps(said, default=str, ensure_ascii=False, skipkeys=True).encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{entry.where} holds half of a surrogate pair, which is no character",
                "Write the file again as UTF-8.",
            ) from error


def _check_several(sources: Sequence[str]) -> None:
    """Refuse a source that is named twice, and a password that would go to several servers."""
    twice = [name for name, count in Counter(map(_identity, sources)).items() if count > 1]
    if twice:
        raise UserError(f"{twice[0]} is named twice", "Name each source once.")
    servers = [source for source in sources if source.startswith(("http://", "https://"))]
    if len(servers) > 1 and any("@" in server for server in servers):
        raise UserError(
            "one of several servers is named with a user; MLflow would send its password to all of them",
            "Import the runs of each server by themselves.",
        )


def _identity(source: str) -> str:
    """The same for each way to name a source, and without a password."""
    path = source.removeprefix(SQLITE)
    return shown(source).rstrip("/") if "://" in path else str(Path(path).resolve())


def _labels(sources: Sequence[str]) -> list[str]:
    """A name for each source: its file's, with as many of the folders that it lies in as tell all of them apart."""
    paths = [PurePath(_identity(source)).parts for source in sources]
    stems = [(*parts[:-1], PurePath(parts[-1]).stem) for parts in paths]
    for named in (stems, paths):
        for depth in range(1, max(map(len, paths)) + 1):
            labels = ["/".join(parts[-depth:]) for parts in named]
            if len(set(labels)) == len(sources):
                return labels
    return [_identity(source) for source in sources]


def _together(read: Sequence[Source], sources: Sequence[str]) -> Source:
    """Several sources of one format as one; a study that two have is named after its source as well."""
    if len(read) == 1:
        return read[0]
    first = read[0]
    directions = {source.maximize for source in read}
    if len(directions) > 1:
        raise UserError(
            "some of the sources maximise and some minimise", "Import those of each direction by themselves."
        )
    seen = Counter(name for source in read for name in {entry.study for entry in source.entries})
    entries = tuple(
        replace(entry, study=f"{label}/{entry.study}") if seen[entry.study] > 1 else entry
        for source, label in zip(read, _labels(sources), strict=True)
        for entry in source.entries
    )
    results = [source.results for source in read if source.results is not None]
    return replace(
        first,
        label=f"{first.label.split(' (', 1)[0]} ({', '.join(base_name(shown(path)) for path in sources)})",
        entries=entries,
        results=tuple(dict.fromkeys(name for names in results for name in names)) if results else None,
        metric=first.metric if len({source.metric for source in read}) == 1 else None,
        space={name: p for source in read for name, p in source.space.items()} if _same_space(read) else {},
        notes=tuple(dict.fromkeys(note for source in read for note in source.notes)),
    )


def _same_space(read: Sequence[Source]) -> bool:
    return all(source.space == read[0].space for source in read)


def _name(sources: Sequence[str]) -> str:
    first = sources[0].rstrip("/")
    if "://" in first and not first.startswith(SQLITE):
        return slug(base_name(shown(first)))
    path = Path(first.removeprefix(SQLITE)).resolve()
    return slug(path.stem if path.suffix and not path.is_dir() else path.name)


def _exported(sources: Sequence[str], asked: Asked) -> Imported:
    """Records that ``hpo export-records`` wrote, as they are."""
    if len(sources) > 1:
        raise UserError("exported records are whole runs; found several of them", "Import each by itself.")
    if replace(asked, format=None, name=None) != Asked():
        raise UserError(
            f"{sources[0]} holds exported records, which say everything themselves",
            "Leave all options but --name and --results out.",
        )
    path = Path(sources[0])
    records = read_tables(path if path.is_dir() else path.parent)
    if asked.name is not None:
        records = records.model_copy(update={"run": records.run.model_copy(update={"name": asked.name})})
    counts = f"{len(records.trials):,} trials, {len(records.confirmations):,} confirmations"
    return Imported(records.run.name, {"": records}, (f"exported records: {counts}",))


def write_import(imported: Imported, results: Path) -> list[Path]:
    """Write the runs of an import below ``results``, those of an earlier import of the same name and content anew.

    Returns their folders.

    Raises:
        UserError: a name is none of a folder, or other runs lie there: those of ``hpo``, or of another source, other
            strategies or other tasks.
    """
    for name in (imported.name, *(below for below in imported.records if below or len(imported.records) > 1)):
        if not is_folder_name(name):
            raise UserError(f"the name {name!r} is none of a folder", "Give the run another one with --name.")
    top = results / imported.name
    folders = {top / below: records for below, records in imported.records.items()}
    _check_earlier(top, {folder: records.run for folder, records in folders.items()})
    for folder, records in folders.items():
        write_records(folder, records)
    return list(folders)


def _check_earlier(top: Path, new: Mapping[Path, Run]) -> None:
    """Refuse to write over runs that are not an earlier import of the same."""
    heads = [
        head.parent.parent
        for pattern in ("records/run.json", "*/records/run.json")
        for head in sorted(top.glob(pattern))
    ]
    earlier = {folder: run for folder in heads if (run := read_run(folder)) is not None}
    imported = all(run.source != "hpo" for run in earlier.values())
    if not earlier or (imported and _contents(earlier) == _contents(new)):
        return
    first = next(iter(earlier.values()))
    raise UserError(
        f"{listed([str(folder) for folder in earlier])}: there is a run already that this import would not replace: "
        f"of {first.source}, task {first.task!r}, strategies {listed(first.strategies)}",
        "Give another --name, or move the folder away.",
    )


def _contents(runs: Mapping[Path, Run]) -> dict[Path, tuple[str, str, frozenset[str]]]:
    """What an import holds by folder: source, task and strategies."""
    return {folder: (run.source, run.task, frozenset(run.strategies)) for folder, run in runs.items()}
