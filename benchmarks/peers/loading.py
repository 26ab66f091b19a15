"""What a peer's job names, loaded: within the clock, as hpo loads it too."""

from __future__ import annotations

from pathlib import Path

from benchmarks.data import Assets, load_assets
from benchmarks.peers.source import Replay, Search, Source
from benchmarks.side import Job
from benchmarks.trainings import read_trainings


def load(job: Job) -> tuple[Assets, Source, int]:
    """Task and model, what to train, and how many trials."""
    assets = load_assets(Path(job.space))
    if job.trainings is None:
        return assets, Search(assets.experiment, len(assets.train.labels), job.seed), job.trials
    trainings = read_trainings(Path(job.trainings))
    return assets, Replay(trainings), len(trainings)
