"""Data sets of the Hugging Face hub."""

from __future__ import annotations

from hpo.config.experiment import DataSource
from hpo.data.tables import Reading


def read_hub(source: DataSource) -> Reading:
    raise NotImplementedError
