"""What the tracking process was told and has not come to: while the store is away, for hours perhaps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

Message = dict[str, Any]


class Waiting:
    """Messages in the order in which they came, put by one thread and taken by another.

    Of a training that has ended only that waits, without its content: its record holds all that was told of it. So what
    waits of ten thousand ended trainings is ten thousand names, and beside them there is what is under way.
    """

    def __init__(self) -> None:
        self._messages: OrderedDict[Hashable, list[Message]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, message: Message) -> None:
        """Add a message, behind what waits; ``training`` of one names the training that it is about.

        An ``ended`` one takes the place of what waits of its training, and says as ``begun`` when that was told to begin
        (None: not told, or taken already).
        """
        with self._changed:
            key: Hashable = tuple(message["training"]) if "training" in message else object()
            if message["what"] == "ended":
                before = self._messages.pop(key, [])
                message["begun"] = next((m["at"] for m in before if m["what"] == "started"), None)
            self._messages.setdefault(key, []).append(message)
            self._changed.notify()

    def take(self, pause: float | None) -> Message | None:
        """The next message; None: none came within ``pause`` seconds (None: for ever), or none is to come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._closed, pause)
            if not self._messages:
                return None
            key, messages = next(iter(self._messages.items()))
            message = messages.pop(0)
            if not messages:
                del self._messages[key]
            return message

    def close(self) -> None:
        """Nothing is put any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
