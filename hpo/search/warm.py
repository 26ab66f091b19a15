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
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hpo.config.experiment import Experiment, Fixed
from hpo.config.parameters import MODEL, Value
from hpo.config.space import Space
from hpo.errors import UserError
from hpo.records.base import Frozen
from hpo.records.files import read_records
from hpo.records.run import Records, Run
from hpo.records.search import Earlier, WarmStart
from hpo.records.trainings import Trial
from hpo.search.draws import Draws, Known, configuration, strategy_values

KEPT = "warm-start.json"  # in the run's folder
OTHER, RANGES, WEIGHTS = (
    "another strategy or fixed parameter",
    "a value that is not searched here",
    "other weights",
)


class Observation(Frozen):
    """A configuration's searched parameters with its validation score."""

    values: dict[str, Any]
    score: float


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


def warm_start(
    space: Space, head: Run, begun: Run | None, folder: Path
) -> tuple[Kept | None, WarmStart | None]:
    """What the searches of a run begin with, and what its records say of that; None where it begins with nothing.

    Raises:
        UserError: an earlier run is not there or has other data, or what was kept of it has changed.
    """
    if space.experiment.warm_start is None:
        return None, None
    path = folder / KEPT
    if begun is not None and begun.warm_start is not None:
        return _read(path, begun.warm_start), begun.warm_start
    kept, told = _take_up(space, head, folder)
    text = kept.model_dump_json(indent=1)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    # As a resumed run reads it.
    return Kept.model_validate_json(text), told.model_copy(
        update={"sha256": hashlib.sha256(text.encode()).hexdigest()}
    )


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
    text = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(text).hexdigest() != told.sha256:
        raise UserError(
            f"{path} is not what the run began with",
            "Restore it, or move the run's folder away to begin anew.",
        )
    return Kept.model_validate_json(text)


def _take_up(space: Space, head: Run, folder: Path) -> tuple[Kept, WarmStart]:
    experiment, asked = space.experiment, space.experiment.warm_start
    assert asked is not None, "there is a warm start"
    runs = {name: _open(name, space, head, folder) for name in asked.runs}
    replicates = range(experiment.budget.replicates)
    least = min(found.run.replicates for found in runs.values())
    left_out: Counter[str] = Counter()
    first, observed = [], []
    for replicate in replicates:
        own = [[t for t in r.trials if t.replicate == replicate % r.run.replicates] for r in runs.values()]
        first.append(_first_draws(experiment, list(zip(runs.values(), own, strict=True)), asked.first_draws))
        trials = [(r.run, t) for r, of in zip(runs.values(), own, strict=True) for t in of if _is_complete(t)]
        observed.append(_observations(experiment, head, replicate, trials, left_out))
    told = WarmStart(
        earlier=tuple(_earlier(found) for found in runs.values()),
        first_draws=asked.first_draws,
        observations=tuple(len(next(iter(of.values()))) for of in observed),
        left_out=dict(left_out),
        replicates=least,
        sha256="",
    )
    if not asked.first_draws and not any(told.observations):
        raise UserError(
            f"{space.where('from')}: nothing of {', '.join(asked.runs)} can be taken up: {sentence(told)}",
            "Name a run of the same strategies and fixed parameters, or set first_draws, or leave `from` out.",
        )
    by_strategy = {name: tuple(of[name] for of in observed) for name in experiment.strategies()}
    return Kept(first=tuple(first), observed=by_strategy), told


