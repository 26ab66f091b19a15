"""Winners of runs on the tiny model as folders: which training is taken, what it is made of, what its card tells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hpo.config.experiment import Experiment
from hpo.config.space import load_space
from hpo.data.batches import collate
from hpo.data.task_data import load_task
from hpo.data.tokens import tokenize
from hpo.data.unlabelled import Unlabelled
from hpo.errors import UserError
from hpo.models.exported import load_model, pass_of
from hpo.records.files import read_records, write_confirmation, write_run
from hpo.records.metrics import Metric
from hpo.records.origin import read_origin
from hpo.records.redaction import without_names
from hpo.records.trainings import Confirmation
from hpo.report.sentences import verdict
from hpo.runtime import engine
from hpo.runtime.jobs import Job
from hpo.runtime.loading import load
from hpo.runtime.prediction import Predictor, read_given
from hpo.search import coordinator
from hpo.search.accounts import mechanism
from hpo.search.coordinator import run_experiment
from hpo.search.export import Export, best_by_validation
from hpo.search.plan import forks
from hpo.training.optimizers import as_scored
from hpo.training.store import Store
from tests.search.test_kinds import SPACE as KINDS
from tests.search.test_kinds import entities, label_sets, pairs
from tests.search.test_private_run import SPACE as PRIVATE

SPACE = """\
question: Which <schedule>, in | small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [linear, constant]}}
parameters:
  learning_rate: {{low: 1e-3, high: 1e-2, log: true}}
  frozen_layers: {{choices: [0, 2, 3]}}
  pooling: {{choices: [cls, mean]}}
  head_hidden_sizes: {{choices: [[], [8]]}}
  dropout: 0.1
  batch_size: 16
  epochs: 3
baseline: {{optimizer: adam, learning_rate: 1e-3, schedule: constant, epochs: 3}}
budget: {{replicates: 3, trials: 3, rungs: [64, 128], sampler: random, pruner: none}}
confirmation: {{seeds: 2}}
"""


class Nobody:
    """In place of the tracker, and as an observer: says and hears nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def run(folder: Path, text: str) -> Path:
    """Results of a finished run of the space in ``text``."""
    path = folder / "tiny.yaml"
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "Tracker", Nobody)
        patch.setattr(engine, "cores", lambda: 1)
        run_experiment(load_space(str(path), [], []), folder / "results", None, "cpu", Nobody(), 1)
    return folder / "results"


@pytest.fixture(scope="module")
def original(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("results"), SPACE.format(data=tiny_data, model=tiny_model))


@pytest.fixture
def results(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "results"))


def contents(folder: Path) -> dict[str, bytes]:
    kept = [p for p in folder.rglob("*") if p.is_file() and p.suffix in {".json", ".safetensors"}]
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}


def trials_logits(folder: Path, c: Confirmation) -> tuple[list[str], np.ndarray]:
    """Validation texts and the logits of a confirmation's best rung, by its own worker with all its shortcuts."""
    records = read_records(folder)
    experiment = Experiment.model_validate(records.run.experiment)
    loaded = load(experiment, "cpu", 1, mechanism=mechanism(experiment, folder))
    worker = loaded.worker(loaded.recall(Store(folder.parent / ".aside"), forks(loaded.experiment)))
    for number in range(c.best_rung + 1):
        worker.do(Job(parameters=c.parameters, seed=c.seed, rung=number))
    live = worker._live
    assert live is not None
    course = worker.recall.course(c.parameters, c.seed)
    data, read = worker.recall.of(c.parameters).validation, worker._reader(course)
    logits = np.zeros((len(data.labels), 2), np.float32)
    model = live.model.eval()
    with as_scored(live.optimizer), torch.inference_mode():
        for batch in data.batches(8, 48):
            rows, mask = collate(data.texts.ids, batch, data.pad_id)
            inputs = rows if read is None else read(data.texts, batch)
            given = torch.from_numpy(np.ascontiguousarray(inputs))
            logits[batch.items] = model(given, torch.from_numpy(mask[:, : inputs.shape[1]])).numpy()
    return [str(text) for text in loaded.task.validation.texts], logits


@pytest.mark.parametrize("strategy", ["linear", "constant", "baseline"])
def test_the_logits_of_the_folder_are_those_of_the_training(
    results: Path, strategy: str, tmp_path: Path
) -> None:
    export = Export(results / "tiny", strategy)
    origin = export.write(tmp_path / "model")
    texts, wanted = trials_logits(results / "tiny", export.confirmation)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path / "model"))
    model = pass_of(load_model(tmp_path / "model", origin.kind), None)
    ids = tokenize(tokenizer, texts, 32)
    with torch.inference_mode():
        found = [
            model(torch.from_numpy(row[None].astype(np.int64)), torch.ones((1, len(row)), dtype=torch.int64))
            for row in ids
        ]
    np.testing.assert_allclose(torch.cat(found).numpy(), wanted, atol=1e-6 * max(1.0, abs(wanted).max()))
    assert origin.retrained == 0 or origin.others == ()
    assert origin.rescored == pytest.approx(export.confirmation.test_score)
    assert read_origin(tmp_path / "model") == origin


