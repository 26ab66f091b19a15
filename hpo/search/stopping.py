"""Requests to stop a run: lines in a file that its process makes, so that they reach it on whichever machine it works.

<run folder>/at-work    is there while `hpo run` is at work; each line behind the first is a request

The file is another one for each process that takes up the run: what was asked of one, and came too late, says nothing to
the next. That it is there before the request lets other machines see the request as soon as they open it anew, which a
shared folder does not promise of a file that is new.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

SOON, NOW = "stop", "stop now"
PAUSE = 0.5  # seconds between looks at the file
_HEAD = "hpo run is at work; hpo stop adds a line\n"


class Stopped(KeyboardInterrupt):
    """Somebody asked the run to stop: it does as on Ctrl-C, with another exit code."""


def request_stop(folder: Path, *, now: bool) -> bool:
    """Ask the process at work on the run in ``folder`` to stop; False where it takes no requests."""
    try:
        file = _file(folder).open("r+b")
    except FileNotFoundError:
        return False
    with file:
        file.seek(0, os.SEEK_END)
        file.write(f"{NOW if now else SOON}\n".encode())
    return True


def asked(folder: Path) -> str | None:
    """``SOON`` or ``NOW``, whichever is the sooner of what was asked of the process at work; None: nothing."""
    try:
        lines = _file(folder).read_text(encoding="utf-8").splitlines()[1:]
    except OSError:  # none is there, or the shared folder is away for a moment
        return None
    return NOW if NOW in lines else SOON if SOON in lines else None


class Requests(threading.Thread):
    """Looks for requests while a run is at work; the caller holds the run's lock.

    ``soon`` tells that there is one. One to stop now raises ``Stopped`` as well, in the midst of whatever the main thread
    does, as Ctrl-C would; a run in another thread, which no signal reaches, stops soon.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True, name="hpo-stop")
        self._folder = folder
        self._soon, self._now, self._over = threading.Event(), threading.Event(), threading.Event()
        self._owner = threading.get_ident()
        self._handles = threading.current_thread() is threading.main_thread()  # signals, as no other may
        self._before: Any = None

    def soon(self) -> bool:
        """Whether the run is to begin no further job."""
        return self._soon.is_set()

    def __enter__(self) -> Requests:
        path = _file(self._folder)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(_HEAD, encoding="utf-8")
        temporary.replace(path)
        if self._handles:
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()
        if self._handles:
            signal.signal(signal.SIGINT, self._before)
        _file(self._folder).unlink(missing_ok=True)

    def run(self) -> None:
        """Look until the run is over or has been told to stop now."""
        while not self._over.wait(PAUSE):
            wanted = asked(self._folder)
            if wanted is not None:
                self._soon.set()
            if wanted == NOW and self._handles:
                self._now.set()
                _wake(self._owner)
                return

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """SIGINT: a request's own, or whatever it meant before."""
        if self._now.is_set():
            self._now.clear()
            if not self._over.is_set():
                raise Stopped
        elif callable(self._before):
            self._before(number, frame)


def _wake(thread: int) -> None:
    """Have the main thread handle SIGINT, though it waits for another process."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _file(folder: Path) -> Path:
    return folder / "at-work"
