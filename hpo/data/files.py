"""CSV, JSON, JSON Lines and Parquet files with named columns, and folders of them."""

from __future__ import annotations

from hpo.config.experiment import DataSource
from hpo.data.tables import Reading


def read_path(source: DataSource) -> Reading:
    raise NotImplementedError
