"""An earlier run that a warm start takes up: found, opened, and refused where it is of other data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.files import read_records
from hpo.records.run import Records, Run
from hpo.records.search import Earlier
from hpo.records.trainings import Trial


class Source(NamedTuple):
    """An earlier run, by the name that the space file gives it."""

    name: str
    records: Records

    def trials(self, replicate: int) -> list[Trial]:
        """What replicate r of a search may take up: its replicate r, and where it has fewer, these again from the first."""
        own = replicate % self.records.run.replicates
        return [trial for trial in self.records.trials if trial.replicate == own]

    def told(self) -> Earlier:
        """What the records of the later run say of it."""
        text = "\n".join(trial.model_dump_json() for trial in self.records.trials)
        return Earlier(
            name=self.records.run.name,
            trials=len(self.records.trials),
            confirmations=len(self.records.confirmations),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )


def open_source(name: str, space: Space, head: Run, folder: Path) -> Source:
    """The earlier run called ``name``, which must be of the same data.

    Raises:
        UserError: it is not, or is not there, or one of its records is damaged.
    """
    where = space.where("from")
    places = (folder.parent / name, Path(name).expanduser(), space.path.parent / name)
    found = next((place for place in places if (place / "records" / "run.json").is_file()), None)
    if found is None:
        raise UserError(
            f"{where}: there is no run {name} in {folder.parent}, nor a folder of that name with records",
            "Name a run of the results folder, or the folder of one.",
        )
    if found.resolve() == folder.resolve():
        raise UserError(f"{where}: {name} is the run itself", "Give the space file another name.")
    records = read_records(found)
    facts = {
        "splits, SHA-256": (records.run.split.sha256[:12], head.split.sha256[:12]),
        "kind of task": (records.run.kind, head.kind),
        "metric": (records.run.metric.name, head.metric.name),
        "tokens of a text": (records.run.max_length, head.max_length),
    }
    other = [f"{what}: {there}, here {here}" for what, (there, here) in facts.items() if there != here]
    if other:
        raise UserError(
            f"{where}: {name} has other {'; other '.join(other)}",
            "Observations are of the same texts in the same splits alone: of others, what selected there may be test texts "
            "here. Give both runs the same task and seed, or leave `from` out.",
        )
    return Source(name, records)
