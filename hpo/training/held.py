"""The latest states in a GPU's own memory: a training goes on from them without a read from disk and over the bus."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor


class HeldStates:
    """States by key, those used last.

    Args:
        limit: bytes that they may take together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._states: OrderedDict[str, Mapping[str, Tensor]] = OrderedDict()
        self._bytes = 0

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Hold a state in place of those used longest ago; one larger than the limit is not held."""
        size = _size(tensors)
        if key in self._states or size > self._limit:
            return
        self._states[key] = tensors
        self._bytes += size
        while self._bytes > self._limit:
            self._bytes -= _size(self._states.popitem(last=False)[1])

    def get(self, key: str) -> Mapping[str, Tensor] | None:
        """The state, which must not be changed, or None."""
        if key in self._states:
            self._states.move_to_end(key)
        return self._states.get(key)

    def clear(self) -> bool:
        """Let go of all; whether there were any."""
        held = bool(self._states)
        self._states.clear()
        self._bytes = 0
        return held


def _size(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())
