"""The keys of training: one function a key, every pre-image tagged with its record type.

    start key   = H(all that the first state and the course of training depend on, but for the steps themselves)
    segment key = H(key before, what each step reads and at which learning rate)
    evaluation  = H(segment key, digest of the evaluation set)

Learning rates are hashed as bits, never as schedule names or horizons, and decisions (pruning, best rung) are in no
key: whatever two trainings truly share, they share. Digests are SHA-256 in hexadecimal, named so in front.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SCHEMA = 1


def start_key(pre_image: Mapping[str, Any]) -> str:
    """Key of the state before the first step. ``pre_image`` must be JSON without NaN; keep it to explain a miss."""
    return _digest("start", pre_image)


def segment_key(before: str, steps: Mapping[str, Any]) -> str:
    """Key of the state after a segment that begins at the state of key ``before``."""
    return _digest("segment", {"before": before, "steps": steps})


def evaluation_key(state: str, evaluation_set: str) -> str:
    """Key of the score of the state of key ``state`` on an evaluation set named by its digest."""
    return _digest("evaluation", {"state": state, "set": evaluation_set})


def _digest(kind: str, value: Mapping[str, Any]) -> str:
    text = json.dumps([SCHEMA, kind, value], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