def _open(name: str, space: Space, head: Run, folder: Path) -> Records:
    """The records of an earlier run, which must be of the same data.

    Raises:
        UserError: they are not, or there are none.
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
    return records


def _is_complete(trial: Trial) -> bool:
    return trial.state == "complete" and trial.score is not None and trial.duplicate_of is None


def _earlier(records: Records) -> Earlier:
    text = "\n".join(trial.model_dump_json() for trial in records.trials)
    return Earlier(
        name=records.run.name,
        trials=len(records.trials),
        confirmations=len(records.confirmations),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _observations(
    experiment: Experiment,
    head: Run,
    replicate: int,
    trials: Sequence[tuple[Run, Trial]],
    left_out: Counter[str],
) -> dict[str, tuple[Observation, ...]]:
    """Of each strategy equally many of ``trials``, the earliest draws first."""
    ordered = sorted(trials, key=lambda found: found[1].draw)
    found: dict[str, list[Observation]] = {}
    taken: set[int] = set()
    reasons: dict[int, str] = {}
    for name, value in strategy_values(experiment).items():
        draws = Draws(experiment, value, replicate)
        found[name] = []
        for index, (run, trial) in enumerate(ordered):
            reason = _why_not(experiment, value, draws, (run, head), trial)
            if reason is None:
                taken.add(index)
                values = {n: v for n, v in trial.parameters.items() if n in _searched(experiment)}
                found[name].append(Observation(values=values, score=float(trial.score or 0.0)))
            elif reasons.get(index) != RANGES:
                reasons[index] = reason
    left_out.update(reason for index, reason in reasons.items() if index not in taken)
    least = min(map(len, found.values()))
    more = sum(len(of) - least for of in found.values())
    if more:
        left_out["no counterpart in every strategy"] += more
    return {name: tuple(of[:least]) for name, of in found.items()}


def _why_not(
    experiment: Experiment, strategy: Value | None, draws: Draws, runs: tuple[Run, Run], trial: Trial
) -> str | None:
    """Why a trial of the first run is no observation of a strategy of the second; None: it is one."""
    if _weights(runs[0], trial.parameters) != _weights(runs[1], {MODEL: strategy}):
        return WEIGHTS
    searched = _searched(experiment)
    free = {n: v for n, v in trial.parameters.items() if n in searched}
    drawn = draws.as_observed(free)
    if drawn is not None:
        same = _plain(configuration(experiment, strategy, drawn[0])) == _plain(trial.parameters)
        return None if same else OTHER
    fixed = configuration(experiment, strategy, {})
    told = {n: v for n, v in _plain(trial.parameters).items() if n not in searched}
    return RANGES if told.items() <= _plain(fixed).items() else OTHER


def _weights(run: Run, parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the pretrained model of a training."""
    return run.models.get(str(parameters.get(MODEL)), run.model).sha256


def _searched(experiment: Experiment) -> set[str]:
    return {name for name, setting in experiment.parameters.items() if not isinstance(setting, Fixed)}


def _first_draws(
    experiment: Experiment, runs: Sequence[tuple[Records, Sequence[Trial]]], count: int
) -> tuple[dict[str, Any], ...]:
    """The best distinct configurations, of each strategy of each run in turn, none of them the default one.

    Raises:
        UserError: there are fewer.
    """
    defaults = {name: _default(experiment, name) for name in _searched(experiment)}
    found: list[dict[str, Any]] = []
    for values in _best_in_turn(experiment, runs, defaults):
        if _plain(values) not in map(_plain, [defaults, *found]):
            found.append(values)
    if len(found) < count:
        raise UserError(
            f"from.first_draws is {count}, and the earlier runs have {len(found)} good configurations within what is "
            "searched here, the default one not counted",
            "Ask for fewer, or name further runs.",
        )
    return tuple(found[:count])


def _default(experiment: Experiment, name: str) -> Value:
    setting = experiment.parameters[name]
    assert not isinstance(setting, Fixed), "a searched parameter has a default"
    return setting.default


def _best_in_turn(
    experiment: Experiment, runs: Sequence[tuple[Records, Sequence[Trial]]], defaults: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Configurations that every strategy here could draw: the best of each strategy there, then the second best of each."""
    draws = [Draws(experiment, value, 0) for value in strategy_values(experiment).values()]
    ranked = []
    for records, trials in runs:
        sign = -1.0 if records.run.metric.maximize else 1.0
        for name in records.run.strategies:
            own = [t for t in trials if t.strategy == name and _is_complete(t)]
            own.sort(key=lambda t: (sign * float(t.score or 0.0), t.draw))
            projected = [{n: t.parameters.get(n, default) for n, default in defaults.items()} for t in own]
            ranked.append([v for v in projected if None not in [of.as_observed(v) for of in draws]])
    for place in zip_longest(*ranked):
        yield from (values for values in place if values is not None)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Hashable values, the same whether they were just made or read from a record."""
    return {name: json.dumps(value) for name, value in values.items()}
