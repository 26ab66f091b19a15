"""An exported model in MLflow's registry, as a version whose source is the run's comparison."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.errors import UserError
from hpo.tracking.attach import find_comparison
from hpo.tracking.uri import shown

_NAME = re.compile(r"\w[\w .-]{0,249}")


def check_name(name: str) -> None:
    """Refuse what MLflow takes for no name of a model.

    Raises:
        UserError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"--register {name!r}: a model's name has letters, digits, blanks, `_`, `-` and `.`, and begins with a letter "
            "or a digit",
            "Give it another name.",
        )


def register(
    uri: str, experiment: str, run_id: str, folder: Path, name: str, description: str, tags: Mapping[str, str]
) -> str:
    """Copy the files of ``folder`` into the comparison's artifacts and make them a version of the model ``name``.

    A folder of the same content is copied to the same place, and one of another content to another, so that no version
    changes afterwards.

    Returns:
        The number of the version.

    Raises:
        UserError: no comparison of this run is tracked at ``uri``, or the database or the server fails.
    """
    check_name(name)
    found = find_comparison(uri, experiment, run_id)
    if found is None:
        raise UserError(
            f"MLflow at {shown(uri)!r} has no comparison of this run, to which the model would belong",
            "Name the store that the run was tracked in with --tracking-uri; the folder is written all the same.",
        )
    store, comparison = found
    files = sorted(path for path in folder.iterdir() if path.is_file())
    place = f"models/{_digest(files)[:16]}"
    store.log_files(comparison, [(path, place) for path in files])
    return store.add_version(comparison, name, place, description, tags)


def _digest(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
