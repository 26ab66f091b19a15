"""What all records have in common: they are frozen, of one version, and say what their source did not hold.

Runs of other tools are records too (``hpo import``): what their source does not hold is None, ``NOT_RECORDED`` or an empty
tuple.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

SCHEMA = 2
NOT_RECORDED = "not recorded"


class Frozen(BaseModel):
    """A value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
