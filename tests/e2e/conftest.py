from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.e2e.runs import hpo

TINY = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, cosine, wsd], reference: linear}}
parameters:
  learning_rate: {{choices: [1e-3, 3e-3, 9e-3]}}
  warmup_ratio: 0.1
  frozen_layers: {{choices: [0, 1]}}
  head_hidden_sizes: {{choices: [[], [8]]}}
  augmentation: random_swap
  augmentation_strength: 0.3
  batch_size: 16
  epochs: 3
baseline: {{optimizer: adam, learning_rate: 2e-5, schedule: constant, epochs: 3}}
budget: {{replicates: 3, trials: 4, rungs: [64, 128]}}
"""


@pytest.fixture(scope="session")
def tiny_space(tiny_model: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of 36 trials, some drawn twice, and 12 confirmations on the tiny model, which trains in a few seconds."""
    path = tmp_path_factory.mktemp("space") / "tiny.yaml"
    path.write_text(TINY.format(data=tiny_data, model=tiny_model))
    return path


@dataclass(frozen=True)
class Ran:
    """A finished run of the small form of a shipped space: its working folder, and what the command printed."""

    name: str
    cwd: Path
    printed: str

    @property
    def folder(self) -> Path:
        return self.cwd / "results" / self.name


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Runs the small form of a shipped space through the real command, each once a session."""

    @cache
    def run(space: str) -> Ran:
        cwd = tmp_path_factory.mktemp(space)
        command = ("run", "--space", space, "--budget", "small", "--store-limit", "2GB")
        done = hpo(*command, cwd=cwd, timeout=1800)
        assert done.returncode == 0, done.stderr
        return Ran(f"{space}-small", cwd, done.stdout)

    return run
