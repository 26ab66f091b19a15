"""Files of a report that was made after its run ended, kept with the run's comparison in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.tracking.mirror import COMPARISON
from hpo.tracking.mirrored import MirroredRun
from hpo.tracking.store import Store
from hpo.tracking.uri import check, database


def attach(uri: str, experiment: str, run_id: str, files: Sequence[tuple[Path, str | None]]) -> bool:
    """Copy each file into the folder given beside it (None: the top) of the comparison's artifacts.

    Returns:
        Whether there is a comparison of this run at ``uri`` to copy them to; nothing is made where there is none.

    Raises:
        UserError: nothing can be tracked at ``uri``, or the database or the server fails.
    """
    found = find_comparison(uri, experiment, run_id)
    if found is None:
        return False
    store, comparison = found
    store.log_files(comparison, files)
    return True


def find_comparison(uri: str, experiment: str, run_id: str) -> tuple[Store, MirroredRun] | None:
    """The comparison of a run and the store that it is in; None, and nothing is made, where there is none at ``uri``.

    Raises:
        UserError: nothing can be tracked at ``uri``, or the database or the server fails.
    """
    check(uri)
    path = database(uri)
    if path is not None and not path.is_file():
        return None
    store = Store(uri)
    if not store.knows(experiment):
        return None
    store.enter(experiment, run_id)
    comparison = store.runs.get(COMPARISON)
    return None if comparison is None or comparison.deleted else (store, comparison)
