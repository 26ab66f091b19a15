from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from hpo.errors import UserError
from hpo.training.facts import EvaluationFacts, ItemFacts, PassFacts, SegmentFacts
from hpo.training.prefix_files import Prefix
from hpo.training.states import state_digest
from hpo.training.store import Store
from hpo.training.tensor_files import TensorFile

Tensors = dict[str, Tensor]
KEY = "sha256:" + "ab" * 32


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, warnings: list[str]) -> Store:
    return Store(tmp_path, warn=warnings.append)


def tensors(size: int = 12, seed: int = 0) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    return {
        "model/weight": torch.randn(size, 4, generator=generator),
        "model/half": torch.randn(size, generator=generator).bfloat16(),
        "optimizer/step/weight": torch.tensor(7.0),
    }


def facts(state: str = "sha256:1") -> SegmentFacts:
    return SegmentFacts(loss=0.5, seconds=2.0, state=state)


def put(store: Store, key: str, given: Tensors, seconds: float = 1.0, chance: float = 1.0) -> None:
    store.put_state(key, given, state_digest(given), seconds, chance)


def prefix(rows: int = 9, size: int = 6, seconds: float = 1.0) -> Prefix:
    """Of two texts, the first of three rows."""
    return Prefix(
        values=np.random.default_rng(1).standard_normal((rows, size), np.float32),
        passes="sha256:0",
        texts=np.arange(32, dtype=np.uint8).reshape(2, 16),
        ends=np.array([3, rows]),
        seconds=np.array([0.25, 0.75]) * seconds,
    )


def put_prefix(store: Store, key: str = KEY) -> Prefix:
    given = prefix()
    store.put_prefix(key, given, 1.0)
    return given


def held(folder: Path) -> int:
    return sum(
        p.stat().st_size for name in ("states", "prefixes", "partial") for p in (folder / name).iterdir()
    )


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_state_comes_back_with_its_types_and_bits(store: Store, tmp_path: Path) -> None:
    given = tensors()
    assert not store.has_state(KEY)
    put(store, KEY, given)
    assert store.has_state(KEY)
    found = Store(tmp_path).state(KEY)
    assert found is not None
    assert list(found) == sorted(given)
    for name, tensor in given.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_state_is_a_safetensors_file_for_others_too(store: Store, tmp_path: Path) -> None:
    given = tensors()
    put(store, KEY, given)
    (path,) = (tmp_path / "states").iterdir()
    assert path.name == "ab" * 32 + ".safetensors"
    assert state_digest(load_file(path)) == state_digest(given)


def test_a_prefix_comes_back_mapped_and_read_only(store: Store) -> None:
    given = put_prefix(store)
    found = store.prefix(KEY)
    assert found is not None
    assert found.passes == given.passes
    for name in ("values", "texts", "ends", "seconds"):
        array, wanted = getattr(found, name), getattr(given, name)
        assert isinstance(array, np.memmap)
        assert array.dtype == wanted.dtype
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, wanted)
    assert store.prefix_keys() == [KEY.removeprefix("sha256:")]
    assert store.prefix(store.prefix_keys()[0]) is not None


def test_what_a_prefix_holds_is_told_without_using_it(store: Store, tmp_path: Path) -> None:
    given = put_prefix(store)
    (path,) = (tmp_path / "prefixes").iterdir()
    os.utime(path, (1000, 1000))
    found = store.prefix_texts(KEY)
    assert found is not None
    assert found[0] == given.passes
    np.testing.assert_array_equal(found[1], given.texts)
    assert path.stat().st_mtime == 1000
    path.write_bytes(b"")
    assert store.prefix_texts(KEY) is None
    assert path.exists()


def test_what_is_not_there_is_none_without_a_word(store: Store, warnings: list[str]) -> None:
    assert (store.segment(KEY), store.evaluation(KEY), store.state(KEY), store.prefix(KEY)) == (None,) * 4
    assert warnings == []


def test_facts_come_back_to_the_bit(store: Store, tmp_path: Path) -> None:
    segment = SegmentFacts(loss=0.1 + 0.2, seconds=1 / 3, state="sha256:1")
    evaluation = EvaluationFacts(
        metrics={"accuracy": 2 / 3},
        loss=None,
        seconds=1e-9,
        items=ItemFacts(losses=(0.5, 0.25), predictions=(0, 2)),
    )
    store.put_segment(KEY, segment)
    store.put_evaluation(KEY, evaluation)
    store.put_pass(KEY, PassFacts(seconds=0.7, spent=0.1))
    again = Store(tmp_path)
    assert again.segment(KEY) == segment
    assert again.evaluation(KEY) == evaluation
    assert again.passed(KEY) == PassFacts(seconds=0.7, spent=0.1)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "header", "data", "digest"])
