"""The secret of a run's private trainings: made once, in the run's folder, for its owner alone, and nowhere else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hpo.errors import UserError
from hpo.training.private_files import make_file

SECRET = "noise-secret"  # the name of its file, no secret  # noqa: S105
BYTES = 32


def noise_secret(folder: Path) -> str:
    """The secret of the run in ``folder``, in hexadecimal; made where the run has no records yet.

    Raises:
        UserError: there are records and the secret is gone: to go on would read the same texts with other noise, which costs
            again.
    """
    path = folder / SECRET
    if path.is_file():
        return path.read_text(encoding="ascii").strip()
    if any((folder / "records").rglob("*.json")):
        raise UserError(
            f"{path} is gone, from which the noise and the batches of this run were drawn",
            "Bring it back; without it `hpo report` alone works, or a run in another --results folder.",
        )
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    make_file(temporary)
    with temporary.open("w", encoding="ascii") as file:
        file.write(secrets.token_hex(BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return noise_secret(folder)
