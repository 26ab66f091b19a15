"""What a space would train, and what that would take, before anything is trained."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hpo.config.space import Space
from hpo.records.files import read_run
from hpo.records.run import Run
from hpo.records.setup import ModelInfo
from hpo.runtime.engine import fastest
from hpo.runtime.loading import cores
from hpo.search.accounts import mechanism
from hpo.search.draws import width
from hpo.search.estimate import Estimate, estimate
from hpo.search.plan import Plan, make_plan
from hpo.search.prepare import prepare, run_record, slower_starts
from hpo.search.warm import TakenUp, take_up


@dataclass(frozen=True)
class Checked:
    """What ``hpo check`` shows.

    Attributes:
        head: of the records that the run would have.
        models: each that is compared, or the one.
        notes: of what will be slower than it may look, a sentence each.
        taken: what its searches would begin with; None: nothing.
        estimate: of what the run takes; None where no steps were tried.
    """

    plan: Plan
    head: Run
    models: tuple[ModelInfo, ...]
    notes: tuple[str, ...]
    taken: TakenUp | None
    estimate: Estimate | None


def check_experiment(space: Space, results: Path, device: str | None, *, probe: bool) -> Checked:
    """Load everything, train at most a few steps that are thrown away, write nothing but the cache of assets.

    Args:
        results: folder in which the run would lie.
        probe: whether to try steps, for an estimate of time, memory and disk.

    Raises:
        UserError: something is not there, or does not fit together.
    """
    workers = fastest(device, width(space.experiment))
    with tempfile.TemporaryDirectory() as folder:  # what draws here, draws for no run
        drawn = mechanism(space.experiment, Path(folder))
    loaded = prepare(space, device, max(1, cores() // workers), drawn)
    head = run_record(loaded, workers)
    return Checked(
        plan=make_plan(space.experiment),
        head=head,
        models=tuple(pretrained.info for pretrained in loaded.models.values()),
        notes=tuple(slower_starts(loaded)),
        taken=_taken(space, head, results / space.experiment.name),
        estimate=estimate(loaded, workers) if probe else None,
    )


def _taken(space: Space, head: Run, folder: Path) -> TakenUp | None:
    """What a run in ``folder`` begins with; one that began with other runs than those of the space would be refused."""
    begun = read_run(folder)
    same = begun is not None and begun.experiment.get("warm_start") == head.experiment["warm_start"]
    return take_up(space, head, begun if same else None, folder)