def test_the_best_strategy_by_the_test_split_and_of_it_the_best_training_by_validation_is_taken(
    results: Path,
) -> None:
    records = read_records(results / "tiny")
    export = Export(results / "tiny", None)
    best = verdict(records).analysis.best
    own = [c for c in records.confirmations if c.strategy == best]
    assert export.among == len(own) == 6
    assert export.confirmation.validation_score == max(c.validation_score or 0.0 for c in own)
    # Tested scores turned around: another strategy may win, but of each the same training is taken.
    chosen = {name: Export(results / "tiny", name).confirmation.seed for name in ("linear", "constant")}
    for c in records.confirmations:
        turned = None if c.test_correct is None else tuple(1 - one for one in c.test_correct)
        changed = c.model_copy(update={"test_score": 1 - c.test_score, "test_correct": turned})
        write_confirmation(results / "tiny", changed)
    assert {n: Export(results / "tiny", n).confirmation.seed for n in chosen} == chosen


@pytest.mark.parametrize(("maximize", "taken"), [(True, (0, 1)), (False, (1, 0))])
def test_of_equal_validation_scores_the_first_is_taken(maximize: bool, taken: tuple[int, int]) -> None:
    scores = {(1, 1): 0.8, (1, 0): 0.7, (0, 1): 0.8, (2, 0): 0.7, (0, 0): 0.75}
    confirmations = [
        Confirmation(
            role="strategy",
            strategy="a",
            replicate=replicate,
            index=index,
            parameters={},
            validation_score=score,
            test_score=0.5,
        )
        for (replicate, index), score in scores.items()
    ]
    best = best_by_validation(confirmations, Metric(maximize=maximize))
    assert (best.replicate, best.index) == taken


def test_a_training_whose_state_is_gone_is_trained_again_to_the_same_bits(
    results: Path, tmp_path: Path
) -> None:
    """The states, then the whole store."""
    written, retrained = [], []
    before = contents(results)
    for number in range(3):
        if number == 1:
            for path in (results / ".store" / "states").iterdir():
                path.unlink()
            before = contents(results)
        if number == 2:
            shutil.rmtree(results / ".store")
            before = contents(results)
        target = tmp_path / f"model{number}"
        export = Export(results / "tiny", "linear")
        origin = export.write(target)
        retrained.append(origin.retrained)
        written.append((target / "model.safetensors").read_bytes())
        assert contents(results) == before
        assert origin.others == ()
    assert written[0] == written[1] == written[2]
    assert retrained[1] == retrained[2] > 0


def test_in_another_class_of_numerics_the_card_says_that_it_is_alike(results: Path, tmp_path: Path) -> None:
    head = read_records(results / "tiny").run
    device = head.device.model_copy(update={"name": "another processor"})
    versions = {**head.versions, "torch": "1.0"}
    write_run(results / "tiny", head.model_copy(update={"device": device, "versions": versions}))
    for path in (results / ".store" / "states").iterdir():
        path.unlink()
    origin = Export(results / "tiny", "linear").write(tmp_path / "model")
    assert origin.others[0] == f"device: another processor -> {head.device.name}"
    card = (tmp_path / "model" / "README.md").read_text()
    assert "alike and not equal to the one that was tested" in card


