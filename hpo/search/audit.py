"""A random sample of a run's pruned trials, trained on to their end: what pruning may have cost, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
from filelock import FileLock, Timeout

from hpo.config.experiment import Experiment
from hpo.errors import UserError
from hpo.records.files import is_finished, read_records, write_audited
from hpo.records.run import Run
from hpo.records.selection import auditable
from hpo.records.trainings import Audited, Trial
from hpo.runtime.again import device_like
from hpo.runtime.engine import Engine
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import cores, load
from hpo.runtime.parts import as_trained
from hpo.runtime.serving import Wanted
from hpo.search.accounts import mechanism
from hpo.search.circumstances import other_assets, other_numerics
from hpo.search.confirm import best_rung
from hpo.search.lanes import Lane, Training
from hpo.search.plan import forks
from hpo.search.prepare import run_record
from hpo.search.scheduler import Scheduler
from hpo.search.trained import Trained, device_seconds
from hpo.seeds import derive
from hpo.training.store import STORE_LIMIT, store_folder


class Audit:
    """A sample of the pruned trials of the run in ``folder``, ready to be trained on.

    The sample is drawn uniformly and without replacement over the whole run; with the same seed a larger one holds a
    smaller one. A trial goes on from the state of its last rung where the store still has it, else from its beginning:
    it has the bits that it would have had if it had not been pruned.

    Args:
        size: of the sample, or all where there are fewer.
        seed: of the draw.

    Attributes:
        pruned: what the sample is drawn from.
        sample: in the order of the draw.
        left: those of it that are not recorded yet.
        warnings: of the training, a sentence each.

    Raises:
        UserError: the run was imported, is not finished or pruned nothing.
    """

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        records = read_records(folder)
        _refuse(folder, records.run)
        self.pruned = auditable(records)
        if not self.pruned:
            raise UserError(
                f"{folder} holds no pruned trial of a search that selected another",
                "There is nothing to audit: pruning cost this run nothing.",
            )
        self.experiment = Experiment.model_validate(records.run.experiment)
        self.sample = _draw(self.pruned, size, derive(self.experiment.seed, "audit", seed))
        known = {(a.strategy, a.replicate, a.draw) for a in records.audited}
        self.left = [t for t in self.sample if (t.strategy, t.replicate, t.draw) not in known]
        self.warnings: list[str] = []
        self._folder, self._run, self._seed = folder, records.run, seed

    def finish(self, told: Callable[[Trial, Audited], None]) -> None:
        """Train what is left of the sample to its end, record it, and tell of each as it ends.

        Raises:
            UserError: another process has the folder, or data, weights, device or versions are not those of the run.
        """
        if not self.left:
            return
        try:
            with FileLock(self._folder / ".lock", timeout=0):
                self._train(told)
        except Timeout:
            raise UserError(
                f"another process is at work on {self._folder}",
                "Wait for it (`hpo status` shows how far it is), then give the command again.",
            ) from None

    def _train(self, told: Callable[[Trial, Audited], None]) -> None:
        experiment, was = self.experiment, self._run.device
        room = STORE_LIMIT if experiment.store_limit is None else experiment.store_limit
        wanted = Wanted(
            experiment=experiment,
            device=device_like(was),
            forks=forks(experiment),
            store=store_folder(self._folder.parent),
            room=room,
            mechanism=mechanism(experiment, self._folder),
        )
        with closing(Engine(wanted, min(was.workers, cores()), len(self.left))) as engine:
            loaded = load(experiment, wanted.device, engine.threads, mechanism=wanted.mechanism)
            _refuse_others(self._folder, self._run, run_record(loaded, engine.workers))
            engine.begin(loaded)
            trainings = (self._finish_one(engine, trial, told) for trial in self.left)
            Scheduler(engine.executor, engine.recall, self._note).run([Lane(trainings)])

    def _note(self, done: Done) -> None:
        self.warnings += done.warnings

    def _finish_one(self, engine: Engine, trial: Trial, told: Callable[[Trial, Audited], None]) -> Training:
        trained, seconds = Trained(), 0.0
        state: Literal["complete", "failed"] = "complete"
        reason = "trained to its end"
        parameters = as_trained(engine.recall, trial.parameters, trial.seed, trial.segments[0].key)
        course = engine.recall.course(parameters, trial.seed)
        for number in range(len(trial.rungs), len(course.rungs)):
            done = yield Job(parameters=parameters, seed=trial.seed, rung=number)
            assert done is not None, "a job is answered by what it came to"
            if done.out_of_memory is not None:
                raise UserError(
                    f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}: {done.out_of_memory}",
                    "Free some memory and give the command again: it goes on where it stopped.",
                )
            trained.add(done)
            seconds += device_seconds(done.seconds)
            if done.rung is None:
                state, reason = "failed", done.diverged or ""
                break
        rungs = (*trial.rungs, *trained.rungs)
        before = {work.key for work in trial.passes}
        record = Audited(
            strategy=trial.strategy,
            replicate=trial.replicate,
            draw=trial.draw,
            sample_seed=self._seed,
            state=state,
            reason=reason,
            score=rungs[best_rung(rungs, self._run.metric)].score if state == "complete" else None,
            segments=tuple(trained.segments),
            rungs=tuple(trained.rungs),
            passes=tuple(work for key, work in trained.passes.items() if key not in before),
            seconds=seconds,
        )
        write_audited(self._folder, record)
        told(trial, record)


def _draw(pruned: Sequence[Trial], size: int, seed: int) -> list[Trial]:
    order = np.random.default_rng(seed).permutation(len(pruned))
    return [pruned[place] for place in order[:size]]


def _refuse(folder: Path, run: Run) -> None:
    if run.source != "hpo":
        raise UserError(
            f"{folder} was imported from {run.source}: its trials cannot be trained on here",
            "Audit a run that `hpo run` made.",
        )
    if not is_finished(folder):
        raise UserError(
            f"{folder} is not finished",
            "Bring it to its end with `hpo run`; `hpo status` shows how far it is.",
        )


def _refuse_others(folder: Path, before: Run, now: Run) -> None:
    """Refuse a training that would not be the one that was stopped."""
    found = [*other_assets(before, now), *other_numerics(before, now)]
    if found:
        raise UserError(
            f"not all is as it was when {folder} was trained:\n  " + "\n  ".join(found),
            "Audit it where it was trained, with what `records/run.json` names; the report does without an audit.",
        )
