"""Unpack the needed files of a wheel or sdist, and nothing outside the target folder."""

from __future__ import annotations

import fnmatch
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from hpo.assets.catalogue import Asset
from hpo.errors import UserError


def unpack(archive: Path, asset: Asset, target: Path) -> None:
    """Write the members of ``asset`` in ``archive`` below ``target``, their folder in the archive left off.

    Raises:
        UserError: a member would be written outside ``target``, or there is no member.
    """
    target.mkdir(parents=True)
    if asset.inner is not None:
        archive = _unpack_inner(archive, asset.inner)
    count = 0
    for name, file in _regular_files(archive):
        inside = name.removeprefix(f"{asset.folder}/")
        if inside != name and any(fnmatch.fnmatchcase(inside, pattern) for pattern in asset.members):
            _write(file, target / _checked(inside, archive))
            count += 1
    if count == 0:
        raise _broken(archive, f"holds nothing of {asset.name} in {asset.folder}")


def _unpack_inner(archive: Path, inner: str) -> Path:
    path = archive.with_name(f"inner-{PurePosixPath(inner).name}")
    for name, file in _regular_files(archive):
        if name == inner:
            _write(file, path)
            return path
    raise _broken(archive, f"holds no {inner}")


def _regular_files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each regular file: links, devices and folders are passed over, so none is ever followed."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir():
                    with wheel.open(entry) as file:
                        yield entry.filename, file
        return
    with tarfile.open(archive) as sdist:
        for member in sdist:
            content = sdist.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, content


def _checked(inside: str, archive: Path) -> Path:
    path = PurePosixPath(inside)
    if path.is_absolute() or ".." in path.parts or "\\" in inside or ":" in inside:
        raise _broken(archive, f"holds a file that leaves its folder: {inside!r}")
    return Path(path)


def _write(file: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as copy:
        shutil.copyfileobj(file, copy)


def _broken(archive: Path, what: str) -> UserError:
    return UserError(
        f"{archive.name} {what}", "Report it: the catalogue and the package do not fit each other."
    )
