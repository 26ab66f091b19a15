"""Which files a report made, so that the next one removes those that it no longer makes, and no others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

LISTING = "report.sha256"  # as sha256sum writes it
EXAMPLE = "example.tex"  # the one file beside the folders that not every report makes
_FOLDERS = ("tables", "figures", "data")


def forget_others(folder: Path, made: Iterable[Path]) -> None:
    """Remove what the listing in ``folder`` names and ``made`` does not, then list ``made``.

    A file that was changed since it was listed stays: it is someone's own by now.
    """
    names = {path.relative_to(folder).as_posix(): path for path in made}
    for name, digest in _listed(folder).items():
        path = folder / name
        if name not in names and path.is_file() and _digest(path) == digest:
            path.unlink()
    lines = [f"{_digest(path)}  {name}\n" for name, path in sorted(names.items())]
    (folder / LISTING).write_text("".join(lines), encoding="utf-8", newline="\n")


def _listed(folder: Path) -> dict[str, str]:
    """Digest by name of what an earlier report listed: its example and files in its own folders alone."""
    path = folder / LISTING
    if not path.is_file():
        return {}
    rows = (line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines())
    found = {row[1]: row[0] for row in rows if len(row) == 2}
    return {name: digest for name, digest in found.items() if _is_ours(name)}


def _is_ours(name: str) -> bool:
    parts = name.split("/")
    return name == EXAMPLE or (len(parts) == 2 and parts[0] in _FOLDERS and parts[1] not in {"", "..", "."})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
