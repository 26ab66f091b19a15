"""A store of MLflow that is away for a while: what is told waits, and is written when it is back."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds between two tries
TURN = 0.1  # seconds between two looks at whether to go on waiting
# What sqlite says while another process holds the file, or its disk is full.
SQLITE_AWAY = ("is locked", "database or disk is full", "disk I/O error")


class Patience:
    """Says whether to try again, and waits before it: half a second at first, ten at most.

    Args:
        over: whether to wait no longer, given the seconds for which the store has been away.
        say: told when the store goes away, and when it is back.
    """

    def __init__(self, over: Callable[[float], bool], say: Callable[[str], None]) -> None:
        self._over = over
        self._say = say
        self._since: float | None = None
        self._pause = FIRST_PAUSE

    def waits(self, store: str, reason: str) -> bool:
        """Wait for the next try; False: there is none. ``store``: what is away, for the user."""
        now = time.monotonic()
        if self._since is None:
            self._since, self._pause = now, FIRST_PAUSE
            self._say(f"{store} is away ({reason}): the run goes on, and what it tells waits")
        until = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        while (now := time.monotonic()) < until:
            if self._over(now - self._since):
                return False
            time.sleep(TURN)
        return True

    def answered(self, store: str) -> None:
        """The store has answered."""
        if self._since is not None:
            self._since = None
            self._say(f"{store} is back")


def is_away(error: BaseException, server: bool) -> bool:
    """Whether what failed may work later as it stands: no answer, or an error of the server's own; a lock, or a full disk.

    Args:
        server: whether the store is a server, and not a sqlite file.
    """
    from requests.exceptions import RequestException

    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    if not server:
        return any(words in str(error) for words in SQLITE_AWAY)
    status = _status(error)
    if status is None:  # no answer, or 408, 429, 500, 502, 503 or 504: at these MLflow lets requests raise
        return any(isinstance(e, RequestException) for e in (error, error.__cause__, error.__context__))
    return status >= 500 or status in {408, 429}


def _status(error: BaseException) -> int | None:
    """HTTP status of the answer that ``error`` names; None: none.

    MLflow's own code does not tell: INTERNAL_ERROR is also that of answers which are not of MLflow but of a proxy.
    """
    response = getattr(error, "response", None)  # of an upload
    if response is not None:
        return int(response.status_code)
    told = re.search(r"failed with error code (\d{3})\b", str(error))
    return int(told[1]) if told else None
