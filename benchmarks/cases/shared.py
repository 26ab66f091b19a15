"""What all workers of a cluster share: the store's one lock, its count of files, and the coordinator's plans of courses."""

from __future__ import annotations

import multiprocessing
import os
import time
import tracemalloc
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import spaces
from benchmarks.data import open_space
from benchmarks.replay import Bench

if TYPE_CHECKING:
    from hpo.training.store import Store

SECONDS = 5.0  # in which facts are stored
FILES = 10_000  # states
ARRAYS = 300  # of a state: the trained weights of a model, with their moments
STEPS = 1_000  # of a course


def shared(bench: Bench) -> dict[str, Any]:
    """Facts stored a second by processes side by side; opening a store of many states, and making room in it; a course."""
    figures: dict[str, Any] = {"load of the machine at its begin": os.getloadavg()[0]}
    for count in (1,) if bench.small else (1, 2, 4):
        seconds = 0.2 if bench.small else SECONDS
        figures[f"facts stored a second, {count} writers"] = _facts(
            bench.folder / f"facts-{count}", count, seconds
        )
    figures |= _quota(bench.folder / "quota", 20 if bench.small else FILES)
    figures |= _course(bench)
    return {"repeats": 1, "ratios": {}, "figures": figures}


def _facts(folder: Path, writers: int, seconds: float) -> float:
    """By so many processes in one store."""
    from hpo.training.store import Store

    Store(folder, limit=10**9)
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    processes = [context.Process(target=_store, args=(folder, n, seconds, told)) for n in range(writers)]
    for process in processes:
        process.start()
    stored = sum(told.get() for _ in processes)
    for process in processes:
        process.join()
    return float(stored) / seconds


def _store(folder: Path, writer: int, seconds: float, told: Any) -> None:
    from hpo.training.facts import SegmentFacts
    from hpo.training.store import Store

    store, count = Store(folder, limit=10**9), 0
    facts = SegmentFacts(loss=0.5, seconds=1.0, state="sha256:" + "0" * 64)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        store.put_segment(f"sha256:{writer:032x}{count:032x}", facts)
        count += 1
    told.put(count)


def _quota(folder: Path, files: int) -> dict[str, float]:
    """A store full of states: opened, and asked for room for one more, while another process stores facts."""
    import torch

    from hpo.training.states import state_digest
    from hpo.training.store import Store

    state = {
        f"optimizer/exp_avg/encoder.layer.{n}.output.dense.weight": torch.zeros(1) for n in range(ARRAYS)
    }
    digest = state_digest(state)
    store = Store(folder, limit=10**9)
    for number in range(files):
        store.put_state(f"sha256:{number:064x}", state, digest, seconds=60.0, chance=0.5)
    used = sum(path.stat().st_size for path in (folder / "states").iterdir())
    os.sync()  # else the first fact waits for all these states to reach the disk
    began = time.perf_counter()
    store = Store(folder, limit=used)
    opened = time.perf_counter() - began
    context = multiprocessing.get_context("fork")
    stop, told = context.Event(), context.SimpleQueue()
    other = context.Process(target=_wait, args=(store, stop, told))
    other.start()
    told.get()
    began = time.perf_counter()
    store.put_state("sha256:" + "f" * 64, state, digest, seconds=60.0, chance=0.5)
    made = time.perf_counter() - began
    stop.set()
    longest = told.get()
    other.join()
    return {
        f"seconds to open a store of {files:,d} states": opened,
        f"seconds to make room among {files:,d} states": made,
        "seconds that a fact waited at most while room was made": longest,
    }


def _wait(store: Store, stop: Event, told: Any) -> None:
    """Store facts; tell when that has begun, and how long one took at most."""
    from hpo.training.facts import SegmentFacts

    facts = SegmentFacts(loss=0.5, seconds=1.0, state="sha256:" + "0" * 64)
    count, longest = 0, 0.0
    while not stop.is_set():
        began = time.perf_counter()
        store.put_segment(f"sha256:{count:064x}", facts)
        longest = max(longest, time.perf_counter() - began)
        count += 1
        if count == 1:
            longest = 0.0
            told.put(0.0)
    told.put(longest)


def _course(bench: Bench) -> dict[str, float]:
    from hpo.config.parameters import complete
    from hpo.runtime.loading import load
    from hpo.training.store import Store

    data = spaces.workers(bench.small, depth=0)
    data["parameters"]["epochs"] = STEPS * 16 / data["task"]["train"]
    experiment = open_space(bench.space("course", data)).experiment
    recall = load(experiment, "cpu").recall(Store(bench.folder / "courses", 10**9), ())
    parameters = complete({name: experiment.trial_values(name)[0] for name in experiment.parameters})
    recall.course({**parameters, "learning_rate": 1e-4}, seed=1)  # texts of the epochs are made once
    began = time.process_time()
    course = recall.course(parameters, seed=1)
    ms = 1000 * (time.process_time() - began)
    assert course.steps == STEPS
    tracemalloc.start()
    recall.course({**parameters, "learning_rate": 2e-4}, seed=1)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        f"ms of the processor for a course of {STEPS:,d} steps": ms,
        f"kB of a course of {STEPS:,d} steps": kept / 1000,
    }
