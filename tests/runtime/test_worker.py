"""Exactness: however a training was interrupted, forked, shared or robbed of its states, its bits are the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hpo.data.shifts import ShiftSet
from hpo.data.task_data import Part, TaskData
from hpo.errors import UserError
from hpo.models.classifier import Classifier
from hpo.models.pretrained import Pretrained
from hpo.records.setup import ShiftInfo
from hpo.runtime import worker as worker_module
from hpo.runtime.jobs import UNTRAINED, Job
from hpo.runtime.worker import Worker
from hpo.training.backward import Backward
from hpo.training.held import HeldStates
from hpo.training.loop import Trained, train_segment
from hpo.training.warm import WarmModels
from tests.runtime.trainings import RUNGS, Desk, digests, facts, job, train

# Frozen layers and pooling: token ids; hidden states of all tokens; of the first alone; of all behind the last layer.
READS = [(0, "cls"), (1, "cls"), (2, "mean"), (3, "cls"), (3, "mean")]
AUGMENTED: dict[str, Any] = {"augmentation": "random_swap", "augmentation_strength": 0.5}


def remove(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        path.unlink()


@pytest.mark.parametrize(
    "steps",
    [
        {"optimizer": "adamw"},
        {"optimizer": "adam"},
        {"optimizer": "sgd"},
        {"optimizer": "adafactor"},
        {"optimizer": "schedule_free_adamw", "warmup_ratio": 0.05},
        {"optimizer": "adamw", "accumulation": 3},
    ],
    ids=lambda steps: "-".join(str(value) for value in steps.values()),
)
@pytest.mark.parametrize(("frozen", "pooling"), READS)
def test_a_training_of_workers_that_start_anew_equals_one_of_a_worker_that_never_stopped(
    desk: Desk, tmp_path: Path, steps: dict[str, Any], frozen: int, pooling: str
) -> None:
    given: dict[str, Any] = {"frozen_layers": frozen, "pooling": pooling, **steps}
    whole = desk.worker(tmp_path / "whole")
    expected = train(whole, **given)
    for rung in range(RUNGS):
        done = desk.worker(tmp_path / "pieces").do(job(rung, **given))
        assert done.trained == 1
        assert done.retrained_seconds == 0.0
    again = desk.worker(tmp_path / "pieces")
    assert facts(train(again, **given)) == facts(expected)
    assert len(digests(whole, **given)) == RUNGS
    assert digests(again, **given) == digests(whole, **given)


def test_a_training_with_mixup_that_goes_on_in_other_workers_has_the_same_bits(
    desk: Desk, tmp_path: Path
) -> None:
    whole = desk.worker(tmp_path / "whole")
    expected = train(whole, mixup_alpha=0.4)
    for rung in range(RUNGS):
        desk.worker(tmp_path / "pieces").do(job(rung, mixup_alpha=0.4))
    again = desk.worker(tmp_path / "pieces")
    assert facts(train(again, mixup_alpha=0.4)) == facts(expected)
    assert digests(again, mixup_alpha=0.4) == digests(whole, mixup_alpha=0.4)
    assert digests(whole) == []  # nothing of it is taken for a training without mixup


@pytest.mark.parametrize(("frozen", "pooling"), [(0, "cls"), (2, "mean"), (3, "cls")])
@pytest.mark.parametrize(
    ("trunk", "branch", "parted"),
    [
        ({"schedule": "linear", "warmup_ratio": 0.5}, {"schedule": "cosine", "warmup_ratio": 0.5}, 6),
        ({"schedule": "constant"}, {"schedule": "wsd", "schedule_decay_ratio": 0.25}, 10),
        ({"schedule": "wsd", "epochs": 6.0}, {"schedule": "wsd", "epochs": 3.0}, 10),
        ({"schedule": "wsd"}, {"schedule": "wsd", "schedule_decay_shape": "one_minus_sqrt"}, 10),
        ({"schedule": "constant", "epochs": 2.0}, {"schedule": "constant", "epochs": 3.0}, 8),
        (
            {"optimizer": "schedule_free_adamw", "epochs": 2.0},
            {"optimizer": "schedule_free_adamw", "epochs": 3.0},
            8,
        ),
        (
            {"optimizer": "adafactor", "schedule": "constant"},
            {"optimizer": "adafactor", "schedule": "wsd"},
            10,
        ),
        ({"accumulation": 3, "schedule": "constant"}, {"accumulation": 3, "schedule": "wsd"}, 10),
        (
            {"schedule": "one_cycle", "warmup_ratio": 0.5},
            {"schedule": "one_cycle", "warmup_ratio": 0.5, "schedule_final_div_factor": 10.0},
            6,
        ),
    ],
    ids=[
        "warmup",
        "trunk",
        "horizon",
        "shape",
        "longer",
        "longer without a schedule",
        "adafactor",
        "in parts",
        "one-cycle",
    ],
)
def test_a_fork_equals_an_unbroken_training_by_the_digest_of_its_states(
    desk: Desk,
    tmp_path: Path,
    trunk: dict[str, Any],
    branch: dict[str, Any],
    parted: int,
    frozen: int,
    pooling: str,
) -> None:
    reads: dict[str, Any] = {"frozen_layers": frozen, "pooling": pooling}
    forks = ((3.0, 0.2), (3.0, 0.25), (6.0, 0.2))
    first = desk.worker(tmp_path / "forked", forks=forks)
    rungs = len(first.recall.course(job(**trunk, **reads).parameters, 1).rungs)
    for rung in range(rungs):
        first.do(job(rung, **trunk, **reads))
    second = desk.worker(tmp_path / "forked", forks=forks)
    course = second.recall.course(job(**branch, **reads).parameters, 1)
    shared = sum(cut.step <= parted for cut in course.cuts)
    forked = train(second, **branch, **reads)
    assert course.segment_start(shared) == parted
    assert sum(done.trained for done in forked) == len(course.cuts) - shared
    assert sum(done.retrained_seconds for done in forked) == 0.0
    alone = desk.worker(tmp_path / "alone", forks=forks)
    assert facts(forked) == facts(train(alone, **branch, **reads))
    assert digests(second, **branch, **reads) == digests(alone, **branch, **reads)


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor", "schedule_free_adamw"])
def test_evaluations_change_no_bit_of_what_is_trained(desk: Desk, tmp_path: Path, optimizer: str) -> None:
    given: dict[str, Any] = {"optimizer": optimizer, "schedule": "constant"}
    evaluated, trained = desk.worker(tmp_path / "evaluated"), desk.worker(tmp_path / "trained")
    train(evaluated, **given)
    last = trained.do(job(RUNGS - 1, **given))
    assert last.trained > 1
    assert digests(trained, **given)[-1] == digests(evaluated, **given)[-1]


@pytest.mark.parametrize(("frozen", "pooling"), READS)
def test_a_lost_or_damaged_state_is_trained_again_with_the_same_bits(
    desk: Desk, tmp_path: Path, frozen: int, pooling: str
) -> None:
    given: dict[str, Any] = {"frozen_layers": frozen, "pooling": pooling, **AUGMENTED}
    first = desk.worker(tmp_path / "a")
    for rung in range(2):
        first.do(job(rung, **given))
    for number, path in enumerate(sorted((tmp_path / "a" / "states").iterdir())):
        if number == 0:
            path.unlink()
        else:
            data = bytearray(path.read_bytes())
            data[-5] ^= 1
            path.write_bytes(data)
    again = desk.worker(tmp_path / "a")
    done = train(again, **given)
    alone = desk.worker(tmp_path / "b")
    assert facts(done) == facts(train(alone, **given))
    assert digests(again, **given) == digests(alone, **given)
    assert done[2].trained == 3
    assert 0 < done[2].retrained_seconds < done[2].seconds["train"]
    assert [text for d in done for text in d.warnings if "was damaged" in text]


def test_damaged_hidden_states_are_computed_again_with_the_same_bits(desk: Desk, tmp_path: Path) -> None:
    first = desk.worker(tmp_path / "a")
    first.do(job(0))
    for path in (tmp_path / "a" / "prefixes").iterdir():
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data)
    again = desk.worker(tmp_path / "a")
    assert facts(train(again)) == facts(train(desk.worker(tmp_path / "b")))
    assert digests(again) == digests(desk.worker(tmp_path / "b"))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("frozen", [2, 3])
def test_hidden_states_have_the_same_bits_in_whatever_order_depths_are_passed(
    desk: Desk, tmp_path: Path, frozen: int, pooling: str
) -> None:
    given: dict[str, Any] = {"frozen_layers": frozen, "pooling": pooling, **AUGMENTED}
    wanted = desk.worker(tmp_path / "alone", depths=(frozen,))  # one pass through all of them
    train(wanted, **given)
    found = []
    for number, order in enumerate([(1, 2, 3), (3, 2, 1), (2, 1, 3)]):
        worker = desk.worker(tmp_path / str(number))
        for depth in order:
            train(worker, **{**given, "frozen_layers": depth})
        found.append(digests(worker, **given))
    assert found == [digests(wanted, **given)] * 3


@pytest.mark.parametrize(("frozen", "pooling"), READS[1:])
def test_a_store_without_room_for_hidden_states_changes_no_bit(
    desk: Desk, tmp_path: Path, frozen: int, pooling: str
) -> None:
    given: dict[str, Any] = {"frozen_layers": frozen, "pooling": pooling, **AUGMENTED}
    wanted = desk.worker(tmp_path / "roomy")
    expected = train(wanted, **given)
    without = desk.worker(tmp_path / "none", limit=0)
    assert facts(train(without, **given)) == facts(expected)
    assert not list((tmp_path / "none" / "prefixes").iterdir())
    evicted = desk.worker(tmp_path / "evicted")
    for rung in range(RUNGS):
        evicted.do(job(rung, **given))
        remove(tmp_path / "evicted" / "prefixes")
        evicted = desk.worker(tmp_path / "evicted")
    for worker in (without, evicted):
        assert digests(worker, **given) == digests(wanted, **given)


def test_beginning_at_a_depth_trains_as_the_whole_body_does(desk: Desk, tmp_path: Path) -> None:
    """Equal in mathematics, not in the order of sums, over twelve steps."""
    given: dict[str, Any] = {"frozen_layers": 2, "dropout": 0.0}
    begun, whole = desk.worker(tmp_path / "a"), desk.worker(tmp_path / "b", largest=0)
    courses = [worker.recall.course(job(**given).parameters, 1) for worker in (begun, whole)]
    assert [course.start for course in courses] == [2, 0]
    pairs = zip(train(begun, **given), train(whole, **given), strict=True)
    for found, wanted in pairs:
        assert found.rung is not None
        assert wanted.rung is not None
        assert found.rung.train_loss == pytest.approx(wanted.rung.train_loss, rel=1e-4)
        assert found.rung.loss == pytest.approx(wanted.rung.loss, rel=1e-4)
        assert not wanted.passes


@pytest.mark.parametrize("changed", ["train", "validation"])
def test_what_a_worker_computed_from_a_file_changed_since_is_refused(
    pretrained: Pretrained, task: TaskData, tmp_path: Path, changed: str
) -> None:
    mine, part = Desk(pretrained, task).worker(tmp_path), getattr(task, changed)
    mine.recall.refuse_others(job(1), mine.do(job(1)))
    other = Part(part.texts, part.labels[::-1].copy())
    worker = Desk(pretrained, replace(task, **{changed: other})).worker(tmp_path)
    with pytest.raises(UserError, match="a file was changed under it"):
        mine.recall.refuse_others(job(1), worker.do(job(1)))


def test_nothing_is_trained_twice(desk: Desk, tmp_path: Path) -> None:
    first = train(desk.worker(tmp_path))
    again = train(desk.worker(tmp_path))
    assert [d.trained for d in first] == [1, 1, 1]
    assert [d.trained for d in again] == [0, 0, 0]
    kept = {"segments", "rung", "passes"}
    assert [d.model_dump(include=kept) for d in again] == [d.model_dump(include=kept) for d in first]
    assert all(d.seconds["train"] == d.seconds["pass"] == d.seconds["evaluate"] == 0 for d in again)


def test_a_pass_is_made_once_for_all_trainings_that_read_it(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path)
    first = train(worker, frozen_layers=2)
    assert len({p.key for d in first for p in d.passes}) == 4  # two depths of two splits
    other = train(worker, frozen_layers=2, learning_rate=1e-3, head_hidden_sizes=(4,))
    assert sum(d.trained for d in other) == 3
    assert all(d.seconds["pass"] == 0 for d in other)
    assert [p for d in other for p in d.passes] == [p for d in first for p in d.passes]
    deeper = train(worker, frozen_layers=3)
    assert deeper[0].seconds["pass"] > 0
    assert len({p.key for p in deeper[0].passes} - {p.key for p in first[0].passes}) == 2


def test_a_training_is_charged_the_passes_that_it_read_and_no_others(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path)
    first = worker.do(job(0, **AUGMENTED))
    last = worker.do(job(2, **AUGMENTED))
    assert len(first.passes) == 2  # an epoch of the training split, the validation split
    assert len(last.passes) == 4
    assert not desk.worker(tmp_path).do(job(0, frozen_layers=0)).passes


def test_only_segments_of_gone_states_are_counted_as_trained_again(desk: Desk, tmp_path: Path) -> None:
    kept = desk.worker(tmp_path / "kept")
    train(kept, schedule="constant")
    branch = train(kept, schedule="wsd")  # parts from constant in its last fifth
    assert [d.retrained_seconds for d in branch] == [0.0] * 3
    lost = desk.worker(tmp_path / "lost")
    train(lost, schedule="constant")
    remove(tmp_path / "lost" / "states")
    again = train(desk.worker(tmp_path / "lost"), schedule="wsd")
    assert sum(d.retrained_seconds for d in again) > 0.0
    assert sum(d.trained for d in again) > sum(d.trained for d in branch)
    assert facts(again) == facts(branch)


def test_an_evaluation_killed_after_its_segment_is_made_up_for(desk: Desk, tmp_path: Path) -> None:
    expected = train(desk.worker(tmp_path))
    shutil.rmtree(tmp_path / "evaluations")
    again = train(desk.worker(tmp_path))
    assert facts(again) == facts(expected)
    assert [d.trained for d in again] == [0, 0, 1]  # the last state is kept in memory alone


def test_a_loss_that_is_no_number_ends_the_training_with_a_reason(desk: Desk, tmp_path: Path) -> None:
    wild: dict[str, Any] = {
        "optimizer": "sgd",
        "learning_rate": 1e30,
        "schedule": "constant",
        "gradient_clip": 1e30,
    }
    done = desk.worker(tmp_path).do(job(0, **wild))
    assert done.rung is None
    assert done.diverged == (
        "diverged: the training loss or its gradient was not finite by 64 examples; "
        "lower learning_rate or gradient_clip"
    )
    assert done.segments[0].seconds > 0.0
    assert not list((tmp_path / "states").iterdir())
    again = desk.worker(tmp_path).do(job(0, **wild))
    assert again.trained == 0
    assert facts([again]) == facts([done])


def test_the_untrained_state_can_be_scored(desk: Desk, tmp_path: Path) -> None:
    for frozen in (0, 1, 3):
        done = desk.worker(tmp_path).do(job(UNTRAINED, frozen_layers=frozen))
        assert done.rung is not None
        assert (done.rung.examples, done.rung.steps, done.trained) == (0, 0, 0)
        assert done.rung.loss == pytest.approx(0.693, abs=0.1)


def test_the_test_split_is_scored_item_by_item_once_it_is_open(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path)
    train(worker)
    with pytest.raises(AssertionError, match="opened when the search is over"):
        worker.do(job(2, split="test"))
    worker.recall.open_test(desk.loaded().test_sets)
    done = worker.do(job(2, split="test"))
    assert done.rung is None
    assert done.test is not None
    assert len(done.test.predictions) == len(done.test.correct) == 60
    assert done.test.score == pytest.approx(sum(done.test.correct or ()) / 60)
    assert done.trained == 0
    early = worker.do(job(0, split="test"))
    assert early.trained == 0  # from its stored state
    assert early.test is not None
    assert early.test.evaluation != done.test.evaluation


@pytest.mark.parametrize("frozen", [0, 2])
def test_a_shift_set_is_scored_item_by_item_in_the_state_of_the_test_split(
    desk: Desk, tmp_path: Path, frozen: int
) -> None:
    """A set of the texts of the test split with all labels turned round: what was right is wrong."""
    loaded = desk.loaded()
    test = loaded.task.test
    info = ShiftInfo(name="turned", source="made up", licence="none", size=60, sha256="0")
    turned = ShiftSet(Part(test.texts, 1 - test.labels), info)
    worker = desk.worker(tmp_path)
    train(worker, frozen_layers=frozen)
    with pytest.raises(AssertionError, match="opened when the search is over"):
        worker.do(job(2, split="shift:turned", frozen_layers=frozen))
    worker.recall.open_test(replace(loaded, shifts=(turned,)).test_sets)
    own, other = (worker.do(job(2, split=s, frozen_layers=frozen)) for s in ("test", "shift:turned"))
    assert own.test is not None
    assert other.test is not None
    assert other.trained == own.trained == 0
    assert other.test.predictions == own.test.predictions
    assert other.test.correct == tuple(1 - right for right in own.test.correct or ())
    assert other.test.score == pytest.approx(1 - own.test.score)
    assert other.test.evaluation != own.test.evaluation
    assert other.passes == own.passes
    assert bool(other.passes) is (frozen > 0)


def test_a_refused_job_on_the_test_split_leaves_nothing_behind(desk: Desk, tmp_path: Path) -> None:
    asked = desk.worker(tmp_path / "a")
    with pytest.raises(AssertionError):
        asked.do(job(0, split="test"))
    assert facts(train(asked)) == facts(train(desk.worker(tmp_path / "b")))


def test_a_record_from_before_a_parameter_could_be_given_is_trained_with_its_default(
    desk: Desk, tmp_path: Path
) -> None:
    now = job(0)
    older = {
        n: v for n, v in now.parameters.items() if n not in ("beta1", "beta2", "epsilon", "accumulation")
    }
    first = desk.worker(tmp_path).do(now)
    again = desk.worker(tmp_path).do(now.model_copy(update={"parameters": older}))
    assert (first.trained, again.trained) == (1, 0)
    assert facts([again]) == facts([first])


def live(worker: Worker) -> Any:
    assert worker._live is not None
    return worker._live.model


def test_frozen_layers_keep_their_weights_and_draw_no_dropout(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path, largest=0)  # the whole body runs
    train(worker, frozen_layers=3, dropout=0.5)
    model = live(worker).train()
    assert set(model.trained()) == {"head.1.weight", "head.1.bias"}
    ids = torch.tensor([[2, 6, 7, 3]])
    mask = torch.ones_like(ids)
    hidden = [model.body(input_ids=ids, attention_mask=mask).last_hidden_state for _ in range(2)]
    assert torch.equal(hidden[0], hidden[1])
    theirs = worker.recall.of({}).pretrained.body.parameters()
    assert all(torch.equal(a, b) for a, b in zip(model.body.parameters(), theirs, strict=True))


def test_the_tiny_model_learns(desk: Desk, tmp_path: Path) -> None:
    done = train(desk.worker(tmp_path), epochs=12.0, frozen_layers=0)
    first, last = done[0].rung, done[-1].rung
    assert first is not None
    assert last is not None
    assert last.score > 0.85
    assert last.train_loss < first.train_loss


def test_a_training_goes_on_from_a_held_state_with_the_same_bits(desk: Desk, tmp_path: Path) -> None:
    wanted = desk.worker(tmp_path / "wanted")
    holding = desk.worker(tmp_path / "holding")
    holding._held = HeldStates(2**30)
    first = train(wanted, schedule="constant"), train(wanted, schedule="wsd")
    found = [train(holding, schedule="constant")]
    remove(tmp_path / "holding" / "states")
    found.append(train(holding, schedule="wsd"))
    assert [facts(done) for done in found] == [facts(done) for done in first]
    assert sum(done.retrained_seconds for done in found[1]) == 0
    for schedule in ("constant", "wsd"):
        assert digests(holding, schedule=schedule) == digests(wanted, schedule=schedule)


def test_held_states_give_way_when_the_memory_is_full(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = facts(train(desk.worker(tmp_path / "wanted")))
    holding = desk.worker(tmp_path / "holding")
    holding._held = HeldStates(2**30)
    begun = [holding.do(job(0))]

    def full(*given: Any, **named: Any) -> Trained:
        monkeypatch.setattr(worker_module, "train_segment", train_segment)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(worker_module, "train_segment", full)
    assert facts([*begun, holding.do(job(1)), holding.do(job(2))]) == wanted
    emptied = desk.worker(tmp_path / "emptied")
    monkeypatch.setattr(worker_module, "train_segment", full)
    assert emptied.do(job(0)).out_of_memory == "this machine has no memory left"


def test_trainings_that_take_up_each_others_models_have_the_same_bits(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Classifier, "runs_ahead", True)
    wanted, warm = desk.worker(tmp_path / "wanted"), desk.worker(tmp_path / "warm")
    warm._warm = WarmModels(warm._precision, Backward)
    models = set()
    for worker in (wanted, warm):
        for schedule, rate in (("constant", 3e-3), ("linear", 1e-3), ("constant", 3e-3), ("wsd", 3e-3)):
            for rung in range(RUNGS):
                sent = job(rung, schedule=schedule, learning_rate=rate, head_hidden_sizes=(8,))
                worker.do(Job.model_validate_json(sent.model_dump_json()))  # as between processes
            if worker is warm:
                models.add(id(live(worker)))
    assert len(models) == 1
    for schedule, rate in (("constant", 3e-3), ("linear", 1e-3), ("wsd", 3e-3)):
        given = {"schedule": schedule, "learning_rate": rate, "head_hidden_sizes": (8,)}
        assert len(digests(wanted, **given)) >= RUNGS
        assert digests(warm, **given) == digests(wanted, **given)


def test_kept_models_give_way_when_the_memory_is_full(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Classifier, "runs_ahead", True)
    worker = desk.worker(tmp_path)
    worker._warm = WarmModels(worker._precision, Backward)
    begun = [worker.do(job(0))]

    def full(*given: Any, **named: Any) -> Trained:
        monkeypatch.setattr(worker_module, "train_segment", train_segment)
        raise torch.OutOfMemoryError("CUDA out of memory")

    wanted = facts(train(desk.worker(tmp_path / "wanted")))
    monkeypatch.setattr(worker_module, "train_segment", full)
    assert facts([*begun, worker.do(job(1)), worker.do(job(2))]) == wanted
