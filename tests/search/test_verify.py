from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest
from search_space import experiment

from hpo.config.experiment import Experiment
from hpo.config.parameters import complete
from hpo.errors import UserError
from hpo.records.files import read_records, read_run, write_confirmation, write_run, write_trial
from hpo.records.metrics import Metric
from hpo.records.sealed import seal
from hpo.records.trainings import Confirmation, Trial
from hpo.runtime.jobs import Job
from hpo.runtime.loading import load
from hpo.runtime.worker import Worker
from hpo.search.confirm import best_rung
from hpo.search.plan import forks
from hpo.search.prepare import run_record
from hpo.search.trained import Trained
from hpo.search.verify import Compared, Verification
from hpo.training.states import state_digest
from hpo.training.store import Store

SETTINGS: dict[str, Any] = {"batch_size": 16, "epochs": 2.0, "learning_rate": 3e-3, "dropout": 0.2}


def trained(worker: Worker, parameters: dict[str, Any], seed: int) -> tuple[Trained, str | None]:
    found, diverged = Trained(), None
    for rung in range(len(worker.recall.course(parameters, seed).rungs)):
        done = worker.do(Job(parameters=parameters, seed=seed, rung=rung))
        found.add(done)
        diverged = done.diverged
        if diverged:
            break
    return found, diverged


def trial(worker: Worker, strategy: str, replicate: int, **settings: Any) -> Trial:
    parameters = complete({**SETTINGS, "schedule": strategy, **settings})
    found, diverged = trained(worker, parameters, replicate)
    state: Literal["failed", "complete"] = "failed" if diverged else "complete"
    best = None if diverged else best_rung(found.rungs, Metric())
    return Trial(
        strategy=strategy,
        replicate=replicate,
        draw=0,
        seed=replicate,
        parameters=parameters,
        state=state,
        reason=diverged or "trained to its end",
        score=None if best is None else found.rungs[best].score,
        best_rung=best,
        duplicate_of=None,
        segments=tuple(found.segments),
        rungs=tuple(found.rungs),
        passes=tuple(found.passes.values()),
    )


def confirmation(worker: Worker, **settings: Any) -> Confirmation:
    parameters = complete({**SETTINGS, **settings})
    found, diverged = trained(worker, parameters, 9)
    assert diverged is None
    best = best_rung(found.rungs, Metric())
    test = worker.do(Job(parameters=parameters, seed=9, rung=best, split="test")).test
    assert test is not None
    return Confirmation(
        role="baseline",
        strategy="baseline",
        replicate=0,
        index=0,
        seed=9,
        draw=None,
        parameters=parameters,
        selected_score=None,
        validation_score=found.rungs[best].score,
        validation_loss=found.rungs[best].loss,
        best_rung=best,
        test_score=test.score,
        test_loss=test.loss,
        test_predictions=test.predictions,
        test_correct=test.correct,
        test_seconds=test.seconds,
        test_evaluation=test.evaluation,
        segments=tuple(found.segments),
        rungs=tuple(found.rungs),
    )


@pytest.fixture(scope="module")
def asked(tiny_data: Path, tiny_model: Path) -> Experiment:
    return experiment(tiny_data, tiny_model)


