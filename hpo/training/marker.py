"""A file in a store by which a process elsewhere tells whether it sees this very store, and not one of the same path."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hpo.training.partial import Partial
from hpo.training.private_files import make_file


class Marker:
    """The file of one process. Where it is killed, the next that opens the store removes it, with all that it was writing.

    Attributes:
        path: of the file.
        text: what is in it, which none can guess.
    """

    def __init__(self, folder: Path) -> None:
        partial = Partial(folder)
        partial.make()
        self.path = partial.temporary()
        self.text = secrets.token_hex(16)

    def renew(self) -> None:
        """Write it, or make it young again: what is old is swept, as its writer may be gone with its machine."""
        try:
            os.utime(self.path)
        except FileNotFoundError:
            make_file(self.path)
            self.path.write_text(self.text, encoding="ascii")

    def remove(self) -> None:
        """Nobody is to look for it any more."""
        self.path.unlink(missing_ok=True)


def is_seen(path: str, text: str) -> bool:
    """Whether this process sees the marker of that path and text."""
    try:
        return Path(path).read_text(encoding="ascii") == text
    except (OSError, ValueError):
        return False
