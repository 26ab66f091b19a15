"""The coordinator's end of the mirror: what it is told goes to a process of its own (``hpo.tracking.process``).

MLflow takes 10 to 20 ms of Python for each trial and seconds to import; here nobody waits for that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from hpo.errors import UserError
from hpo.records.events import Work
from hpo.records.run import Run
from hpo.records.trainings import Confirmation, Rung, Trial
from hpo.tracking.uri import check, shown

# Seconds from ``begin_interrupt`` on that the process has to write what waits: a machine that is taken away leaves ten.
PATIENCE = 6.0


class Tracker:
    """Mirrors one run of ``hpo`` in MLflow; fulfils ``hpo.records.events.Observer``. Only the coordinator opens one.

    Make it before the model is loaded, so that the import of mlflow and the loading go on side by side; ``open`` it
    with the head of the records; then ``finish`` or ``interrupt`` it, whatever happened. Telling it again what it was
    told, in this process or an earlier one, changes nothing. Runs that an interrupted or killed process left half-way
    are continued.

    Args:
        uri: tracking URI (``hpo.tracking.uri``).
        say: shows the user a line, from within the methods: the store is away, or back.

    Raises:
        UserError: (making it) nothing can be tracked at ``uri``; (any method but ``interrupt``) the database or the
            server failed at something told before.
    """

    def __init__(self, uri: str, say: Callable[[str], None]) -> None:
        check(uri)
        self._say = say
        self._notes: SimpleQueue[str] = SimpleQueue()
        self._uri = uri
        self._opened = False
        self._interrupted: float | None = None  # when, on the monotonic clock
        self._failure: Exception | None = None
        self._answered = threading.Event()  # by the end or a failure
        self._letters: SimpleQueue[bytes | None] = SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hpo.tracking.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # the terminal sends Ctrl-C to the coordinator alone
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Threads, because a signal in the main thread must never cut a line in two.
        self._threads = [
            threading.Thread(target=self._post, args=(self._process.stdin,), daemon=True),
            threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._tell("connect", uri=uri)

    def open(self, run: Run, run_id: str, folder: Path) -> None:
        """Open the runs of the comparison and the strategies.

        Args:
            run: head of the records; its name is the experiment's.
            run_id: tells runs of one experiment apart; the same on resuming.
            folder: of the run, where the records of what ended are read.
        """
        self._opened = True
        self._tell("open", run=run.model_dump(mode="json"), run_id=run_id, folder=str(folder.absolute()))

    def started(self, work: Work) -> None:
        """Open the run of a training."""
        self._tell("started", training=_training(work), work=asdict(work))

    def rung(self, work: Work, rung: Rung) -> None:
        """Log an evaluation, unless its step has been."""
        self._tell("rung", training=_training(work), work=asdict(work), rung=rung.model_dump(mode="json"))

    def trial(self, trial: Trial) -> None:
        """End a trial's run, with all that its record, which is written, holds and its run does not yet."""
        self._tell("ended", training=(False, trial.strategy, trial.replicate, trial.draw))

    def confirmation(self, confirmation: Confirmation) -> None:
        """End a confirmation's run; its record is written."""
        c = confirmation
        self._tell("ended", training=(True, c.strategy, c.replicate, c.index))

    def note(self, text: str) -> None:
        """Keep a line with the comparison."""
        self._tell("note", text=text)

    def finish(
        self,
        space_file: Path,
        report: Path,
        tables: list[Path],
        verdict_file: Path,
        verdict: str,
        main_table: str,
    ) -> None:
        """Store the files with the comparison; returns when all is written. A store that is away is waited for.

        Args:
            verdict: plain sentences.
            main_table: Markdown, with every name escaped.
        """
        self._tell(
            "finish",
            space_file=str(space_file.absolute()),
            report=str(report.absolute()),
            tables=[str(table.absolute()) for table in tables],
            verdict_file=str(verdict_file.absolute()),
            verdict=verdict,
            main_table=main_table,
        )
        while not self._answered.wait(0.2):
            self._show_notes()
        self._show_notes()
        self._raise_failure()
        self._close()

    def begin_interrupt(self) -> None:
        """Have what is under way marked as KILLED, and wait for nothing; ``interrupt`` is to follow."""
        if self._opened and self._interrupted is None:
            self._interrupted = time.monotonic()
            self._put({"what": "interrupt"})

    def interrupt(self) -> None:
        """Have what is under way marked as KILLED, and end the process, after ``PATIENCE`` seconds at most.

        The same ``run_id`` continues the run. A database or server that fails is left as it is.
        """
        self.begin_interrupt()
        if self._interrupted is None:
            self._process.kill()  # it has nothing to write, and may be far from having imported mlflow
            self._close()
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._interrupted + PATIENCE - time.monotonic()))
        self._close()

    def _tell(self, what: str, **content: Any) -> None:
        self._show_notes()
        self._raise_failure()
        self._put({"what": what, "at": int(time.time() * 1000), **content})

    def _put(self, message: dict[str, Any]) -> None:
        self._letters.put(json.dumps(message).encode() + b"\n")

    def _show_notes(self) -> None:
        with suppress(Empty):
            while True:
                self._say(self._notes.get_nowait())

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _close(self) -> None:
        self._letters.put(None)
        if self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()

    def _post(self, pipe: IO[bytes]) -> None:
        with suppress(OSError), pipe:  # a process that is gone is told of by the other thread
            while (letter := self._letters.get()) is not None:
                pipe.write(letter)
                pipe.flush()

    def _listen(self, pipe: IO[bytes]) -> None:
        done = False
        with pipe:
            for line in pipe:
                answer = json.loads(line)
                if answer["what"] == "note":
                    self._notes.put(answer["text"])
                    continue
                done = answer["what"] == "done"
                if answer["what"] == "failed":
                    self._failure = UserError(answer["message"], answer["hint"])
                elif answer["what"] == "broken":
                    self._failure = RuntimeError(f"in the tracking process:\n{answer['traceback']}")
                self._answered.set()
        if not done and self._failure is None:
            self._failure = UserError(
                f"the process that writes to MLflow at {shown(self._uri)!r} ended (exit code {self._process.wait()})",
                "Give the same command again, it goes on where it stopped; the machine may be out of memory.",
            )
        self._answered.set()


def _training(work: Work) -> tuple[bool, str, int, int]:
    """What tells the trainings of one run apart."""
    return work.confirmation, work.strategy, work.replicate, work.index
