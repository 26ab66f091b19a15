"""One trial list on several sides, interleaved: hpo runs its space first, the peers repeat what its records say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import spaces
from benchmarks.counts import Counts, count
from benchmarks.data import load_assets
from benchmarks.measure import Measured, peak, run_side, threads_of_machine
from benchmarks.side import Job
from benchmarks.tiny import write_tiny
from benchmarks.trainings import Training, read_trainings, trainings_of, write_trainings
from hpo.records.files import read_records

MEGABYTE = 2**20


@dataclass(frozen=True)
class Bench:
    """Where and how the cases of one command are run.

    Attributes:
        repeats: None: as many as the case says.
        replicates: of the main job's five; a verdict, and so the space, asks for 3.
    """

    folder: Path
    small: bool = False
    repeats: int | None = None
    replicates: int = 3
    say: Callable[[str], None] = print
    threads: int = field(default_factory=threads_of_machine)

    @property
    def tracking(self) -> str:
        """One MLflow database for all runs: its schema is made once, by ``warm_up``, and not measured."""
        return f"sqlite:///{(self.folder / 'mlflow.db').resolve()}"

    def warm_up(self) -> None:
        """Make the database, and fetch what the first run of all would wait for."""
        if not self.small and not (self.folder / "mlflow.db").exists():
            space = self.space("warm_up", spaces.overhead(2))
            self.hpo(space, self.folder / "warm_up" / "run")

    def space(self, name: str, data: spaces.Data) -> Path:
        """Write a space file (JSON is YAML) with the tiny model beside it where it names that one."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.yaml"
        path.write_text(json.dumps(data, indent=1), encoding="utf-8")
        if data.get("model") == "model" and not (folder / "model").exists():
            write_tiny(folder, rows=240)
        return path

    def hpo(self, space: Path, results: Path) -> Measured:
        """One run of hpo."""
        return run_side(self.job("H", space, results), self.threads)

    def job(self, side: str, space: Path, folder: Path, **given: Any) -> Job:
        """A job with this bench's tracking store."""
        return Job(side, str(space), str(folder), str(folder / "report.json"), self.tracking, **given)


@dataclass
class Replayed:
    """What a replay measured: ``runs`` of each side, one a repeat; ``peaks`` in operations a second."""

    trainings: list[Training]
    counts: Counts
    runs: dict[str, list[Measured]]
    peaks: list[float]

    def ratios(self, side: str) -> list[float]:
        """Wall time of ``side`` over that of hpo, by repeat."""
        return [p.wall / h.wall for p, h in zip(self.runs[side], self.runs["H"], strict=True)]


def replay(
    bench: Bench,
    name: str,
    data: spaces.Data,
    sides: Sequence[str],
    repeats: int,
    *,
    one_by_one: bool = False,
) -> Replayed:
    """Run ``data`` on hpo and the ``sides``, A B A B.

    Args:
        one_by_one: each side trains one trial at a time, so that what a trial costs is not hidden by another beside it.

    Raises:
        AssertionError: a side did other work than the list says.
    """
    bench.warm_up()
    space = bench.space(name, data)
    listed = bench.folder / name / "trainings.json"
    runs: dict[str, list[Measured]] = {side: [] for side in ("H", *sides)}
    peaks: list[float] = []
    counts: Counts | None = None
    for repeat in range(bench.repeats or repeats):
        peaks.append(peak(bench.threads))
        for side, of_side in runs.items():
            folder = bench.folder / name / f"{side}{repeat}"
            job = bench.job(
                side,
                space,
                folder,
                trainings=None if side == "H" else str(listed),
                processes=1 if one_by_one else processes(bench.threads),
                workers=1 if one_by_one else None,
            )
            measured = run_side(job, bench.threads)
            if side == "H":
                records = read_records(folder / name)
                if counts is None:
                    write_trainings(listed, trainings_of(records))
                    counts = count(records, load_assets(space))
            check_work(side, measured, read_trainings(listed))
            of_side.append(measured)
            bench.say(f"{name}, repeat {repeat}, {side}: {measured.wall:.2f} s")
            shutil.rmtree(folder)
    assert counts is not None
    return Replayed(read_trainings(listed), counts, runs, peaks)


def processes(threads: int) -> int:
    """Of P*: one a core, which was faster than one process of all threads; on a GPU one."""
    import torch

    return 1 if torch.cuda.is_available() else threads


def check_work(side: str, measured: Measured, trainings: Sequence[Training]) -> None:
    """See that a side made the trainings of the list, each with its steps and evaluations."""
    wanted = sorted(_name(t.study, t.steps, t.evaluations) for t in trainings)
    made = sorted(_name(d["study"], d["steps"], d["evaluations"]) for d in measured.report["done"])
    assert made == wanted, f"{side} did other work than the list says: {made} is not {wanted}"


def result(found: Replayed) -> dict[str, Any]:
    """The measured numbers as JSON."""
    counts, hpo = found.counts, found.runs["H"]
    whole = {_name(t.study, t.steps, t.evaluations) for t in found.trainings if t.steps == t.horizon}
    efficiency = [counts.unique_work / (p * run.wall) for p, run in zip(found.peaks, hpo, strict=True)]
    return {
        "repeats": len(hpo),
        "trainings": counts.trainings,
        "unique_segments": counts.segments,
        "asked_steps": counts.asked_steps,
        "unique_steps": counts.unique_steps,
        "segments_trained": hpo[0].report["trained"],
        "reuse": counts.reuse,
        "reuse_of_steps": counts.asked_steps / counts.unique_steps,
        "unique_operations": counts.unique_work,
        "peak_operations_a_second": found.peaks,
        "efficiency": efficiency,
        "ratios": {side: found.ratios(side) for side in found.runs if side != "H"},
        "sides": {side: _side(runs, whole) for side, runs in found.runs.items()},
        "profile": hpo[-1].report["profile"],
        "store_bytes_per_unique_step": max(run.store for run in hpo) / counts.unique_steps,
    }


def _name(study: str, steps: int, evaluations: Sequence[int]) -> tuple[str, int, tuple[int, ...]]:
    """What a training of the list and what a side reports of it have in common."""
    return study, steps, tuple(evaluations)


def _side(runs: Sequence[Measured], whole: Set[tuple[str, int, tuple[int, ...]]]) -> dict[str, Any]:
    """``whole``: the trainings that nothing stopped, over which scores are averaged; peers do not know which those are."""
    done = [d for d in runs[0].report["done"] if _name(d["study"], d["steps"], d["evaluations"]) in whole]
    scores = [d["accuracy"] for d in done if d["accuracy"] is not None]
    return {
        "wall_seconds": [run.wall for run in runs],
        "training_seconds": [run.report["training_seconds"] for run in runs],
        "import_seconds": [run.report["import_seconds"] for run in runs],
        "mean_validation_accuracy": sum(scores) / len(scores) if scores else None,
        "coordinator_megabytes": max(run.coordinator for run in runs) / MEGABYTE,
        "worker_megabytes": [b / MEGABYTE for b in max((run.workers for run in runs), key=len)],
    }