def test_a_folder_that_an_export_wrote_is_replaced_and_no_other(results: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    Export(results / "tiny", "linear").write(target)
    (target / "old.txt").write_text("of the export before")
    Export(results / "tiny", "constant").write(target)
    assert read_origin(target).strategy == "constant"
    assert not (target / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(UserError, match="exists, and `hpo export` did not write it"):
        Export(results / "tiny", "linear").write(other)
    assert (other / "thesis.tex").exists()


def test_the_card_tells_question_verdict_score_licences_and_how_to_load_it(
    results: Path, tiny_data: Path, tmp_path: Path
) -> None:
    export = Export(results / "tiny", "linear")
    origin = export.write(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    run, c = read_records(results / "tiny").run, export.confirmation
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    assert "**Question.** Which &lt;schedule&gt;, in \\| small?" in card
    assert f"Test accuracy: {100 * c.test_score:.1f} % (95 % interval over 60 test texts: " in card
    for fact in ("licence", "Search space", "frozen\\_layers", run.split.sha256, run.model.sha256):
        assert fact in card
    assert ("import hpo.transformers" in card) == (origin.form == "hpo")
    assert str(results.parent) not in card
    assert "reviews.csv" in card
    assert str(tiny_data.parent) not in card


def test_names_of_classes_that_the_records_leave_out_are_in_no_file(results: Path, tmp_path: Path) -> None:
    write_run(results / "tiny", without_names(read_records(results / "tiny").run))
    export = Export(results / "tiny", "linear")
    export.write(tmp_path / "model")
    assert export.redacted
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["id2label"] == {"0": "class 1", "1": "class 2"}
    for path in (tmp_path / "model").iterdir():
        assert b"negative" not in path.read_bytes(), path


def test_a_private_training_is_brought_back_with_the_noise_that_it_had(
    tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    space = PRIVATE.format(data=tiny_data, model=tiny_model, sampler="random", pruner="none")
    folder = run(tmp_path, space) / "tiny"
    shutil.rmtree(folder.parent / ".store")
    export = Export(folder, "privacy_epsilon=8.0")
    origin = export.write(tmp_path / "model")
    assert origin.retrained > 0
    assert origin.rescored == export.confirmation.test_score
    records = read_records(folder)
    assert origin.data_sha256 == records.run.split.sha256
    assert "| Differential privacy | epsilon 8 at delta 0.001" in (tmp_path / "model/README.md").read_text()
    texts, wanted = trials_logits(folder, export.confirmation)
    found = Predictor(tmp_path / "model", "cpu").predict(Unlabelled(tuple(texts)))
    probabilities = np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
    names = load_task(export.experiment.task, export.experiment.seed).label_names
    assert [next(iter(one.labels)) for one in found] == [names[best] for best in wanted.argmax(1)]
    assert [next(iter(one.labels.values())) for one in found] == pytest.approx(probabilities.max(1), abs=1e-5)


def test_what_cannot_be_exported_is_refused_with_what_to_do(results: Path) -> None:
    with pytest.raises(UserError) as caught:
        Export(results / "tiny", "linaer")
    assert caught.value.message == (
        "no strategy 'linaer' was confirmed; there are linear, constant, baseline"
    )
    assert caught.value.hint == "Did you mean `--strategy linear`?"
    (results / "tiny" / "records" / "finished").unlink()
    with pytest.raises(UserError, match="is not finished"):
        Export(results / "tiny", None)


def test_other_data_are_refused(results: Path, tmp_path: Path) -> None:
    head = read_records(results / "tiny").run
    split = head.split.model_copy(update={"sha256": "0" * 64})
    write_run(results / "tiny", head.model_copy(update={"split": split}))
    with pytest.raises(UserError, match="was trained on other data or weights"):
        Export(results / "tiny", None).write(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("kind", "write", "pooling"),
    [
        ("multi-label", label_sets, "cls"),
        ("token-classification", entities, ""),
        ("pair", pairs, "mean"),
        ("pair", pairs, "cls"),
    ],
)
def test_predictions_of_the_test_split_are_those_that_were_scored(
    kind: str, write: Any, pooling: str, tiny_model: Path, tmp_path: Path
) -> None:
    """The folder, given the test texts in a file, comes to the recorded score of its training."""
    more = f"  pooling: {pooling}\n" if pooling else ""
    space = KINDS.format(kind=kind, data=write(tmp_path), metric="", model=tiny_model, more=more)
    folder = run(tmp_path, space) / "tiny"
    export = Export(folder, None)
    export.write(tmp_path / "model")
    experiment = export.experiment
    test = load_task(experiment.task, experiment.seed).test
    predictor = Predictor(tmp_path / "model", "cpu")
    assert predictor.origin.kind == kind
    given = read_given(rows_of(test.texts, kind, tmp_path), predictor.origin, None, None)
    assert given.texts == test.texts
    found = predictor.predict(given)
    c = export.confirmation
    if kind == "pair":
        names = load_task(experiment.task, experiment.seed).label_names
        assert c.test_predictions is not None
        assert [next(iter(one.labels)) for one in found] == [names[p] for p in c.test_predictions]
    elif kind == "multi-label":
        predicted = [[p > 0.5 for p in one.labels.values()] for one in found]
        both = (np.array(predicted) & (test.labels == 1)).sum()
        score = 2 * both / (np.array(predicted).sum() + test.labels.sum())
        assert score == pytest.approx(c.test_metrics["micro_f1"])
    else:
        spans = [{(e.start, e.end, e.label) for e in one.entities} for one in found]
        true = [{*gold(labels)} for labels in test.labels]
        both = sum(len(a & b) for a, b in zip(spans, true, strict=True))
        score = 2 * both / (sum(map(len, spans)) + sum(map(len, true)))
        assert score == pytest.approx(c.test_metrics["entity_f1"])


def rows_of(texts: Any, kind: str, folder: Path) -> Path:
    path = folder / "test.jsonl"
    rows = [
        {"text": text[0], "second_text": text[1]}
        if kind == "pair"
        else {"text": list(text) if kind == "token-classification" else text}
        for text in texts
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def gold(tags: np.ndarray) -> list[tuple[int, int, str]]:
    """Entities of tags in IOB2 over NEG and POS, by hand: O, B-NEG, I-NEG, B-POS, I-POS."""
    found: list[tuple[int, int, str]] = []
    for word, tag in enumerate(tags):
        name = "" if tag == 0 else ("NEG", "POS")[(tag - 1) // 2]
        if tag and tag % 2 == 1:
            found.append((word, word + 1, name))
        elif tag:
            start, _, _ = found.pop()
            found.append((start, word + 1, name))
    return found
