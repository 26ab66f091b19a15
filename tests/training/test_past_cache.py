from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hpo.training import past_cache
from hpo.training.past_cache import ALIGNED, CHUNK, LEAST_SIZE, PastCache

RNG_BYTES = os.urandom(LEAST_SIZE + CHUNK + 3 * ALIGNED + 17)
direct = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no O_DIRECT")


def parts(*cuts: int) -> list[memoryview]:
    """The bytes, cut there."""
    whole = memoryview(RNG_BYTES)
    ends = [*cuts, len(whole)]
    return [whole[begin:end] for begin, end in zip((0, *cuts), ends, strict=True)]


@direct
@pytest.mark.parametrize("cuts", [(), (1,), (4093, 4097, CHUNK + 1), (CHUNK, 2 * CHUNK)])
def test_a_file_has_the_bytes_that_were_written(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    writer = PastCache()
    for _ in range(2):  # over a file that is there too
        assert writer.write(tmp_path / "file", parts(*cuts)) or not writer.works
        if writer.works:
            assert (tmp_path / "file").read_bytes() == RNG_BYTES


@direct
def test_it_never_takes_more_than_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    write = os.write

    def noted(descriptor: int, data: memoryview) -> int:
        done = write(descriptor, data)
        sizes.append(os.fstat(descriptor).st_size)
        return done

    monkeypatch.setattr(past_cache.os, "write", noted)
    if PastCache().write(tmp_path / "file", parts()):
        assert len(sizes) >= 4
        assert max(sizes) == len(RNG_BYTES)


def test_small_files_go_through_the_cache(tmp_path: Path) -> None:
    writer = PastCache()
    assert not writer.write(tmp_path / "file", [memoryview(RNG_BYTES)[: LEAST_SIZE - 1]])
    assert not (tmp_path / "file").exists()


@direct
def test_where_the_file_system_refuses_it_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuses(*given: object) -> int:
        asked.append(given)
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(past_cache.os, "open", refuses)
    writer = PastCache()
    assert not writer.write(tmp_path / "file", parts())
    assert not writer.write(tmp_path / "file", parts())
    assert len(asked) == 1


@direct
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(past_cache.os, "write", full)
    writer = PastCache()
    with pytest.raises(OSError, match="No space left"):
        writer.write(tmp_path / "file", parts())
    assert writer.works


@direct
@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_a_slow_disk_is_left_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    times = iter([0.0, len(RNG_BYTES) / (speed * past_cache.LEAST_SPEED)])
    monkeypatch.setattr(past_cache.time, "perf_counter", lambda: next(times))
    writer = PastCache()
    if writer.write(tmp_path / "file", parts()):
        assert (tmp_path / "file").read_bytes() == RNG_BYTES
        assert writer.works is (speed > 1)
