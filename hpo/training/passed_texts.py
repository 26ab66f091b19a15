"""Which texts the store holds hidden states of, whatever list they were passed in.

Lists share texts: strengths of augmentation that touch as many words make the same variant, and other seeds read variants
of the same pool. Each is passed once; the lists that read it hold a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.texts import Texts
from hpo.training.store import Prefix, Store


@dataclass(frozen=True)
class Found:
    """One text: its hidden states (rows, hidden), and the device-seconds that they took."""

    values: NDArray[np.float32]
    seconds: float


class PassedTexts:
    """The texts of all lists in a store, by the key of their passes (``passes_key``) and their digest."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[str] = set()
        self._where: dict[str, dict[bytes, tuple[str, int]]] = {}

    def find(self, passes: str, texts: Texts) -> list[Found | None]:
        """What is held of each text; None where it must be passed."""
        self._look()
        where = self._where.get(passes, {})
        places = [where.get(digest.tobytes()) for digest in texts.each]
        lists = {key: self._store.prefix(key) for key in {place[0] for place in places if place is not None}}
        return [None if place is None else _found(lists[place[0]], place[1]) for place in places]

    def _look(self) -> None:
        """Take note of the lists that were stored since the last look, by any process."""
        for key in self._store.prefix_keys():
            if key in self._seen:
                continue
            self._seen.add(key)
            held = self._store.prefix(key)
            if held is not None:
                where = self._where.setdefault(held.passes, {})
                for item, digest in enumerate(held.texts):
                    where.setdefault(digest.tobytes(), (key, item))


def _found(held: Prefix | None, item: int) -> Found | None:
    if held is None:  # it made room for others
        return None
    first = held.ends[item - 1] if item else 0
    return Found(held.values[first : held.ends[item]], float(held.seconds[item]))
