"""Folders that processes of one machine share, and what killed ones leave."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.runtime import scratch
from hpo.runtime.scratch import claim, leave

PEER = "import sys; from hpo.runtime.scratch import claim; print(claim('hpo-x-', sys.argv[1]), flush=True); input()"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def peer(token: str) -> tuple[subprocess.Popen[str], Path]:
    """Another process, with its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", PEER, token], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def left(folder: Path) -> None:
    """A folder as a killed process leaves it."""
    (folder / "store").mkdir(parents=True, mode=0o700)
    (folder / scratch.IN_USE).touch()


def test_a_folder_is_its_users_alone_and_goes_with_the_last_process_that_has_it(tmp_path: Path) -> None:
    folder = claim("hpo-x-", "a" * 32)
    assert folder.stat().st_mode & 0o077 == 0
    process, theirs = peer("a" * 32)
    assert theirs == folder
    leave(folder)
    assert folder.is_dir(), "the other one has it"
    assert claim("hpo-x-", "a" * 32) == folder
    process.kill()
    process.communicate()
    leave(folder)
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    process, theirs = peer("b")
    leave(claim("hpo-x-", "c"))
    assert theirs.is_dir()
    process.kill()
    process.communicate()
    leave(claim("hpo-x-", "d"))
    assert list(tmp_path.iterdir()) == []


def test_what_others_put_there_neither_stops_a_claim_nor_is_touched_by_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    left(tmp_path / "elsewhere" / "x")
    (tmp_path / "hpo-x-dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "hpo-x-link").symlink_to(tmp_path / "elsewhere" / "x")
    (tmp_path / "hpo-x-file").touch()
    (tmp_path / "hpo-x-begun").mkdir()  # by one that holds no lock on it yet
    (tmp_path / "hpo-x-ray" / "session").mkdir(parents=True)  # by hand
    before = sorted(tmp_path.rglob("*"))
    leave(claim("hpo-x-", "e"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.getuid() != 0, reason="to give a folder to another user takes root")
def test_a_folder_that_another_user_made_first_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hpo-x-f").mkdir()
    os.chown(tmp_path / "hpo-x-f", 12345, 12345)
    with pytest.raises(UserError, match="another user's"):
        claim("hpo-x-", "f")


def test_many_that_start_at_once_remove_what_is_left_and_nothing_of_each_other(tmp_path: Path) -> None:
    starters, rounds = 4, 30
    barrier = threading.Barrier(starters, timeout=10)

    def start(number: int) -> bool:
        barrier.wait()
        folder = claim("hpo-x-", f"{number}")
        found = folder.is_dir()
        barrier.wait()
        found = found and folder.is_dir()
        barrier.wait()
        leave(folder)
        return found

    with ThreadPoolExecutor(starters) as threads:
        for _ in range(rounds):
            for name in ("y", "z"):
                left(tmp_path / f"hpo-x-{name}")
            assert all(threads.map(start, range(starters)))
            assert list(tmp_path.iterdir()) == []


def test_who_claims_a_folder_that_is_being_removed_makes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hpo-x-g"
    flock = fcntl.flock
    removed: list[Path] = []

    def late(file: int, how: int) -> None:
        if how == fcntl.LOCK_SH and not removed:  # between the opening and the lock
            removed.append(folder)
            (folder / scratch.IN_USE).unlink()
            folder.rmdir()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert claim("hpo-x-", "g") == folder
    assert removed
    monkeypatch.undo()
    assert (folder / scratch.IN_USE).is_file()
    leave(folder)
    assert not folder.exists()
