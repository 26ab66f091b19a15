"""The keys of training: one function a key, every pre-image tagged with its record type.

    start key  = H(all that the first state and the course of training depend on, but for the steps themselves)
    step key   = H(key before, what the step reads and at which learning rate)
    segment    = H(key of the state at its start, at its end)
    evaluation = H(key of the state, the evaluation set, how the body reads it)
    passes     = H(weights, class of numerics, the depth), and of certain texts with the digest of these

A state is named by the key of its last step, so that it does not matter into which segments its training was cut.
Learning rates are hashed as bits, never as schedule names or horizons, and decisions (pruning, best rung) are in no
key: whatever two trainings truly share, they share. Digests are SHA-256 in hexadecimal, named so in front.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

SCHEMA = 5


def start_key(pre_image: Mapping[str, Any]) -> str:
    """Key of the state before the first step. ``pre_image`` must be JSON without NaN; keep it to explain a miss."""
    return _digest("start", pre_image)


def step_key(before: str, index: int, rate: float, arrays: tuple[np.ndarray, ...], source: str) -> str:
    """Key of the state after a step from the state of key ``before``.

    Args:
        index: of the step; dropout is drawn by it.
        arrays: all that the step reads, padded as it reads it; of gradual unfreezing also how many groups of layers
            it trains.
        source: how the hidden states that it reads in place of token ids were computed; empty where it reads ids.
    """
    digest = hashlib.sha256(f"{SCHEMA} step {before} {index} {source}".encode())
    digest.update(np.float64(rate).tobytes())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return "sha256:" + digest.hexdigest()


def segment_key(first: str, last: str) -> str:
    """Key of the training from one state to another."""
    return _digest("segment", {"first": first, "last": last})


def evaluation_key(state: str, evaluation_set: str, source: str) -> str:
    """Key of the score of the state of key ``state`` on an evaluation set named by its digest; ``source`` as of a step."""
    return _digest("evaluation", {"state": state, "set": evaluation_set, "source": source})


def passes_key(origin: Mapping[str, Any], depth: int, first_token: bool) -> str:
    """Key of all hidden states before layer ``depth``, of whatever texts."""
    return _digest("passes", {"origin": origin, "depth": depth, "first_token": first_token})


def pass_key(passes: str, texts: str) -> str:
    """Key of the hidden states of the texts of digest ``texts`` among those of key ``passes``."""
    return _digest("pass", {"passes": passes, "texts": texts})


def _digest(kind: str, value: Mapping[str, Any]) -> str:
    text = json.dumps([SCHEMA, kind, value], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
