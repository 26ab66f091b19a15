"""No torch here: the process of the first test starts quickly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from hpo.training.marker import Marker, is_seen
from hpo.training.partial import ABANDONED
from hpo.training.quota import Quota

OTHER = """
import sys, time
from pathlib import Path
from hpo.training.marker import Marker

marker = Marker(Path(sys.argv[1]))
marker.renew()
print(marker.path, marker.text, flush=True)
time.sleep(600)
"""


def open_store(folder: Path) -> None:
    Quota(folder, 10**6).settle()


def made(folder: Path) -> Marker:
    marker = Marker(folder)
    marker.renew()
    return marker


def test_the_marker_of_a_killed_process_goes_when_the_store_is_opened_next_and_not_before(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ".store"
    mine = made(folder)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        path, text = other.stdout.readline().split()
        open_store(folder)
        assert is_seen(path, text), "its process lives"
        other.kill()
    assert is_seen(path, text)
    open_store(folder)
    left = {file for file in folder.rglob("*") if file.is_file()}
    assert left == {mine.path, folder / "used", folder / ".lock"}
    mine.remove()
    mine.remove()
    assert list(mine.path.parent.iterdir()) == []


def test_a_marker_that_is_renewed_is_there_however_long_its_process_works(tmp_path: Path) -> None:
    marker = made(tmp_path)
    long_ago = (time.time() - ABANDONED - 60,) * 2
    os.utime(marker.path, long_ago)
    marker.renew()
    open_store(tmp_path)
    assert is_seen(str(marker.path), marker.text)
    os.utime(marker.path, long_ago)
    open_store(tmp_path)
    assert not is_seen(str(marker.path), marker.text), "for all that others know its writer is gone"
    marker.renew()
    assert is_seen(str(marker.path), marker.text)


def test_another_store_at_the_same_path_is_told_apart(tmp_path: Path) -> None:
    marker = made(tmp_path)
    assert not is_seen(str(marker.path), made(tmp_path).text)
    assert not is_seen(str(tmp_path / "elsewhere"), marker.text)
    marker.path.write_bytes(b"\xff\xfe")
    assert not is_seen(str(marker.path), marker.text)
