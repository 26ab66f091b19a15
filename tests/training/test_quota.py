"""No torch here: the processes of the last tests start quickly."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from hpo.training import quota as module
from hpo.training.partial import ABANDONED, scan
from hpo.training.quota import HALF_LIFE, Quota
from hpo.training.tensor_files import Block, TensorFile

NOW = 1_800_000_000.0


def content(size: int, seconds: float = 1.0, chance: float = 1.0) -> TensorFile:
    block = Block("x", "U8", (size,), memoryview(bytes(size)))
    return TensorFile([block], {"seconds": repr(seconds), "chance": repr(chance)})


def opened(folder: Path, limit: int) -> Quota:
    quota = Quota(folder, limit)
    quota.settle()
    return quota


def put(quota: Quota, path: Path, file: TensorFile) -> bool:
    temporary = quota.reserve(file.size)
    if temporary is None:
        return False
    file.write(temporary)
    quota.keep(temporary, path)
    return True


def held(folder: Path) -> int:
    """Bytes of everything that the quota is about."""
    folders = (folder / name for name in ("states", "prefixes", "partial"))
    return sum(status.st_size for path in folders for _, status in scan(path))


def test_the_worth_of_an_unused_file_halves_in_its_half_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.time, "time", lambda: NOW)
    quota = opened(tmp_path, 10**6)
    ages = {"fresh": (1.0, 0.0), "old-but-dearer": (2.1, HALF_LIFE), "old": (1.9, HALF_LIFE)}
    for name, (seconds, hours) in ages.items():
        put(quota, tmp_path / "states" / name, content(1000, seconds))
        os.utime(tmp_path / "states" / name, (NOW - 3600 * hours,) * 2)
    order = [file.path.name for file in quota._by_worth(quota.files())]
    assert order == ["old", "fresh", "old-but-dearer"]


def test_nobody_need_wait_while_files_are_read_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = opened(tmp_path, 10_000)
    for number in range(6):
        put(quota, tmp_path / "states" / f"{number}", content(1000, seconds=number))
    read, removed = [], []
    worth, unlink = module._read_worth, Path.unlink

    def look(path: Path) -> float:
        with FileLock(tmp_path / ".lock", timeout=0):
            read.append(path.name)
        return worth(path)

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "states":
            with FileLock(tmp_path / ".lock", timeout=0):
                removed.append(path.name)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(module, "_read_worth", look)
    monkeypatch.setattr(Path, "unlink", remove)
    again = opened(tmp_path, 4500)
    assert removed == ["0", "1", "2"]
    assert put(quota, tmp_path / "states" / "6", content(1000, seconds=6)), "by another writer"
    assert put(again, tmp_path / "states" / "7", content(1000, seconds=7))
    assert removed == ["0", "1", "2", "3", "4"]
    assert sorted(read) == [f"{number}" for number in range(7)], "each once"


def test_room_that_another_writer_takes_first_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = opened(tmp_path, 5000)
    for number in range(4):
        put(quota, tmp_path / "states" / f"{number}", content(1000, seconds=1 + number))
    make_room, taken = quota._make_room, []

    def slowly(size: int) -> bool:
        made = make_room(size)
        if not taken:
            taken.append(opened(tmp_path, 5000).reserve(1100))
        return made

    monkeypatch.setattr(quota, "_make_room", slowly)
    assert quota.reserve(1100) is not None
    assert taken[0] is not None
    assert sorted(file.path.name for file in quota.files()) == ["2", "3"]
    assert quota.reserve(2900) is None
    assert quota.files() == [], "as far as it goes"


def test_a_file_without_a_worth_goes_first(tmp_path: Path) -> None:
    quota = opened(tmp_path, 5000)
    put(quota, tmp_path / "states" / "worthless", content(1000, chance=0.0))
    (tmp_path / "states" / "foreign").write_bytes(b"1" * 1500)
    quota.settle()
    put(quota, tmp_path / "prefixes" / "a", content(1000))
    put(quota, tmp_path / "prefixes" / "b", content(1000))
    assert held(tmp_path) <= 5000
    put(quota, tmp_path / "prefixes" / "c", content(1800))
    assert sorted(file.path.name for file in quota.files()) == ["a", "b", "c"]


def test_files_being_written_count_and_are_never_taken(tmp_path: Path) -> None:
    quota = opened(tmp_path, 3000)
    put(quota, tmp_path / "states" / "kept", content(500))
    first = quota.reserve(2000)
    assert first is not None
    assert quota.reserve(2000) is None
    assert first.is_file()
    quota.release(first)
    assert quota.reserve(2000) is not None


def test_what_was_written_by_a_process_that_is_gone_is_swept(tmp_path: Path) -> None:
    quota = opened(tmp_path, 10_000)
    mine = quota.reserve(100)
    assert mine is not None
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    host = mine.name.split("-")[1]
    pid = int(done.stdout)
    dead = tmp_path / "partial" / f"4000-{host}-{pid}-{'0' * 8}-0"
    namesake = (
        tmp_path / "partial" / f"4000-{host}-{os.getpid()}-{'0' * 8}-0"
    )  # an earlier process of my number
    elsewhere = tmp_path / "partial" / f"4000-{'0' * 8}-{pid}-{'0' * 8}-0"
    forgotten = tmp_path / "partial" / f"4000-{'0' * 8}-{pid}-{'0' * 8}-1"
    for path in (dead, namesake, elsewhere, forgotten):
        path.write_bytes(b"begun")
    os.utime(forgotten, (time.time() - ABANDONED - 60,) * 2)
    quota.settle()
    assert sorted((tmp_path / "partial").iterdir()) == sorted([mine, elsewhere])
    assert int((tmp_path / "used").read_text()) == 4100


def test_a_lost_or_wrong_sum_is_counted_again_before_anything_is_stored(tmp_path: Path) -> None:
    quota = opened(tmp_path, 3000)
    put(quota, tmp_path / "states" / "a", content(1500, seconds=1.0))
    for wrong in ("", "1" * 19, "9" * 20):
        (tmp_path / "used").write_text(wrong)
        put(quota, tmp_path / "states" / f"b{wrong}", content(1000, seconds=0.1))
        assert held(tmp_path) <= 3000
        assert (tmp_path / "states" / "a").is_file()


def test_a_smaller_limit_holds_from_the_start(tmp_path: Path) -> None:
    quota = opened(tmp_path, 10_000)
    for number in range(6):
        put(quota, tmp_path / "states" / f"{number}", content(1000, seconds=number))
    opened(tmp_path, 3000)
    assert sorted(p.name for p in (tmp_path / "states").iterdir()) == ["4", "5"]


def test_on_a_disk_that_others_filled_files_give_way_to_what_must_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of 20,000 bytes, of which a tenth is spared and others take so many."""
    others = 12_000
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        module.shutil,
        "disk_usage",
        lambda _: usage._replace(total=20_000, free=20_000 - others - held(tmp_path)),
    )
    quota = opened(tmp_path, 10_000)
    stored = [
        put(quota, tmp_path / "states" / f"{n}", content(1000, seconds=n)) and held(tmp_path)
        for n in range(12)
    ]
    assert max(stored) <= 6000
    assert (tmp_path / "states" / "11").is_file()
    others = 18_500
    assert not put(quota, tmp_path / "states" / "more", content(1000, seconds=20))
    assert held(tmp_path) == 0