@pytest.fixture(scope="module")
def original(asked: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run of four trainings: on token ids, on hidden states, one that diverges, and the baseline."""
    results = tmp_path_factory.mktemp("results")
    loaded = load(asked, "cpu", 1)
    store = Store(results / ".store")
    worker = loaded.worker(loaded.recall(store, forks(asked)))
    folder = results / "tiny"
    write_run(folder, run_record(loaded, 1))
    write_trial(folder, trial(worker, "linear", 0, frozen_layers=0))
    write_trial(folder, trial(worker, "linear", 1, frozen_layers=2))
    wild = {"optimizer": "sgd", "learning_rate": 1e30, "gradient_clip": 1e30}
    write_trial(folder, trial(worker, "cosine_with_restarts", 0, frozen_layers=1, **wild))
    worker.recall.open_test(loaded.test_sets)
    write_confirmation(folder, confirmation(worker, frozen_layers=1))
    return results


@pytest.fixture
def results(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "results"))


def verify(results: Path, size: int = 100) -> tuple[Verification, list[Compared]]:
    verification = Verification(results / "tiny", results / ".store", size)
    return verification, list(verification.compare())


def contents(folder: Path) -> dict[str, bytes]:
    kept = [p for p in folder.rglob("*") if p.is_file() and p.suffix in {".json", ".safetensors"}]
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}


def change(path: Path, key: str, value: Any) -> None:
    facts = json.loads(path.read_text())
    assert facts[key] != value
    rewrite(path, {**facts, key: value})


def rewrite(path: Path, found: dict[str, Any]) -> None:
    """Write a fact or a record anew, with the checksum of what it says now."""
    path.write_text(seal(json.dumps({name: value for name, value in found.items() if name != "checksum"})))


def fact(results: Path, kind: str, key: str) -> Path:
    return results / ".store" / kind / f"{key.removeprefix('sha256:')}.json"


def differing(compared: list[Compared]) -> list[str]:
    return [one.sampled.name for one in compared if not one.equal]


def test_every_segment_trained_again_is_equal_and_nothing_stored_changes(results: Path) -> None:
    before = contents(results)
    verification, compared = verify(results)
    assert len(compared) == verification.segments == 10
    assert all(one.equal and one.exact and one.same_state for one in compared)
    assert verification.warnings == verification.others == []
    assert contents(results) == before
    names = [one.sampled.name for one in compared]
    assert names[:2] == [
        "linear, replicate 0, draw 0, steps 1 to 2",
        "linear, replicate 0, draw 0, steps 3 to 4",
    ]
    assert names[-1] == "baseline, replicate 0, seed 0, steps 5 to 8"


def test_a_training_that_diverged_diverges_again(results: Path) -> None:
    _, compared = verify(results)
    failed = [one for one in compared if one.sampled.item.strategy == "cosine_with_restarts"]
    assert [one.sampled.rung for one in failed] == [None]
    assert failed[0].same_state
    assert failed[0].equal


@pytest.mark.parametrize("gone", ["states", "both"])
def test_a_store_that_was_cleaned_is_verified_from_the_beginning(results: Path, gone: str) -> None:
    for kind in ("states", "prefixes") if gone == "both" else (gone,):
        files = list((results / ".store" / kind).iterdir())
        assert files
        for path in files:
            path.unlink()
    _, compared = verify(results)
    assert all(one.equal and one.same_state for one in compared)


def test_without_a_store_losses_and_scores_alone_are_compared(results: Path) -> None:
    shutil.rmtree(results / ".store")
    _, compared = verify(results)
    assert all(one.equal and one.exact and one.same_state is None for one in compared)
    assert not (results / ".store").exists()


def test_a_stored_digest_of_another_state_is_found(results: Path) -> None:
    segment = read_records(results / "tiny").trials[1].segments[1]
    change(fact(results, "segments", segment.key), "state", "sha256:" + "0" * 64)
    _, compared = verify(results)
    assert differing(compared) == ["linear, replicate 1, draw 0, steps 3 to 4"]
    wrong = next(one for one in compared if not one.equal)
    assert (wrong.same_state, wrong.loss, wrong.score) == (False, 0.0, 0.0)


def test_a_stored_loss_that_is_none_or_off_by_a_bit_is_found(results: Path) -> None:
    segments = read_records(results / "tiny").trials[0].segments
    change(fact(results, "segments", segments[0].key), "loss", None)
    path = fact(results, "segments", segments[2].key)
    change(path, "loss", math.nextafter(json.loads(path.read_text())["loss"], math.inf))
    _, compared = verify(results)
    assert differing(compared) == [compared[0].sampled.name, compared[2].sampled.name]
    assert compared[0].loss == math.inf
    assert 0.0 < compared[2].loss < 1e-15


@pytest.mark.parametrize("where", ["store", "validation", "test"])
def test_a_score_that_was_changed_is_found(results: Path, where: str) -> None:
    records = results / "tiny" / "records"
    best = read_records(results / "tiny").confirmations[0]
    rung = best.rungs[best.best_rung]
    path = records / "confirmations" / "baseline.r0.s0.json"
    if where == "store":
        change(fact(results, "evaluations", rung.evaluation), "metrics", {"accuracy": rung.score + 0.125})
    elif where == "test":
        change(path, "test_score", best.test_score + 0.125)
    else:
        found = json.loads(path.read_text())
        found["rungs"][best.best_rung]["score"] += 0.125
        rewrite(path, found)
    _, compared = verify(results)
    wrong = [one for one in compared if not one.equal]
    assert [one.sampled.tested for one in wrong] == [read_records(results / "tiny").confirmations[0]]
    assert wrong[0].score == pytest.approx(0.125)
    assert wrong[0].same_state


def test_a_state_that_fits_its_own_digest_but_not_the_facts_is_found(results: Path) -> None:
    """As where two machines that compute other bits shared a store: one's facts, another's state."""
    store = Store(results / ".store")
    for path in list((results / ".store" / "states").iterdir()):
        tensors = store.state(path.stem)
        assert tensors is not None
        tensors["model/head.1.bias"] += 1e-3
        path.unlink()
        store.put_state(path.stem, tensors, state_digest(tensors), 1.0, 1.0)
    _, compared = verify(results, 4)
    assert [one.equal for one in compared] == [one.sampled.first == 0 for one in compared]
    assert differing(compared)


def test_another_class_of_numerics_is_told_and_compared_within_tolerance(results: Path) -> None:
    head = read_run(results / "tiny")
    assert head is not None
    device = head.device.model_copy(update={"name": "another processor"})
    versions = {**head.versions, "torch": "1.0"}
    write_run(results / "tiny", head.model_copy(update={"device": device, "versions": versions}))
    for path in (results / "tiny" / "records" / "trials").iterdir():
        found = json.loads(path.read_text())
        for number, segment in enumerate(found["segments"]):
            segment["key"] = f"sha256:{path.name}{number}"  # as another class would name it
        rewrite(path, found)
    verification, compared = verify(results)
    assert verification.others[0] == f"device: another processor -> {head.device.name}"
    assert verification.others[1].startswith("torch: 1.0 -> ")
    trials = [one for one in compared if isinstance(one.sampled.item, Trial)]
    assert all(one.equal and not one.exact and one.same_state is None for one in trials)


def test_on_a_device_without_exact_sums_another_state_is_taken_as_alike(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = read_records(results / "tiny").trials[1].segments[1]
    change(fact(results, "segments", segment.key), "state", "sha256:" + "0" * 64)
    monkeypatch.setattr("hpo.runtime.again.EXACT", ())
    _, compared = verify(results)
    assert all(one.equal and not one.exact for one in compared)
    assert [one.same_state for one in compared].count(False) == 1


def test_a_difference_beyond_the_tolerance_differs_in_any_class(results: Path) -> None:
    one = verify(results, 1)[1][0]
    changed = {"sampled": one.sampled, "exact": False, "same_state": None}
    assert Compared(**changed, loss=0.05, score=0.02).equal
    assert not Compared(**changed, loss=0.051, score=0.0).equal
    assert not Compared(**changed, loss=0.0, score=0.021).equal


def test_the_sample_is_the_same_each_time_and_spread_over_the_strategies(results: Path) -> None:
    def sample(size: int) -> list[str]:
        return [s.name for s in Verification(results / "tiny", results / ".store", size).sample]

    assert sample(3) == sample(3)
    strategies = Counter(name.split(",")[0] for name in sample(5))
    assert strategies == {"linear": 2, "baseline": 2, "cosine_with_restarts": 1}
    assert set(sample(3)) < set(sample(5)) < set(sample(99))
    assert len(sample(99)) == 10


def test_a_segment_of_several_trials_is_drawn_once(results: Path) -> None:
    first = read_records(results / "tiny").trials[0]
    write_trial(results / "tiny", first.model_copy(update={"draw": 1, "duplicate_of": 0}))
    verification = Verification(results / "tiny", results / ".store", 99)
    assert verification.segments == len(verification.sample) == 10


def test_records_without_a_segment_are_refused(results: Path) -> None:
    for path in (results / "tiny" / "records").glob("*/*.json"):
        path.unlink()
    with pytest.raises(UserError, match="records no trained segment yet") as caught:
        verify(results)
    assert caught.value.hint == "Let `hpo run` finish a trial first; `hpo status` shows how far it is."


def test_other_data_are_refused(results: Path) -> None:
    head = read_run(results / "tiny")
    assert head is not None
    split = head.split.model_copy(update={"sha256": "0" * 64})
    write_run(results / "tiny", head.model_copy(update={"split": split}))
    with pytest.raises(UserError) as caught:
        verify(results)
    assert caught.value.message == (
        f"{results / 'tiny'} was trained on other data or weights:\n"
        f"  data, SHA-256: 000000000000 -> {head.split.sha256[:12]}"
    )
    assert caught.value.hint == "Bring back those that it began with."


def test_a_training_that_this_version_cuts_otherwise_is_told(results: Path) -> None:
    path = results / "tiny" / "records" / "confirmations" / "baseline.r0.s0.json"
    found = json.loads(path.read_text())
    found["segments"][0]["steps"] = 3
    rewrite(path, found)
    with pytest.raises(UserError, match="cuts the training into other segments"):
        verify(results)
