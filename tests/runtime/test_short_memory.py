"""A worker whose memory is too small, simulated: what it answers, what it leaves, and what it trains in parts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hpo.models.classifier import Classifier
from hpo.runtime import memory
from hpo.runtime import parts as parts_module
from hpo.runtime import worker as worker_module
from hpo.runtime.jobs import Done, Job
from hpo.runtime.memory import Usage, free_memory, ran_out
from hpo.runtime.parts import DoesNotFitError, as_trained, fitting, in_more_parts
from hpo.training.backward import Backward
from hpo.training.keys import segment_key
from tests.runtime.trainings import RUNGS, Desk, digests, facts, job, train


def holds(monkeypatch: pytest.MonkeyPatch, texts: int) -> None:
    """Have the memory hold so many texts of a step."""
    whole = Backward.__call__

    def call(self: Backward, batch: Any, share: float = 1.0) -> Tensor:
        if len(batch[0]) > texts:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return whole(self, batch, share)

    monkeypatch.setattr(Backward, "__call__", call)


@pytest.mark.parametrize(
    "ask",
    [lambda: torch.empty(2**60, dtype=torch.uint8), lambda: np.empty(2**60, np.uint8)],
    ids=["torch", "numpy"],
)
def test_what_the_allocators_of_a_cpu_say_is_understood(ask: Callable[[], Any]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        ask()
    assert ran_out(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: not enough memory: you tried"
        ),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)"),
    ],
    ids=["torch", "driver", "cublas", "windows", "mps"],
)
def test_what_devices_say_of_their_memory_is_understood(error: RuntimeError) -> None:
    assert ran_out(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), ValueError("out of memory")],
)
def test_other_errors_are_bugs(
    error: Exception, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ran_out(error)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(worker_module, "train_segment", fail)
    with pytest.raises(type(error), match=str(error)[:12]):
        desk.worker(tmp_path).do(job(0))


def test_a_job_that_does_not_fit_is_an_outcome_that_leaves_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds(monkeypatch, 8)
    worker = desk.worker(tmp_path)
    done = worker.do(job(0))
    assert done.out_of_memory == "this machine has no memory left"
    assert (done.rung, done.segments, done.trained, done.diverged) == (None, (), 0, None)
    assert not [*(tmp_path / "segments").iterdir(), *(tmp_path / "states").iterdir()]
    assert worker.do(job(0, batch_size=8)).trained == 1


@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_in_parts_it_is_trained_as_where_there_is_memory_enough(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: int
) -> None:
    given: dict[str, Any] = {"accumulation": 2, "frozen_layers": frozen, "dropout": 0.2}
    wanted = desk.worker(tmp_path / "wanted")
    expected = train(wanted, **given)
    holds(monkeypatch, 8)
    short = desk.worker(tmp_path / "short")
    found = []
    for rung in range(RUNGS):
        assert short.do(job(rung, **{**given, "accumulation": 1})).out_of_memory
        found.append(short.do(job(rung, **given)))
    assert facts(found) == facts(expected)
    assert len(digests(wanted, **given)) == RUNGS
    assert digests(short, **given) == digests(wanted, **given)


def evaluates(monkeypatch: pytest.MonkeyPatch, texts: int) -> None:
    """Have the memory hold so many texts of an evaluation."""
    whole = Classifier.forward

    def forward(self: Classifier, given: Tensor, mask: Tensor) -> Tensor:
        if not self.training and len(given) > texts:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return whole(self, given, mask)

    monkeypatch.setattr(Classifier, "forward", forward)


def test_an_evaluation_is_made_in_smaller_batches_only_where_no_equal_bits_are_promised(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = desk.worker(tmp_path / "wanted").do(job(0)).rung
    assert wanted is not None
    evaluates(monkeypatch, 3)
    assert desk.worker(tmp_path / "exact").do(job(0)).out_of_memory
    monkeypatch.setattr(parts_module, "EXACT", ())
    found = desk.worker(tmp_path / "smaller").do(job(0)).rung
    assert found is not None
    assert found.score == wanted.score
    assert found.loss == pytest.approx(wanted.loss, rel=1e-5)
    evaluates(monkeypatch, 0)
    assert desk.worker(tmp_path / "none").do(job(0)).out_of_memory


@pytest.mark.parametrize(
    ("texts", "given", "parts"),
    [(48, 1, [2, 4, 8, 16, 32, 48]), (16, 3, [6, 12, 16]), (1, 1, []), (4, 9, [])],
)
def test_parts_are_doubled_until_each_is_one_text(texts: int, given: int, parts: list[int]) -> None:
    found, training = [], in_more_parts({"batch_size": texts, "accumulation": given})
    while training is not None:
        found.append(training["accumulation"])
        training = in_more_parts(training)
    assert found == parts


def test_the_keys_of_a_training_tell_in_how_many_parts_it_was_made(desk: Desk, tmp_path: Path) -> None:
    recall = desk.worker(tmp_path).recall
    drawn = dict(job(0).parameters)
    for parts in (1, 2, 8, 16):
        course = recall.course({**drawn, "accumulation": parts}, 1)
        for segment in range(RUNGS):
            key = segment_key(*course.keys[segment : segment + 2])
            assert as_trained(recall, drawn, 1, key) == {**drawn, "accumulation": parts}
    assert as_trained(recall, drawn, 1, "of another machine") == drawn
    older = {name: value for name, value in drawn.items() if name != "accumulation"}
    key = segment_key(*recall.course({**drawn, "accumulation": 4}, 1).keys[:2])
    assert as_trained(recall, older, 1, key)["accumulation"] == 4


def test_a_training_is_told_that_its_job_does_not_fit() -> None:
    def training() -> Generator[Job, Done, str]:
        try:
            yield from fitting(job(0))
        except DoesNotFitError as error:
            return f"{error}, {error.done.trained}"
        return "fits"

    answers = []
    for done in (Done(), Done(out_of_memory="the GPU has no memory left", trained=2)):
        running = training()
        assert next(running) == job(0)
        with pytest.raises(StopIteration) as ended:
            running.send(done)
        answers.append(ended.value.value)
    assert answers == ["fits", "the GPU has no memory left, 2"]


def test_the_peak_of_this_process_is_seen_and_forgotten() -> None:
    usage = Usage(torch.device("cpu"))
    usage.begin()
    before = usage.now()
    if before is None:
        pytest.skip("this system does not tell")
    block = torch.ones(2**26, dtype=torch.uint8)
    with_block = usage.peak()
    assert with_block is not None
    assert with_block >= before + 0.9 * block.nbytes
    del block
    usage.begin()
    after = usage.now()
    assert after is not None
    assert after <= with_block - 0.9 * 2**26


@pytest.mark.parametrize(
    ("limit", "left"),
    [("5000000000", 5_000_000_000 - 4_000_000_000 + 500_000_000), ("max", None), ("3000000000", 0)],
)
def test_a_container_leaves_what_it_allows_and_what_files_in_memory_give_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int | None
) -> None:
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    outside = free_memory()
    assert outside > 2**30
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("4000000000\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 500000000\n")
    found = free_memory()
    assert found == left if left is not None else found > 2**30


def test_a_worker_is_killed_before_the_process_that_asks_it() -> None:
    if not Path("/proc/self/oom_score_adj").is_file():
        pytest.skip("this system has no such choice")
    own = Path("/proc/self/oom_score_adj")
    code = f"import hpo.runtime.memory as m; m.offer_to_be_killed(); print(open('{own}').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > int(own.read_text())


@pytest.fixture
def little_memory() -> Iterator[None]:
    """This process may map 256 MB more than it has."""
    resource = pytest.importorskip("resource", reason="this system has no limits of a process")
    status = Path("/proc/self/statm")
    if not status.is_file():
        pytest.skip("this system does not tell what is taken")
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_memory_that_is_really_too_small_is_told_and_the_next_job_is_done(
    desk: Desk, tmp_path: Path, little_memory: None
) -> None:
    worker = desk.worker(tmp_path)
    large = job(0, frozen_layers=3, head_hidden_sizes=(65536, 2048))  # 540 MB of weights
    assert worker.do(large).out_of_memory == "this machine has no memory left"
    assert worker.do(job(0, frozen_layers=3, head_hidden_sizes=(8,))).trained == 1