def test_what_others_have_reserved_and_not_yet_written_is_no_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of 20,000 bytes, of which a tenth is spared and others take 12,000."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        module.shutil, "disk_usage", lambda _: usage._replace(total=20_000, free=8_000 - held(tmp_path))
    )
    quotas = [opened(tmp_path, 10_000) for _ in range(8)]
    begun = [temporary for quota in quotas if (temporary := quota.reserve(1000)) is not None]
    assert len(begun) == 6
    for temporary in begun:
        temporary.write_bytes(bytes(1000))
        assert quotas[-1].reserve(1000) is None
    assert held(tmp_path) == 6000


@pytest.mark.parametrize("seed", range(5))
def test_at_random_the_files_are_those_of_a_plain_model(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    clock = NOW
    monkeypatch.setattr(module.time, "time", lambda: clock)
    limit = 8000
    quota = opened(tmp_path, limit)
    model: dict[str, tuple[int, float, float]] = {}  # size, worth before ageing, when used
    for number in range(150):
        clock += draw.choice([1.0, 600.0, 7200.0])
        if model and draw.random() < 0.3:
            name = draw.choice(sorted(model))
            os.utime(tmp_path / name, (clock, clock))
            model[name] = (*model[name][:2], clock)
            continue
        name = f"{draw.choice(['states', 'prefixes'])}/{number}"
        seconds, chance = draw.uniform(0.1, 10.0), draw.random()
        file = content(draw.randint(50, 2500), seconds, chance)
        assert put(quota, tmp_path / name, file)
        os.utime(tmp_path / name, (clock, clock))
        if sum(size for size, _, _ in model.values()) + file.size > limit:
            aged = {
                n: worth / size * 0.5 ** ((clock - used) / 3600 / HALF_LIFE)
                for n, (size, worth, used) in model.items()
            }
            for loser in sorted(aged, key=lambda n: aged[n]):
                if sum(size for size, _, _ in model.values()) <= limit - max(file.size, limit // 10):
                    break
                del model[loser]
        model[name] = (file.size, seconds * chance, clock)
        assert held(tmp_path) <= limit
        assert {f"{f.path.parent.name}/{f.path.name}" for f in quota.files()} == set(model)


def write_many(folder: Path, name: str, limit: int) -> None:
    draw = random.Random(name)
    quota = opened(folder, limit)
    for number in range(150):
        put(quota, folder / "states" / f"{name}{number}", content(draw.randint(1000, 60_000)))


def test_several_processes_hold_one_limit_also_while_they_write(tmp_path: Path) -> None:
    limit = 200_000
    quota = opened(tmp_path, limit)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, name, limit)) for name in "ab"]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        with quota.locked():  # nothing is renamed while it is counted
            seen.append(held(tmp_path))
        time.sleep(0.001)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert max(seen) <= limit
    assert held(tmp_path) > limit // 2
    assert int((tmp_path / "used").read_text()) == held(tmp_path)
    assert {p.name[0] for p in (tmp_path / "states").iterdir()} <= {"a", "b"}
    assert list((tmp_path / "partial").iterdir()) == []
