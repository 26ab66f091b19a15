"""Files and folders that only their owner reads: what was made from a user's texts may tell of them.

A state remembers texts, and hidden values can be turned back into them: these are so under any umask. All else is by that of
the command (``hpo.cli.main``), and may be opened to others afterwards.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone; one that is there and this user's own is closed to the others."""
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    with suppress(PermissionError):  # another's: as the owner has it
        path.chmod(FOLDER)


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone.

    Raises:
        FileExistsError: there is one of this name.
    """
    path.touch(mode=FILE, exist_ok=False)
