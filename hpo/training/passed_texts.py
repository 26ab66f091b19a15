"""Which texts the store holds hidden states of, whatever list they were passed in.

Lists share texts: strengths of augmentation that touch as many words make the same variant, and other seeds read variants
of the same pool. Each is passed once; the lists that read it hold a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.texts import Texts
from hpo.training.prefix_files import Prefix
from hpo.training.store import Store


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
        return [
            None if place is None else _found(lists[place[0]], place[1], digest)
            for place, digest in zip(places, texts.each, strict=True)
        ]

    def _look(self) -> None:
        """Take note of the lists that were stored since the last look, by any process."""
        for key in self._store.prefix_keys():
            if key in self._seen:
                continue
            self._seen.add(key)
            known = self._store.prefix_texts(key)
            if known is not None:
                passes, texts = known
                where = self._where.setdefault(passes, {})
                # The latest list of a text counts: an earlier one makes room sooner.
                where.update({digest.tobytes(): (key, item) for item, digest in enumerate(texts)})


def _found(held: Prefix | None, item: int, digest: NDArray[np.uint8]) -> Found | None:
    if held is None or not np.array_equal(
        held.texts[item], digest
    ):  # it made room for others, or was damaged
        return None
    first = held.ends[item - 1] if item else 0
    return Found(held.values[first : held.ends[item]], float(held.seconds[item]))
