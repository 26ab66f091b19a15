"""The bibliography of a report: of all that hpo may cite, what this report does, and its data and model."""

from __future__ import annotations

import re
from importlib import resources

from hpo.records.base import NOT_RECORDED
from hpo.records.run import Run
from hpo.records.setup import ModelInfo, SplitInfo
from hpo.report.kit.tex import breakable, tex

DATA, MODEL = "hpo-data", "hpo-model"  # keys of what the records say of data and model


def cited(text: str) -> frozenset[str]:
    r"""Keys that ``\citep`` commands in ``text`` name."""
    return frozenset(key for keys in re.findall(r"\\citep\{([^}]*)\}", text) for key in keys.split(","))


def bibliography(run: Run | None, text: str) -> str:
    """BibTeX entries of all that ``text`` cites, by key; ``run``: whose data and model it may cite.

    Raises:
        ValueError: it cites what there is no entry for.
    """
    entries = {**library(), **(_recorded(run) if run else {})}
    keys = cited(text)
    unknown = sorted(keys - entries.keys())
    if unknown:
        raise ValueError(f"no reference is known for {', '.join(unknown)}")
    return "\n\n".join(entries[key] for key in sorted(keys)) + "\n"


def library() -> dict[str, str]:
    """Entries of the literature by key, as they stand in ``references.bib``."""
    text = (resources.files("hpo.report.kit") / "references.bib").read_text(encoding="utf-8")
    entries = (entry.strip() for entry in re.split(r"\n(?=@)", text))
    return {_key(entry): entry for entry in entries}


def _key(entry: str) -> str:
    found = re.match(r"@\w+\{([^,]+),", entry)
    assert found is not None, entry
    return found[1]


def _recorded(run: Run) -> dict[str, str]:
    """Entries of data and model, as far as they were recorded: their sources, licences and hashes, and no more."""
    found = {}
    if run.split.source != NOT_RECORDED:
        found[DATA] = _misc(DATA, "Data", run.split)
    if run.model.source != NOT_RECORDED:
        found[MODEL] = _misc(MODEL, "Model", run.model)
    return found


def _misc(key: str, label: str, what: SplitInfo | ModelInfo) -> str:
    note = [f"Licence: {tex(what.licence)}"] if what.licence != NOT_RECORDED else []
    note += [f"SHA-256: {breakable(what.sha256)}"] if what.sha256 != NOT_RECORDED else []
    # Two pairs of braces: a style changes no letter of a name.
    fields = [f"  key   = {{{label}}}", f"  title = {{{{{tex(what.source)}}}}}"]
    fields += [f"  note  = {{{{{'; '.join(note)}}}}}"] if note else []
    return "@misc{" + ",\n".join([key, *fields]) + "\n}"
