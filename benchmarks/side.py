"""One side of one repeat, in a process of its own: imports everything, does the job, reports as JSON.

python -m benchmarks.side JOB.json
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.peers.report import Report

# Modules that transformers and torch import when a model, a tokenizer or an optimizer is first made.
LAZY = (
    "transformers.models.bert.modeling_bert",
    "transformers.tokenization_utils_tokenizers",
    "torch._dynamo",
)


@dataclass(frozen=True)
class Job:
    """What a side is to do. Sides: H is hpo, the others are peers (benchmarks/README.md).

    Attributes:
        space: the space file.
        folder: of this side in this repeat; hpo's results go there.
        trainings: file of the trial list to replay; None: search freely (hpo always reads the space).
        trials: of a free search.
        seed: of a free search's sampler.
        tracking: MLflow's URI for hpo.
        processes: of P*, which share the threads.
        workers: of hpo; None: as many as it chooses.
        enough: a validation score with which hpo may stop; None: it goes on to its end.
        report: file to write.
    """

    side: str
    space: str
    folder: str
    report: str
    tracking: str
    trainings: str | None = None
    trials: int = 0
    seed: int = 0
    processes: int = 1
    workers: int | None = None
    enough: float | None = None


def main(path: Path) -> None:
    """Do the job at ``path``."""
    job = Job(**json.loads(path.read_text(encoding="utf-8")))
    began = time.perf_counter()
    run = _imported(job)
    imported = time.perf_counter() - began
    started = time.perf_counter()
    report = run(started)
    report.wall_seconds = time.perf_counter() - started
    report.import_seconds = imported
    Path(job.report).write_text(json.dumps(asdict(report)), encoding="utf-8")


def _imported(job: Job) -> Callable[[float], Report]:
    """What the side runs, given the time of its start; all that it imports is imported on return."""
    space, folder = Path(job.space), Path(job.folder)
    if job.side == "H" and job.workers != 1:
        from hpo.runtime.processes import start_server

        start_server()  # as `hpo run` does: it imports while this process does
    for name in LAZY:
        importlib.import_module(name)
    if job.side == "H":
        from benchmarks.peers import hpo

        return lambda started: hpo.run(space, folder, job.tracking, job.workers, started, job.enough)
    from benchmarks.peers import loading

    if job.side == "P*":
        from benchmarks.peers import plain

        return lambda started: plain.run(*loading.load(job), folder, job.processes, started)
    if job.side == "R":
        from benchmarks.peers import ray_tune

        return lambda started: ray_tune.run(*loading.load(job), folder, started)
    from benchmarks.peers import trainer

    well_set = job.side == "T*"
    return lambda started: trainer.run(*loading.load(job), folder, started, well_set=well_set)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main(Path(sys.argv[1]))
