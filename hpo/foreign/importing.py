"""Imports: sources looked at, read, turned into records, written as runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Format
from hpo.foreign.building import Imported, build
from hpo.foreign.mlflow_store import read_mlflow
from hpo.foreign.optuna_storage import read_optuna
from hpo.foreign.ray_tune import read_ray
from hpo.foreign.recognising import SQLITE, recognise
from hpo.foreign.row_files import read_csv, read_jsonl, read_wandb
from hpo.foreign.source import Source, base_name, listed
from hpo.records.exported import read_tables
from hpo.records.files import read_run, slug, write_records
from hpo.tracking.uri import shown

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
        UserError: a source is not there, damaged, of no known format, or lacks what records need.
    """
    formats = {source: asked.format or recognise(source) for source in sources}
    if len(set(formats.values())) > 1:
        raise UserError(
            f"the sources are of different formats: {', '.join(f'{shown(s)}: {f}' for s, f in formats.items())}",
            "Import those of each format by themselves.",
        )
    if "records" in formats.values():
        return _exported(sources, asked)
    read = [_READERS[formats[source]](source, asked) for source in sources]
    return build(_together(read, sources), asked, _name(sources))


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
        replace(entry, study=f"{Path(base_name(path)).stem}/{entry.study}")
        if seen[entry.study] > 1
        else entry
        for source, path in zip(read, sources, strict=True)
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
    """Write the runs of an import below ``results``, those of an earlier import of the same name anew.

    Returns their folders.

    Raises:
        UserError: a run that ``hpo`` made lies there, or a run that this import does not write anew.
    """
    top = results / imported.name
    folders = {top / below: records for below, records in imported.records.items()}
    others = [
        head.parent.parent
        for pattern in ("records/run.json", "*/records/run.json")
        for head in top.glob(pattern)
    ]
    own = [folder for folder in others if folder in folders and _is_imported(folder)]
    left = [str(folder) for folder in others if folder not in own]
    if left:
        raise UserError(
            f"{listed(left)}: there is a run already that this import would not replace",
            "Give another --name, or move the folder away.",
        )
    for folder, records in folders.items():
        write_records(folder, records)
    return list(folders)


def _is_imported(folder: Path) -> bool:
    run = read_run(folder)
    return run is not None and run.source != "hpo"
