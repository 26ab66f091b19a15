"""The tracking process: ``python -m hpo.tracking.process`` mirrors in MLflow what its input tells, one JSON line each.

Its only answers: ``note`` (the store is away, or back), ``done`` after ``finish`` or ``interrupt``, ``failed`` (a
UserError), ``broken`` (a bug of ours). While the store is away it tries again for as long as the run goes on, and ``LAST``
seconds longer. When its input ends, the coordinator is gone: it writes nothing more and ends; the next run repairs what
that leaves.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

from hpo.errors import UserError
from hpo.records.events import Work
from hpo.records.files import read_confirmation, read_run, read_trial
from hpo.records.run import Run
from hpo.records.trainings import Rung
from hpo.tracking.database import WriteAhead
from hpo.tracking.describe import Found
from hpo.tracking.mirror import Mirror
from hpo.tracking.patience import Patience
from hpo.tracking.store import Store
from hpo.tracking.uri import database
from hpo.tracking.waiting import Message, Waiting

GRACE = 20.0  # seconds for what is under way when the coordinator is gone
LAST = 120.0  # seconds for which a finished run waits for a store that is away


def main() -> None:
    """Work until told to end, or until the input ends."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # the coordinator says when to end
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing that a library prints is an answer

    def answer(what: str, **content: str) -> None:
        print(json.dumps({"what": what, **content}), file=answers, flush=True)

    inbox = Inbox()
    scribe = Scribe(inbox, Patience(inbox.waits_no_longer, lambda text: answer("note", text=text)))
    try:
        try:
            scribe.work()
        except UserError as error:
            answer("failed", message=error.message, hint=error.hint)
            scribe.wait_for_interrupt()
        except Exception:  # noqa: BLE001 - the coordinator raises it
            answer("broken", traceback=traceback.format_exc())
            scribe.wait_for_interrupt()
        scribe.close()
        answer("done")
    except BrokenPipeError:  # nobody listens any more
        pass
    os._exit(0)  # all is written: tearing the libraries down would only keep the coordinator waiting


class Inbox:
    """Messages from the standard input, read as they come, so that the coordinator never waits.

    ``gone``: the coordinator is, without having said that this run is to be interrupted.
    """

    def __init__(self) -> None:
        self._waiting = Waiting()
        self._last = "nothing"  # what was asked for last
        self._asked = 0.0  # when, on the monotonic clock
        self.gone = False
        threading.Thread(target=self._read, daemon=True).start()

    def waits_no_longer(self, away: float) -> bool:
        """Whether a store that has been away for so many seconds is to be given up."""
        if self._last == "finish":
            return min(away, time.monotonic() - self._asked) > LAST
        return self.gone or self._last == "interrupt"

    def next(self, pause: float | None) -> Message | None:
        """The next message, waiting up to ``pause`` seconds (None: for ever) for it."""
        return self._waiting.take(pause)

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            if not line.endswith(b"\n"):
                break  # killed in the middle of it
            message = json.loads(line)
            self._asked, self._last = time.monotonic(), message["what"]
            self._waiting.put(message)
        self.gone = self._last != "interrupt"
        self._waiting.close()
        time.sleep(GRACE)
        os._exit(1)


class Scribe:
    """Does what the messages say, and lets the mirror write in between."""

    def __init__(self, inbox: Inbox, patience: Patience) -> None:
        self._inbox = inbox
        self._patience = patience
        self._ahead: WriteAhead | None = None
        self._store: Store | None = None
        self._mirror: Mirror | None = None
        self._folder = Path()

    def work(self) -> None:
        """Until the run has finished or is interrupted, or the coordinator is gone.

        Raises:
            UserError: the database or the server fails.
        """
        while not self._inbox.gone:
            message = self._next(None if self._mirror is None else self._mirror.pause())
            while message is not None and not self._inbox.gone:
                if self._ends_with(message):
                    return
                message = self._next(0)
            if self._mirror is not None and not self._inbox.gone:
                self._mirror.write_next()

    def wait_for_interrupt(self) -> None:
        """After a failure nothing is written but the end of what is open."""
        while not self._inbox.gone:
            message = self._inbox.next(None)
            if message is not None and message["what"] == "interrupt":
                self._ends_with(message)
                return

    def close(self) -> None:
        """Leave the database as a plain file, unless the coordinator is gone."""
        if self._ahead is not None and not self._inbox.gone:
            self._ahead.settle()

    def _next(self, pause: float | None) -> Message | None:
        """The next message, unless the mirror has enough to write."""
        behind = self._mirror is not None and self._mirror.is_behind()
        return None if behind else self._inbox.next(pause)

    def _ends_with(self, message: Message) -> bool:
        """Do what one message says; whether it is the last one."""
        what = message["what"]
        if what == "connect":
            path = database(message["uri"])
            self._ahead = None if path is None else WriteAhead(path)
            self._store = Store(message["uri"], self._patience)
        elif what == "open":
            assert self._store is not None
            run = Run.model_validate(message["run"])
            self._folder = Path(message["folder"])
            self._mirror = Mirror(self._store, run, message["run_id"], message["at"])
        elif what == "interrupt":
            if self._mirror is not None:
                self._mirror.interrupt()
        else:
            assert self._mirror is not None
            _tell(self._mirror, message, self._folder)
        return what in ("finish", "interrupt")


def _tell(mirror: Mirror, message: Message, folder: Path) -> None:
    """Hand one event of the run in ``folder`` to the mirror."""
    at = message["at"]
    match message["what"]:
        case "started":
            mirror.started(at, Work(**message["work"]))
        case "rung":
            mirror.rung(at, Work(**message["work"]), Rung.model_validate(message["rung"]))
        case "ended":
            confirmation, strategy, replicate, index = message["training"]
            if confirmation:
                mirror.confirmation(
                    at, read_confirmation(folder, strategy, replicate, index), message["begun"]
                )
            else:
                mirror.trial(at, read_trial(folder, strategy, replicate, index), message["begun"])
        case "note":
            mirror.note(message["text"])
        case "finish":
            head = read_run(folder)
            if head is not None:
                mirror.head(head)
            mirror.finish(
                at,
                Path(message["space_file"]),
                Path(message["report"]),
                [Path(table) for table in message["tables"]],
                Path(message["verdict_file"]),
                Found(message["verdict"], message["main_table"]),
            )


if __name__ == "__main__":
    main()