@pytest.mark.parametrize("kind", ["states", "prefixes"])
def test_a_damaged_file_is_removed_with_a_warning_and_can_be_stored_again(
    kind: str, damage: str, store: Store, tmp_path: Path, warnings: list[str]
) -> None:
    put(store, KEY, tensors())
    put_prefix(store)
    path = next((tmp_path / kind).iterdir())
    data = bytearray(path.read_bytes())
    if damage in {"truncated", "emptied"}:
        del data[0 if damage == "emptied" else -3 :]
    else:
        at = {"header": 8, "data": -1, "digest": data.index(b"sha256:") + 9}[damage]
        data[at] ^= 4
    path.write_bytes(data)
    get = store.state if kind == "states" else store.prefix
    assert get(KEY) is None
    assert warnings == [f"{kind}/abababababab was damaged: removed, and computed again when needed"]
    assert not path.exists()
    put(store, KEY, tensors())
    put_prefix(store)
    assert get(KEY) is not None


def test_every_flipped_bit_of_a_state_is_seen(store: Store, tmp_path: Path) -> None:
    given = {"a": torch.tensor([1.5, -2.0])}
    put(store, KEY, given)
    path = next((tmp_path / "states").iterdir())
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    value = range(whole.index(b'"seconds"'), whole.index(b'"a"'))  # what a file is worth, not what it holds
    for bit in range(8 * len(whole)):
        if bit // 8 in value or (bit // 8 < start and whole[bit // 8] == 32):
            continue
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        found = store.state(KEY)
        assert found is None or state_digest(found) == state_digest(given), bit


def test_every_flipped_bit_of_facts_is_seen(store: Store, tmp_path: Path) -> None:
    store.put_segment(KEY, facts())
    store.put_evaluation(KEY, EvaluationFacts(metrics={"accuracy": 0.71}, loss=0.5, seconds=1.0))
    store.put_pass(KEY, PassFacts(seconds=0.75, spent=0.25))
    for kind, read in (
        ("segments", store.segment),
        ("evaluations", store.evaluation),
        ("passes", store.passed),
    ):
        path, known = next((tmp_path / kind).iterdir()), read(KEY)
        whole = path.read_bytes()
        assert known is not None
        for bit in range(8 * len(whole)):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            assert read(KEY) in (None, known), (kind, bit)


def test_facts_stored_before_there_were_checksums_are_read(store: Store, tmp_path: Path) -> None:
    store.put_segment(KEY, facts())
    next((tmp_path / "segments").iterdir()).write_text(facts().model_dump_json())
    assert store.segment(KEY) == facts()


def test_damaged_facts_are_work_to_be_done_again(store: Store, tmp_path: Path) -> None:
    store.put_segment(KEY, facts())
    next((tmp_path / "segments").iterdir()).write_bytes(b'{"loss": 0.5, "seco')
    assert store.segment(KEY) is None
    store.put_segment(KEY, facts())
    assert store.segment(KEY) == facts()


def test_the_first_writer_of_facts_wins_and_another_state_is_told_once(
    store: Store, warnings: list[str]
) -> None:
    store.put_segment(KEY, facts())
    store.put_segment(KEY, facts().model_copy(update={"seconds": 9.0}))
    assert store.segment(KEY) == facts()
    assert warnings == []
    store.put_segment(KEY, facts("sha256:2"))
    store.put_segment(KEY, facts("sha256:3"))
    assert store.segment(KEY) == facts()
    (told,) = warnings
    assert told == (
        "segment abababababab, trained again, ends in another state than the first time: this machine does not "
        "compute the same bits; `hpo verify RUN` shows by how much"
    )


def test_the_first_writer_of_a_state_wins(store: Store) -> None:
    put(store, KEY, tensors(seed=1))
    put(store, KEY, tensors(seed=2))
    found = store.state(KEY)
    assert found is not None
    assert state_digest(found) == state_digest(tensors(seed=1))


