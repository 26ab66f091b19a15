from __future__ import annotations

import sys
import types
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_events import DEVICE, MODEL, SPLIT, experiment, trial, work
from cli_search import ESTIMATE, VERDICT

from hpo.config.space import Space
from hpo.search.plan import make_plan


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def coordinator(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the search, which needs torch, optuna and mlflow: it tells of one trial and returns an outcome."""
    asked = experiment(replicates=1, trials=1)
    report = SimpleNamespace(
        html=Path("results/tiny/report.html"), verdict=SimpleNamespace(sentences=VERDICT)
    )
    fake = SimpleNamespace(calls=[], trained=3, missing=(), shifts=(), taken=None, estimate=ESTIMATE)

    def run_experiment(space, results, tracking_uri, device, observer, workers, store_limit, redact, **more):
        fake.calls.append((space.experiment.name, results, tracking_uri, device))
        fake.resources, fake.redact, fake.more = (workers, store_limit), redact, more
        if fake.trained:
            observer.started(work("linear", 0, 0))
            observer.trial(trial("linear", 0, 0, 0.7412))
        profile = {"train": 60.0, "evaluate": 12.0, "load": 4.0, "track": 3.6, "search": 0.1}
        return SimpleNamespace(report=report, profile=profile, trained=fake.trained, wall_seconds=80.0)

    def check_experiment(space, results, device, *, probe):
        fake.calls.append((space.experiment.name, results, device))
        return SimpleNamespace(
            plan=make_plan(space.experiment),
            head=SimpleNamespace(split=SPLIT, shifts=fake.shifts, device=DEVICE, privacy=None),
            models=(MODEL,),
            notes=(),
            taken=fake.taken,
            estimate=fake.estimate if probe else None,
        )

    for name, stands_in in (("coordinator", run_experiment), ("check", check_experiment)):
        module = types.ModuleType(f"hpo.search.{name}")
        setattr(module, stands_in.__name__, stands_in)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    space = Space(asked, Path("tiny.yaml"), "", {(): (1, 1)})
    monkeypatch.setattr("hpo.config.space.load_spaces", lambda *_: (space,))
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda name: name not in fake.missing)
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: say(f"Fetching {name}"))
    return fake
