"""Weights in a format that training does not read, converted once into the cache.

    <cache>/converted/<name>-<start of sha256>/manifest.json   the source's sha256, and size and sha256 of every file
    <cache>/converted/<name>-<start of sha256>/...             the files

As in ``hpo.assets.fetch`` a folder is filled under another name, by one process at a time, and renamed when all of it is
there. Its files are looked at by size alone: a model's weights are digested whenever it is loaded, and records hold that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from hpo.assets.fetch import cache_folder, is_whole, sha256_of, write_manifest
from hpo.errors import UserError

SUFFIX = ".gguf"


def gguf_of(place: Path) -> Path | None:
    """The GGUF file that ``place`` is, or that a folder without other weights holds; None: there is none.

    Raises:
        UserError: the folder holds several.
    """
    if place.is_file():
        return place if place.suffix == SUFFIX else None
    if (place / "config.json").exists():
        return None
    found = sorted(place.glob(f"*{SUFFIX}"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(f"{place} holds {len(found)} GGUF files: {names}", "Name one of them as the model.")
    return found[0] if found else None


def is_converted(source: Path) -> bool:
    """Whether the file ``source`` was converted before."""
    digest = sha256_of(source)
    return is_whole(_folder(source, digest), digest, hashes=False)


def convert_once(source: Path, convert: Callable[[Path, Path], None]) -> Path:
    """The folder of what ``convert(source, folder)`` wrote of the file ``source``, now or before."""
    digest = sha256_of(source)
    folder = _folder(source, digest)
    if is_whole(folder, digest, hashes=False):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not is_whole(folder, digest, hashes=False):  # another process may have written it meanwhile
            _fill(folder, source, digest, convert)
    return folder


def _folder(source: Path, digest: str) -> Path:
    return cache_folder() / "converted" / f"{source.stem}-{digest[:16]}"


def _fill(folder: Path, source: Path, digest: str, convert: Callable[[Path, Path], None]) -> None:
    """Convert beside ``folder``, then rename. The caller holds the lock."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a killed process
    try:
        partial.mkdir()
        convert(source, partial)
        write_manifest(partial, digest)
        shutil.rmtree(folder, ignore_errors=True)  # damaged, else it would have been used
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