def test_the_least_worth_makes_room_and_of_equals_the_one_used_longest_ago(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, (seconds, chance) in enumerate([(9.0, 0.5), (2.0, 1.0), (9.0, 0.1), (2.0, 1.0)]):
        put(store, f"k{number}", tensors(), seconds, chance)
    size = held(tmp_path) // 4
    for number, path in enumerate(sorted((tmp_path / "states").iterdir())):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - number))
    left = []
    for fits in (3, 2, 1):
        store = Store(tmp_path, limit=fits * size + size // 3)
        left.append({f"k{n}" for n in range(4) if store.has_state(f"k{n}")})
    assert left == [{"k0", "k1", "k3"}, {"k0", "k1"}, {"k0"}]


def test_reading_makes_a_state_used(store: Store, tmp_path: Path) -> None:
    put(store, KEY, tensors())
    put_prefix(store)
    paths = [next((tmp_path / kind).iterdir()) for kind in ("states", "prefixes")]
    for path in paths:
        os.utime(path, (1000, 1000))
    store.state(KEY)
    store.prefix(KEY)
    assert all(path.stat().st_mtime > 1000 for path in paths)


def test_states_and_prefixes_share_one_limit(tmp_path: Path) -> None:
    store = Store(tmp_path, limit=1500)
    store.put_prefix("a", prefix(10, 10, seconds=5.0), chance=1.0)
    assert store.prefix("a") is not None
    put(store, "b", {"x": torch.zeros(200)})
    assert store.prefix("a") is None
    assert store.has_state("b")
    assert held(tmp_path) <= 1500


def test_a_file_larger_than_the_limit_is_left_out_and_nothing_goes_for_it(
    tmp_path: Path, warnings: list[str]
) -> None:
    store = Store(tmp_path, limit=1500, warn=warnings.append)
    put(store, "small", tensors())
    for key in ("large", "larger"):
        put(store, key, tensors(1000))
    assert store.has_state("small")
    assert not store.has_state("large")
    assert warnings == [
        "one of the states takes 0.0 MB, more than the store may hold: it is not stored; raise --store-limit"
    ]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fills_up_costs_the_state_alone(
    code: int, store: Store, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "before", tensors())

    def write(_: TensorFile, path: Path, *_past_cache: Any) -> None:
        path.write_bytes(b"begun")
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(TensorFile, "write", write)
        put(store, KEY, tensors())
        put_prefix(store)
    (told,) = warnings
    assert told == (
        f"{tmp_path}: {os.strerror(code)}: what cannot be stored is computed again when it is needed; "
        "free some space"
    )
    assert not store.has_state(KEY)
    assert list((tmp_path / "partial").iterdir()) == []
    assert store.state("before") is not None
    put(store, KEY, tensors())
    assert store.has_state(KEY)


def test_a_file_that_the_system_cuts_short_leaves_nothing(
    store: Store, tmp_path: Path, warnings: list[str]
) -> None:
    with largest_file(50_000):
        put(store, KEY, tensors(10_000))
    assert len(warnings) == 1
    assert held(tmp_path) == 0
    assert store.state(KEY) is None


def test_facts_that_a_full_disk_refuses_are_told_and_nothing_is_lost(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_segment("before", facts())

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        for write in (
            lambda: store.put_segment(KEY, facts()),
            lambda: store.put_evaluation(
                KEY, EvaluationFacts(metrics={"accuracy": 1.0}, loss=None, seconds=1.0)
            ),
        ):
            with pytest.raises(UserError, match="No space left on device") as caught:
                write()
            assert caught.value.hint == (
                "Free some space; then give the same command again: it goes on from what is recorded."
            )
    assert store.segment("before") == facts()
    assert store.segment(KEY) is None
    assert store.evaluation(KEY) is None
    assert list((tmp_path / "partial").iterdir()) == []


def test_an_interrupt_while_writing_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: TensorFile, path: Path, *_past_cache: Any) -> None:
        path.write_bytes(b"begun")
        raise KeyboardInterrupt

    monkeypatch.setattr(TensorFile, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        put(store, KEY, tensors())
    assert held(tmp_path) == 0
    assert (tmp_path / "used").read_text() == "0" * 20


def write_keys(folder: Path, seed: int, barrier: Barrier, told: Queue[list[str]]) -> None:
    warnings: list[str] = []
    store = Store(folder, warn=warnings.append)
    for number in range(30):
        given = tensors(seed=seed)
        barrier.wait(60)
        store.put_segment(f"k{number}", facts(state_digest(given)))
        put(store, f"k{number}", given)
    told.put(warnings)


def test_of_two_processes_that_write_one_key_one_wins_and_the_other_tells(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(2), context.Queue()
    other = context.Process(target=write_keys, args=(tmp_path, 1, barrier, told))
    other.start()
    write_keys(tmp_path, 2, barrier, told)
    warnings = [told.get(timeout=60) for _ in range(2)]
    other.join(60)
    assert other.exitcode == 0
    store = Store(tmp_path)
    digests = {state_digest(tensors(seed=seed)) for seed in (1, 2)}
    for number in range(30):
        known, found = store.segment(f"k{number}"), store.state(f"k{number}")
        assert known is not None
        assert found is not None
        assert {known.state, state_digest(found)} <= digests
    assert 1 <= sum(len(lines) for lines in warnings) <= 2
    assert int((tmp_path / "used").read_text()) == held(tmp_path)


def test_the_work_of_one_key_is_done_by_one_at_a_time(store: Store, tmp_path: Path) -> None:
    turns: list[str] = []

    def work(name: str) -> None:
        with Store(tmp_path).lock(KEY):
            turns.append(f"{name} begins")
            time.sleep(0.05)
            turns.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [turn[2:] for turn in turns] == ["begins", "ends"] * 3
    assert all(first[0] == second[0] for first, second in zip(turns[::2], turns[1::2], strict=True))


def test_no_more_than_what_is_reserved_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = tensors(1000)
    sizes: list[tuple[int, int]] = []
    write = TensorFile.write

    def weighed(file: TensorFile, path: Path, *past_cache: Any) -> None:
        write(file, path, *past_cache)
        sizes.append((int(path.name.split("-")[0]), path.stat().st_size))

    monkeypatch.setattr(TensorFile, "write", weighed)
    put(Store(tmp_path), KEY, given)
    ((reserved, written),) = sizes
    assert reserved == written > 1000 * 4 * 4


def test_a_digest_is_over_names_and_bits() -> None:
    given = tensors()
    digest = state_digest(given)
    assert digest == state_digest(dict(reversed(given.items())))
    assert digest != state_digest({**given, "model/half": given["model/half"].roll(1)})
    assert digest != state_digest({f"x{name}": tensor for name, tensor in given.items()})
