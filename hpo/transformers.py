"""``import hpo.transformers`` lets transformers load every folder of `hpo export`, by `pipeline()` and its Auto classes."""

from __future__ import annotations

from hpo.models.registered import register

register()
