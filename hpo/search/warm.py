"""A warm start: trials of earlier runs as observations for the sampler, and their best configurations as first draws.

They are never results: no table, selection, pruner or budget of the run sees them. What is taken up is read once, when the
run begins, and kept in its folder, so that a resumed run draws the same whatever became of the earlier ones.

- Only runs with the same texts in the same splits, the same kind of task and the same metric: of other splits, texts by
  which trials were scored there may be test texts here.
- An observation is a complete trial whose configuration the search could have drawn itself: same strategy, same fixed
  parameters, same weights, values within the ranges. Searches of one replicate get equally many, the first that were drawn.
- Replicate r takes up replicate r of an earlier run, so that replicates stay independent of each other as far as that has
  as many.
- First draws are the best configurations of each strategy there in turn, projected onto what is searched here; what did not
  exist there has its default.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.config.experiment import Experiment
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.base import Frozen
from hpo.records.run import Run
from hpo.records.search import WarmStart
from hpo.search.candidates import Observation, first_draws, observations
from hpo.search.draws import Draws, Known, strategy_values
from hpo.search.earlier import Source, open_source

KEPT = "warm-start.json"  # in the run's folder


class Kept(Frozen):
    """What was taken up: first draws by replicate, and observations by strategy and replicate."""

    first: tuple[tuple[dict[str, Any], ...], ...]
    observed: dict[str, tuple[tuple[Observation, ...], ...]]

    def known(self, experiment: Experiment, strategy: str, replicate: int) -> Known:
        """What one study knows."""
        draws = Draws(experiment, strategy_values(experiment)[strategy], replicate)
        observed = []
        for seen in self.observed[strategy][replicate]:
            drawn = draws.as_observed(seen.values)
            assert drawn is not None, "it was a draw of this study when it was taken up"
            observed.append((drawn, seen.score))
        return Known(self.first[replicate], tuple(observed))


@dataclass(frozen=True)
class Given:
    """What one earlier run gives: the least and the most of any search.

    Attributes:
        name: as the space file has it.
    """

    name: str
    observations: tuple[int, int]
    first_draws: tuple[int, int]


@dataclass(frozen=True)
class TakenUp:
    """What the searches of a run begin with.

    Attributes:
        told: what the records say of it.
        given: by each earlier run; empty where the run was begun before, whose folder does not tell them apart.
    """

    kept: Kept
    told: WarmStart
    given: tuple[Given, ...] = ()


def take_up(space: Space, head: Run, begun: Run | None, folder: Path) -> TakenUp | None:
    """What the searches of a run begin with, or began with if it was begun; None: with nothing. Nothing is written.

    Args:
        folder: of the run, which may not be there yet.

    Raises:
        UserError: an earlier run is not there, has other data or gives nothing, or what was kept of it has changed.
    """
    if space.experiment.warm_start is None:
        return None
    if begun is not None and begun.warm_start is not None:
        return TakenUp(_read(folder / KEPT, begun.warm_start), begun.warm_start)
    return _take_up(space, head, folder)


def keep(taken: TakenUp, folder: Path) -> None:
    """Write what was taken up for whoever goes on with the run, unless it lies there."""
    path = folder / KEPT
    if _digest(path) != taken.told.sha256:
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(_text(taken.kept))
        temporary.replace(path)


def sentence(told: WarmStart) -> str:
    """What was taken up, and what was not, in a line."""
    names = ", ".join(run.name for run in told.earlier)
    counts = sorted(set(told.observations))
    first = f"{told.first_draws} first draw{'' if told.first_draws == 1 else 's'}"
    most = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    left = "; ".join(f"{count} with {reason}" for reason, count in told.left_out.items())
    return (
        f"warm start from {names}: {most} observations and {first} of each search"
        f"{f'; left out: {left}' if left else ''}"
    )


def _read(path: Path, told: WarmStart) -> Kept:
    if _digest(path) != told.sha256:
        raise UserError(
            f"{path} is not what the run began with",
            "Restore it, or move the run's folder away to begin anew.",
        )
    return Kept.model_validate_json(path.read_bytes())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _text(kept: Kept) -> bytes:
    return kept.model_dump_json(indent=1).encode()


def _take_up(space: Space, head: Run, folder: Path) -> TakenUp:
    experiment, asked = space.experiment, space.experiment.warm_start
    assert asked is not None, "there is a warm start"
    sources = [open_source(name, space, head, folder) for name in dict.fromkeys(asked.runs)]
    left_out: Counter[str] = Counter()
    replicates = range(experiment.budget.replicates)
    first = [_first_draws(space, replicate, sources) for replicate in replicates]
    observed = [observations(experiment, head, replicate, sources, left_out) for replicate in replicates]
    kept = Kept(
        first=tuple(tuple(values for _, values in of) for of in first),
        observed={s: tuple(tuple(o for _, o in of[s]) for of in observed) for s in experiment.strategies()},
    )
    kept = Kept.model_validate_json(_text(kept))  # as a resumed run reads it
    told = WarmStart(
        earlier=tuple(source.told() for source in sources),
        first_draws=asked.first_draws,
        observations=tuple(len(next(iter(of.values()))) for of in observed),
        left_out=dict(left_out),
        replicates=min(source.records.run.replicates for source in sources),
        sha256=hashlib.sha256(_text(kept)).hexdigest(),
    )
    if not asked.first_draws and not any(told.observations):
        raise UserError(
            f"{space.where('from')}: nothing of {', '.join(asked.runs)} can be taken up: {sentence(told)}",
            "Name a run of the same strategies and fixed parameters, or set first_draws, or leave `from` out.",
        )
    searches = [found for of in observed for found in of.values()]
    given = tuple(
        Given(source.name, _span(source.name, searches), _span(source.name, first)) for source in sources
    )
    return TakenUp(kept, told, given)


def _first_draws(space: Space, replicate: int, sources: Sequence[Source]) -> list[tuple[str, dict[str, Any]]]:
    assert space.experiment.warm_start is not None, "there is a warm start"
    count = space.experiment.warm_start.first_draws
    found = first_draws(space.experiment, replicate, sources)
    if len(found) < count:
        good = f"{len(found)} good configuration{'' if len(found) == 1 else 's'}"
        raise UserError(
            f"{space.where('from')}: first_draws is {count}, and for replicate {replicate} the earlier runs have {good} "
            "within what is searched here, the default one not counted",
            "Ask for fewer, or name further runs.",
        )
    return found[:count]


def _span(name: str, lists: Collection[Collection[tuple[str, Any]]]) -> tuple[int, int]:
    """Least and most of what has the name of one source."""
    counts = [sum(source == name for source, _ in found) for found in lists]
    return min(counts), max(counts)
