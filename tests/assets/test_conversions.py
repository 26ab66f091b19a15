from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from hpo.assets.conversions import convert_once, gguf_of, is_converted
from hpo.assets.fetch import cache_folder
from hpo.errors import UserError


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF")
    return path


class Converter:
    def __init__(self, seconds: float = 0.0) -> None:
        self.calls = 0
        self._seconds = seconds

    def __call__(self, source: Path, folder: Path) -> None:
        self.calls += 1
        time.sleep(self._seconds)
        (folder / "weights").write_bytes(source.read_bytes() * 2)


def kept() -> list[str]:
    return sorted(p.name for p in (cache_folder() / "converted").iterdir() if p.suffix != ".lock")


def test_a_file_is_converted_once(source: Path) -> None:
    convert = Converter()
    assert not is_converted(source)
    folder = convert_once(source, convert)
    assert (folder / "weights").read_bytes() == b"GGUFGGUF"
    assert convert_once(source, convert) == folder
    assert is_converted(source)
    assert convert.calls == 1
    assert kept() == [folder.name]


def test_another_file_of_the_same_name_is_converted_anew(source: Path) -> None:
    convert = Converter()
    first = convert_once(source, convert)
    source.write_bytes(b"gguf")
    assert not is_converted(source)
    second = convert_once(source, convert)
    assert first != second
    assert (second / "weights").read_bytes() == b"ggufgguf"


def test_two_at_once_convert_once(source: Path) -> None:
    convert = Converter(seconds=0.2)
    threads = [threading.Thread(target=convert_once, args=(source, convert)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert convert.calls == 1
    assert is_converted(source)


def test_a_conversion_that_fails_leaves_nothing(source: Path) -> None:
    def fail(source: Path, folder: Path) -> None:
        (folder / "weights").write_bytes(b"half")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        convert_once(source, fail)
    assert kept() == []
    assert not is_converted(source)


def test_what_was_cut_short_is_made_again(source: Path) -> None:
    convert = Converter()
    folder = convert_once(source, convert)
    (folder / "weights").write_bytes(b"GGUF")
    assert not is_converted(source)
    assert (convert_once(source, convert) / "weights").read_bytes() == b"GGUFGGUF"


def test_a_gguf_file_is_named_itself_or_by_a_folder_without_other_weights(tmp_path: Path) -> None:
    file = tmp_path / "one.gguf"
    file.touch()
    assert gguf_of(file) == file
    assert gguf_of(tmp_path) == file
    (tmp_path / "notes.txt").touch()
    assert gguf_of(tmp_path / "notes.txt") is None
    (tmp_path / "two.gguf").touch()
    with pytest.raises(UserError) as caught:
        gguf_of(tmp_path)
    assert caught.value.message == f"{tmp_path} holds 2 GGUF files: one.gguf, two.gguf"
    (tmp_path / "config.json").touch()
    assert gguf_of(tmp_path) is None
