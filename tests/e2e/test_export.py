"""From a run to a folder, to transformers in a process of its own, to predictions, and to MLflow's registry."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from hpo.config.experiment import Experiment
from hpo.data.task_data import load_task
from hpo.records.files import read_records
from hpo.records.origin import Origin, read_origin
from tests.e2e.runs import environment, hpo

# Imports what is named, loads a folder in a pipeline and prints label and score of each text on its input, as JSON.
PIPELINE = """\
import json, sys
{imported}
from transformers import pipeline
classify = pipeline("text-classification", model=sys.argv[1], truncation=True, device=-1)
assert {alone} or "hpo" not in sys.modules
print(json.dumps(classify(json.load(sys.stdin))))
"""


@pytest.fixture(scope="module")
def ran(tiny_space: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    space = folder / "tiny.yaml"
    text = tiny_space.read_text().replace("head_hidden_sizes: {choices: [[], [8]]}", "head_hidden_sizes: []")
    text = text.replace("baseline: {", "baseline: {head_hidden_sizes: [8], ")
    space.write_text(text.replace("replicates: 3, trials: 4", "replicates: 3, trials: 2"))
    done = hpo("run", "--space", str(space), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def export(folder: Path, *arguments: str) -> str:
    done = hpo("export", "tiny", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def printed(ran: Path) -> str:
    """What the export of a linear head, registered in MLflow, said."""
    return export(ran, "--strategy", "linear", "--register", "tiny winner")


def piped(code: str, model: Path, texts: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(model)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        cwd=model,
    )


def test_the_winner_is_exported_piped_and_predicts_what_was_tested(ran: Path, printed: str) -> None:
    model = ran / "results" / "tiny" / "models" / "linear"
    assert f"model: {model.relative_to(ran)}, which loads with transformers alone" in printed
    assert (model / "README.md").is_file()
    records, origin = read_records(ran / "results" / "tiny"), read_origin(model)
    c = next(
        c
        for c in records.confirmations
        if (c.strategy, c.replicate, c.index) == ("linear", origin.replicate, origin.index)
    )
    test = load_task(Experiment.model_validate(records.run.experiment).task, records.run.seed or 0)
    assert c.test_predictions is not None
    labels = [test.label_names[number] for number in c.test_predictions]
    texts = [str(text) for text in test.test.texts]
    alone = piped(PIPELINE.format(imported="", alone=False), model, texts)
    assert alone.returncode == 0, alone.stderr
    found = json.loads(alone.stdout.splitlines()[-1])
    assert [one["label"] for one in found] == labels
    (ran / "texts.csv").write_text("text\n" + "".join(f"{text}\n" for text in texts))
    done = hpo("predict", str(model), "texts.csv", cwd=ran)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["label"] for row in rows] == labels
    assert [float(row["probability"]) for row in rows] == pytest.approx(
        [one["score"] for one in found], abs=1e-4
    )


def test_another_head_needs_hpo_and_says_so(ran: Path, tmp_path: Path) -> None:
    model = tmp_path / "taken home"
    printed = export(ran, "--strategy", "baseline", "--to", str(model))
    assert f"model: {model}, which loads with `import hpo.transformers`" in printed
    texts = ["good film", "dull plot of the actor"]
    without = piped(PIPELINE.format(imported="", alone=False), model, texts)
    assert without.returncode != 0
    assert "hpo_classifier" in without.stderr
    beside = piped(PIPELINE.format(imported="import hpo.transformers", alone=True), model, texts)
    assert beside.returncode == 0, beside.stderr
    (tmp_path / "texts.csv").write_text("text\n" + "".join(f"{text}\n" for text in texts))
    done = hpo("predict", str(model), "texts.csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    found = json.loads(beside.stdout.splitlines()[-1])
    assert [row["label"] for row in rows] == [one["label"] for one in found]


def test_the_winner_is_registered_beside_the_runs_comparison(ran: Path, printed: str) -> None:
    assert "MLflow: tiny winner, version 1" in printed
    client = mlflow.MlflowClient(f"sqlite:///{ran / 'results' / 'mlflow.db'}")
    version = client.get_model_version("tiny winner", "1")
    assert version.run_id is not None
    assert client.get_run(version.run_id).data.tags["hpo.key"] == "comparison"
    [place] = [f.path for f in client.list_artifacts(version.run_id, "models")]
    names = {Path(f.path).name for f in client.list_artifacts(version.run_id, place)}
    assert {"config.json", "model.safetensors", "README.md", "hpo.json", "tokenizer.json"} <= names
    kept = Path(client.download_artifacts(version.run_id, f"{place}/hpo.json", str(ran)))
    origin = Origin.model_validate_json(kept.read_bytes())
    assert version.tags["hpo.strategy"] == origin.strategy
