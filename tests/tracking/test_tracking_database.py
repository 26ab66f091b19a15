"""Where the mirror's database may be written ahead."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.tracking.database import is_local

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw - proc proc rw
40 22 0:40 / /shared rw - nfs4 server:/shared rw
41 40 8:2 / /shared/fast\040disk rw - xfs /dev/sdb1 rw
42 22 0:42 / /scratch rw - lustre mds@tcp:/scratch rw
"""


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/data/results/mlflow.db", True),
        ("/shared/results/mlflow.db", False),
        ("/shared/fast disk/mlflow.db", True),
        ("/shareds/mlflow.db", True),
        ("/scratch/run/mlflow.db", False),
    ],
)
def test_a_file_is_local_by_the_file_system_it_lies_on(path: str, local: bool) -> None:
    assert is_local(Path(path), MOUNTS) is local


def test_nothing_is_local_where_nothing_is_known() -> None:
    assert not is_local(Path("/data/mlflow.db"), "")
