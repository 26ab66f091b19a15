"""The frozen prefix: hidden states below the trained layers, computed once for each text and each depth.

They are a function of the tokens alone. A text is passed in batches of its own width, so that its bits hang neither on the
list nor on who asks first; a deeper pass goes on from the next depth below that the run reads.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from hpo.data.batches import Batch, collate, own_width_batches
from hpo.data.texts import Texts
from hpo.models.pretrained import Pretrained
from hpo.models.shortcuts import stretch
from hpo.models.structure import frozen_layers, kept_layers
from hpo.pulse import progress
from hpo.records.trainings import Work
from hpo.training.facts import PassFacts
from hpo.training.keys import pass_key, passes_key
from hpo.training.passed_texts import PassedTexts
from hpo.training.precision import Precision, on_device
from hpo.training.prefix_files import Prefix
from hpo.training.store import Store

BYTES = 4  # of a hidden value, float32
# Bytes of the largest list that is stored: an eighth of the default store, so that the depths and epochs in use fit
# together. Not of the store at hand: no result may depend on its limit.
LARGEST = 2**28
ARRAYS_KEPT = 16  # opened at once
# A GPU computes a frozen layer again sooner than it reads the result from memory on the other side of its bus, unless
# depth x hidden size is at least this: operations a byte of the bus, 300e12 / 20e9, over 24 h^2 k operations and 4 h bytes
# a token. By arithmetic, not measured.
LEAST_ON_GPU = 2500
TURN_SECONDS = 60.0  # between two signs of who waits for another's pass
CHANCE = 1.0  # of being read again: every training and evaluation on these texts does


@dataclass(frozen=True)
class Hidden:
    """Hidden states of a list of texts: (tokens, hidden), one text after another, or (texts, hidden) of first tokens."""

    values: NDArray[np.float32]
    starts: NDArray[np.int64] | None  # of each text; None: first tokens
    lengths: NDArray[np.int64]

    def batch(self, batch: Batch) -> NDArray[np.float32]:
        """Of the texts of a batch: (batch, width, hidden), zero where padded; width 1 where first tokens are kept."""
        if self.starts is None:
            first: NDArray[np.float32] = self.values[batch.items][:, None]
            return first
        rows = np.zeros((len(batch.items), batch.width, self.values.shape[1]), np.float32)
        for row, item in enumerate(batch.items):
            first, length = self.starts[item], self.lengths[item]
            rows[row, :length] = self.values[first : first + length]
        return rows


@dataclass(frozen=True)
class Place:
    """Where a pass ends: before layer ``depth`` of ``layers``, or, where there are no more, behind the body of these."""

    depth: int
    layers: int
    first_token: bool = False


class Prefixes:
    """The hidden states that a run's trainings and evaluations begin with.

    Args:
        origin: what they depend on beside texts and depth: weights and class of numerics.
        depths: every depth that the run's trainings freeze.
        pad: id of the padding token.
        share: of the device that this process has; seconds are those of the whole device.
    """

    def __init__(
        self,
        pretrained: Pretrained,
        store: Store,
        precision: Precision,
        origin: Mapping[str, Any],
        depths: Sequence[int],
        pad: int,
        share: float = 1.0,
    ) -> None:
        self._pretrained = pretrained
        self._store = store
        self._precision = precision
        self._origin = dict(origin)
        self._depths = sorted(d for d in set(depths) if pretrained.starts_at(d))
        self._pad = pad
        self._largest = LARGEST
        self._open: OrderedDict[str, Hidden] = OrderedDict()
        self._passed = PassedTexts(store)
        self._share = share
        self._seconds = 0.0

    def start_of(self, parameters: Mapping[str, Any], tokens: int) -> int:
        """Depth at which a training on texts of so many tokens begins: all that is frozen, or 0 where that would not pay.

        It does not where the architecture cannot begin at a depth, where the texts would take more than ``LARGEST``
        bytes, or where a GPU computes sooner than it reads.
        """
        depth = frozen_layers(parameters, self._pretrained.info.layers)
        size = self._pretrained.info.hidden_size
        place = self._place(depth, parameters)
        can_begin = depth == place.layers or depth in self._depths
        if not can_begin or not (self._precision.device.type == "cpu" or depth * size >= LEAST_ON_GPU):
            return 0
        rows = 1 if place.first_token else tokens
        return depth if rows * size * BYTES <= self._largest else 0

    def make(self, texts: Texts, depth: int, parameters: Mapping[str, Any]) -> float:
        """Make what is missing of the passes up to layer ``depth``; device-seconds that it took now."""
        before = self._seconds
        if self.work(texts, depth, parameters) is None:
            for place in self.way(depth, parameters):
                self._ensure(texts, place)
        self.hidden(texts, depth, parameters)
        return self._seconds - before

    def hidden(self, texts: Texts, depth: int, parameters: Mapping[str, Any]) -> Hidden:
        """Hidden states before layer ``depth``: from memory, from the store, or computed again."""
        return self._hidden_at(texts, self._place(depth, parameters))

    def _hidden_at(self, texts: Texts, place: Place) -> Hidden:
        key = self.key(texts, place)
        if key not in self._open:
            self._open[key] = self._read_or_compute(key, texts, place)
        self._open.move_to_end(key)
        while len(self._open) > ARRAYS_KEPT:
            self._open.popitem(last=False)
        return self._open[key]

    def work(self, texts: Texts, depth: int, parameters: Mapping[str, Any]) -> list[Work] | None:
        """The passes that led to these hidden states, each from one depth to the next; None: not all were made."""
        work = []
        for place in self.way(depth, parameters):
            key = self.key(texts, place)
            facts = self._store.passed(key)
            if facts is None:
                return None
            work.append(Work(key=key, seconds=facts.seconds, spent=facts.spent))
        return work

    def way(self, depth: int, parameters: Mapping[str, Any]) -> list[Place]:
        """The places to which texts are passed one after another, up to layer ``depth``."""
        return [*self._below(depth), self._place(depth, parameters)]

    def layers(self, place: Place) -> int:
        """Layers that the pass to a place goes through, from the place before it."""
        return place.depth - max((below.depth for below in self._below(place.depth)), default=0)

    def key(self, texts: Texts, place: Place) -> str:
        """Names a pass of ``texts``."""
        return pass_key(self.passes(place), texts.key)

    def passes(self, place: Place) -> str:
        """Names the passes of any texts to a place."""
        shortened = place.layers < self._pretrained.info.layers
        origin = {**self._origin, "layers": place.layers} if shortened else self._origin
        return passes_key(origin, place.depth, place.first_token)

    def size(self, texts: Texts, place: Place) -> int:
        """Bytes of what a pass of ``texts`` leaves."""
        rows = len(texts.ids) if place.first_token else texts.tokens
        return rows * self._pretrained.info.hidden_size * BYTES

    def _ensure(self, texts: Texts, place: Place) -> None:
        key = self.key(texts, place)
        if self._store.passed(key) is None:
            self._open[key] = self._read_or_compute(key, texts, place)

    def _place(self, depth: int, parameters: Mapping[str, Any]) -> Place:
        layers = self._pretrained.info.layers
        kept = kept_layers(parameters, layers)
        if depth < kept:  # the same however many layers follow
            return Place(depth, layers)
        return Place(depth, kept, parameters["pooling"] == "cls")

    def _below(self, depth: int) -> list[Place]:
        return [Place(at, self._pretrained.info.layers) for at in self._depths if at < depth]

    def _read_or_compute(self, key: str, texts: Texts, place: Place) -> Hidden:
        made = self._store.passed(key) is not None
        prefix = self._store.prefix(key) if made else None
        if prefix is None:
            with _turn(self._store.lock(key)):  # another worker may be at it
                prefix = self._store.prefix(key) if self._store.passed(key) is not None else None
                if prefix is None:
                    prefix = self._compute(key, texts, place)
        return _hidden(prefix.values, texts, place.first_token)

    def _compute(self, key: str, texts: Texts, place: Place) -> Prefix:
        """Hidden states of a list: what any list before holds of its texts, the others passed through; and store them."""
        count, size = len(texts.ids), self._pretrained.info.hidden_size
        passes = self.passes(place)
        rows = np.ones(count, np.int64) if place.first_token else texts.lengths
        prefix = Prefix(
            values=np.empty((int(rows.sum()), size), np.float32),
            passes=passes,
            texts=texts.each,
            ends=np.cumsum(rows),
            seconds=np.zeros(count),
        )
        missing = []
        for item, found in enumerate(self._passed.find(passes, texts)):
            if found is None:
                missing.append(item)
            else:
                prefix.values[prefix.ends[item] - rows[item] : prefix.ends[item]] = found.values
                prefix.seconds[item] = found.seconds
        spent = self._pass(np.array(missing, np.int64), texts, place, prefix) if missing else 0.0
        self._seconds += spent
        self._store.put_prefix(key, prefix, CHANCE)
        self._store.put_pass(key, PassFacts(seconds=float(prefix.seconds.sum()), spent=spent))
        return prefix

    def _pass(self, items: NDArray[np.int64], texts: Texts, place: Place, into: Prefix) -> float:
        """Pass some of the texts through the layers from the place below to ``place``; device-seconds that it took."""
        below = max(self._below(place.depth), key=lambda lower: lower.depth, default=None)
        lower = None if below is None else self._hidden_at(texts, below)
        started = time.perf_counter()
        # All tokens of the last layer too, also where the first alone is kept: a matrix of few rows is summed in another
        # order than one of many, so that a text's bits would hang on how many are passed with it.
        body = self._pretrained.lowest(place.layers).body
        run = stretch(body, below.depth if below else 0, place.depth)
        hidden = _hidden(into.values, texts, place.first_token)
        for among in own_width_batches(texts.lengths[items], self._precision.texts_at_once):
            batch = Batch(items[among.items], among.width)
            ids, mask = collate(texts.ids, batch, self._pad)
            given = ids if lower is None else lower.batch(batch)
            with self._precision.autocast():
                output = run(
                    on_device(given, self._precision.device), on_device(mask, self._precision.device)
                )
            _scatter(output.float().cpu().numpy(), batch, hidden)
            into.seconds[batch.items] = batch.width
            progress()
        seconds = (time.perf_counter() - started) * self._share
        into.seconds[items] *= seconds / into.seconds[items].sum()
        return seconds


def _turn(lock: FileLock) -> AbstractContextManager[FileLock]:
    """Take the lock, however long another computes: who waits for it does not hang, and who hangs with it is ended."""
    while True:
        try:
            return lock.acquire(timeout=TURN_SECONDS)
        except Timeout:
            progress()


def _hidden(values: NDArray[np.float32], texts: Texts, first_token: bool) -> Hidden:
    starts = None if first_token else np.cumsum(texts.lengths) - texts.lengths
    return Hidden(values, starts, texts.lengths)


def _scatter(output: NDArray[np.float32], batch: Batch, into: Hidden) -> None:
    """Write (batch, width, hidden) to where the batch's texts lie."""
    if into.starts is None:
        into.values[batch.items] = output[:, 0]
        return
    for row, item in enumerate(batch.items):
        first, length = into.starts[item], into.lengths[item]
        into.values[first : first + length] = output[row, :length]
