"""The manifest of a report: what it was made from and of which files it consists, by their hashes.

It holds no time of its making and no folder of a machine: the same records and files give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hpo import __version__
from hpo.records.plan import Kept, earlier_digest, kept, plan_digest
from hpo.records.run import Records, Run
from hpo.records.verdict_rule import verdict_rule

MANIFEST = "manifest.json"
NAME = "hpo.manifest"
VERSION = 1


def manifest_json(folder: Path, records: Records, made: Iterable[Path]) -> str:
    """The manifest of the report of ``records`` in ``folder`` that consists of the files ``made``.

    Raises:
        OSError: a file of ``made`` cannot be read.
    """
    run = records.run
    whole = {
        "schema": NAME,
        "version": VERSION,
        "hpo": __version__,
        **_asked(run),
        "versions": run.versions,
        "seeds": _seeds(records),
        "data": {"source": run.split.source, "licence": run.split.licence, "sha256": run.split.sha256},
        **({"shift_sets": {s.name: s.sha256 for s in run.shifts}} if run.shifts else {}),
        "model": {"source": run.model.source, "licence": run.model.licence, "sha256": run.model.sha256},
        "device": run.device.model_dump(),
        "records": _records(records),
        "files": _files(folder, made),
    }
    return _as_text(whole)


def manifest_across(folder: Path, runs: Mapping[str, Records], command: str, made: Iterable[Path]) -> str:
    """The manifest of a report across ``runs``, by label, in ``folder``; ``command``: what makes it again.

    Raises:
        OSError: a file of ``made`` cannot be read.
    """
    whole = {
        "schema": NAME,
        "version": VERSION,
        "hpo": __version__,
        "command": command,
        "runs": [
            {"label": label, **_asked(records.run), "records": _records(records)}
            for label, records in runs.items()
        ],
        "files": _files(folder, made),
    }
    return _as_text(whole)


def figures_of(folder: Path, records: Records) -> tuple[Path, ...]:
    """The figures that the report in ``folder`` has, if this version made it of the same records."""
    path = folder / MANIFEST
    try:
        whole = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        same = (whole.get("hpo"), whole["records"]["sha256"]) == (__version__, records_digest(records))
        names = [name for name in whole["files"] if name.startswith("figures/")] if same else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()
    return tuple(folder / name for name in names if (folder / name).is_file())


def records_digest(records: Records) -> str:
    """SHA-256 of the records whatever files they lie in: a line of JSON each, the run first, in the order of ``Records``."""
    digest = hashlib.sha256()
    for record in (records.run, *records.trials, *records.confirmations, *records.audited):
        digest.update(record.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def _asked(run: Run) -> dict[str, Any]:
    """What was asked, and when, how and with which plan it began."""
    return {
        "run": {"name": run.name, "question": run.question, "source": run.source},
        "stamp": None if run.stamp is None else run.stamp.model_dump(exclude={"plan_sha256"}),
        "plan": _plan(run),
    }


def _records(records: Records) -> dict[str, Any]:
    return {
        "trials": len(records.trials),
        "confirmations": len(records.confirmations),
        "audited": len(records.audited),
        "sha256": records_digest(records),
    }


def _files(folder: Path, made: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _digest(path) for path in sorted(set(made))}


def _as_text(whole: dict[str, Any]) -> str:
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _plan(run: Run) -> dict[str, Any]:
    """What was fixed beforehand: its hash as stamped and as the records give it now, and the rule of the verdict at hand.

    ``rule_stamped``: whether the stamp covers that rule; ``now`` leaves it out where the stamp does. None: nothing tells, as
    without a stamp, or where the plan is another.
    """
    found = kept(run)
    earlier = found is Kept.WITHOUT_RULE
    return {
        "stamped": None if run.stamp is None else run.stamp.plan_sha256,
        "now": earlier_digest(run) if earlier else plan_digest(run),
        "equal": None if found is None else found is not Kept.CHANGED,
        "rule_stamped": None if found in {None, Kept.CHANGED} else not earlier,
        "rule": verdict_rule(),
    }


def _seeds(records: Records) -> dict[str, Any]:
    """The seed of the run, and those of trainings by their number and, for confirmations, one by one."""
    trials = {t.seed for t in records.trials if t.seed >= 0}
    confirmations = sorted({c.seed for c in records.confirmations if c.seed >= 0})
    return {
        "run": records.run.seed,
        "trials": len(trials),
        "confirmations": confirmations,
        "shared": sum(seed in trials for seed in confirmations),
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
