from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_events import confirmation, experiment, run_record

from hpo.cli.main import execute
from hpo.records.files import write_run
from hpo.records.origin import Origin

ORIGIN: dict[str, Any] = {
    "run": "tiny",
    "strategy": "cosine",
    "replicate": 1,
    "index": 0,
    "seed": 9,
    "key": "k",
    "examples": 100,
    "parameters": {},
    "kind": "text-classification",
    "max_length": 64,
    "text": "text",
    "second_text": "second_text",
    "scrub": False,
    "metric": "accuracy",
    "validation_score": 0.7,
    "test_score": 0.731,
    "rescored": 0.731,
    "retrained": 0,
    "others": (),
    "form": "own",
    "difference": 1e-7,
    "data_sha256": "0",
    "weights_sha256": "0",
    "versions": {},
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda _: True)
    write_run(Path("results/tiny"), run_record(experiment(replicates=2, trials=1)))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for what trains: ``changes`` of what comes of it."""
    fake = SimpleNamespace(changes={}, warnings=[], redacted=False, asked=[], written=[])

    class Export:
        def __init__(self, folder: Path, strategy: str | None) -> None:
            fake.asked.append((folder, strategy))
            self.confirmation = confirmation(strategy or "cosine", 1, 0.731)
            self.among = 5
            self.experiment = experiment()
            self.warnings = fake.warnings
            self.redacted = fake.redacted

        def write(self, target: Path) -> Origin:
            fake.written.append(target)
            return Origin.model_validate(ORIGIN | fake.changes)

    monkeypatch.setattr("hpo.search.export.Export", Export)
    return fake


def test_the_folder_its_card_and_what_loads_it_are_told(found: SimpleNamespace, capsys) -> None:
    assert execute(["export", "tiny"]) == 0
    assert found.asked == [(Path("results/tiny"), None)]
    assert found.written == [Path("results/tiny/models/cosine")]
    assert capsys.readouterr().out.splitlines() == [
        "tiny: cosine, replicate 1, seed 0, which has the best validation accuracy,",
        "0.700, of its 5 confirmations",
        "model: results/tiny/models/cosine, which loads with transformers alone",
        "card: results/tiny/models/cosine/README.md",
        "next: hpo predict results/tiny/models/cosine FILE",
    ]


def test_a_class_of_ours_and_a_training_again_are_told(found: SimpleNamespace, capsys) -> None:
    found.changes = {"form": "hpo", "retrained": 2}
    found.warnings = ["states/abc was damaged: removed, and computed again when needed"]
    assert execute(["export", "tiny", "--strategy", "linear", "--to", "my model"]) == 0
    assert found.asked == [(Path("results/tiny"), "linear")]
    assert found.written == [Path("my model")]
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "note: states/abc was damaged: removed, and computed again when needed",
        "note: its state was not stored: 2 segments trained again; test accuracy 0.731,",
        "where 0.731 was recorded",
        "model: my model, which loads with `import hpo.transformers`",
        "card: my model/README.md",
        "next: hpo predict 'my model' FILE",
    ]


def test_what_is_alike_and_not_equal_is_told(found: SimpleNamespace, capsys) -> None:
    found.changes = {"retrained": 2, "others": ("threads: 2 -> 1",), "rescored": 0.74}
    assert execute(["export", "tiny"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "note: trained again where not all is as it was (threads: 2 -> 1): the model is alike, not equal; "
        "test accuracy 0.740, where 0.731 was recorded" in told
    )


def test_that_classes_have_no_names_is_told(found: SimpleNamespace, capsys) -> None:
    found.redacted = True
    assert execute(["export", "tiny"]) == 0
    assert "note: classes are named by number in it" in capsys.readouterr().out


def test_a_name_that_the_registry_does_not_take_is_refused_before_anything_is_done(
    found: SimpleNamespace, capsys
) -> None:
    assert execute(["export", "tiny", "--register", "a/b"]) == 2
    assert found.asked == []
    assert "a model's name has letters" in capsys.readouterr().err


def test_a_run_that_is_not_tracked_is_not_registered(found: SimpleNamespace, capsys) -> None:
    assert execute(["export", "tiny", "--register", "winner"]) == 2
    assert "is not tracked in MLflow" in capsys.readouterr().err


def test_a_registered_version_is_told(
    found: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    Path("results/tiny/run-id").write_text("run1\n")
    asked: list[Any] = []

    def register(*given: Any) -> str:
        asked.append(given)
        return "3"

    monkeypatch.setattr("hpo.tracking.register.register", register)
    assert execute(["export", "tiny", "--register", "winner", "--tracking-uri", "http://host"]) == 0
    assert "MLflow: winner, version 3" in capsys.readouterr().out.splitlines()
    [(uri, name, run_id, folder, model, description, tags)] = asked
    assert (uri, name, run_id, model) == ("http://host", "tiny", "run1", "winner")
    assert folder == Path("results/tiny/models/cosine")
    assert description.startswith("cosine of the run tiny: test accuracy 0.731. The run is unfinished")
    assert tags == {"hpo.run": "run1", "hpo.strategy": "cosine", "hpo.replicate": "1", "hpo.index": "0"}
