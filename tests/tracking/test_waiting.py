"""What waits while the store is away: of what has ended its name alone, however many trials that are."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tracked_run import TABLE, Made, Recorded, Told, files, make_run, now, snapshot, tell

from hpo.tracking import mirror as mirror_module
from hpo.tracking.mirror import Mirror
from hpo.tracking.process import Scribe
from hpo.tracking.store import Store
from hpo.tracking.uri import default_uri
from hpo.tracking.waiting import Message, Waiting

FIRST, SECOND = (False, "linear", 0, 0), (False, "linear", 0, 1)


def event(what: str, training: tuple[bool, str, int, int], at: int) -> Message:
    return {"what": what, "training": list(training), "at": at}


def taken(waiting: Waiting) -> list[Message]:
    found = []
    while (message := waiting.take(0)) is not None:
        found.append(message)
    return found


def test_what_has_ended_takes_the_place_of_all_that_waits_of_it_and_tells_when_it_began() -> None:
    waiting = Waiting()
    waiting.put({"what": "note"})
    for what, training, at in [
        ("started", FIRST, 1),
        ("started", SECOND, 2),
        ("rung", FIRST, 3),
        ("rung", SECOND, 4),
        ("ended", FIRST, 5),
        ("rung", SECOND, 6),
    ]:
        waiting.put(event(what, training, at))
    told = [(m["what"], m.get("at"), m.get("begun")) for m in taken(waiting)]
    under_way = [("started", 2, None), ("rung", 4, None), ("rung", 6, None)]
    assert told == [("note", None, None), *under_way, ("ended", 5, 1)]


def test_what_was_taken_before_the_end_is_not_told_to_begin_by_it() -> None:
    waiting = Waiting()
    waiting.put(event("started", FIRST, 1))
    assert [m["what"] for m in taken(waiting)] == ["started"]
    waiting.put(event("rung", FIRST, 2))
    waiting.put(event("ended", FIRST, 3))
    assert [(m["what"], m["begun"]) for m in taken(waiting)] == [("ended", None)]


def test_who_waits_is_woken_by_a_message_and_by_the_end() -> None:
    waiting = Waiting()
    for tell_it, wanted in ((lambda: waiting.put({"what": "note"}), {"what": "note"}), (waiting.close, None)):
        timer = threading.Timer(0.05, tell_it)
        timer.start()
        assert waiting.take(60) == wanted
        timer.join()
    assert waiting.take(None) is None


class Away:
    """A patience that waits until the store is said to be back, and an MLflow client that fails till then."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.met = threading.Event()

    def waits(self, store: str, reason: str) -> bool:
        self.met.set()
        return self.back.wait(60)

    def answered(self, store: str) -> None:
        pass

    def break_(self, client: Any, patch: pytest.MonkeyPatch) -> None:
        original = client.create_run

        def create_run(*args: Any, **kwargs: Any) -> Any:
            if not self.back.is_set():
                raise OSError(28, "No space left on device")
            return original(*args, **kwargs)

        patch.setattr(client, "create_run", create_run)


class Post(Recorded):
    """A tracker whose letters are put to what waits in this process."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def _tell(self, what: str, **content: Any) -> None:
        self._waiting.put(json.loads(json.dumps({"what": what, "at": now(), **content})))

    def end(self, files: tuple[Path, Path, list[Path], Path]) -> None:
        space_file, report, tables, verdict_file = files
        self._tell(
            "finish",
            space_file=str(space_file),
            report=str(report),
            tables=[str(table) for table in tables],
            verdict_file=str(verdict_file),
            verdict="A verdict.",
            main_table=TABLE,
        )


def test_of_trials_told_while_the_store_is_away_their_names_wait_and_all_arrive(
    results: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trials train at a time, 16 in all; the mirror holds the contents of few of them even when it is back."""
    monkeypatch.setattr(mirror_module, "MOST", 3)
    trials, run = 16, make_run(name, baseline=None, replicates=1, trials=8)
    waiting, away, held = Waiting(), Away(), [0]
    write = Mirror._write
    monkeypatch.setattr(Mirror, "_write", lambda m, key: (held.append(len(m._waiting)), write(m, key))[1])
    inbox: Any = SimpleNamespace(gone=False, next=waiting.take)
    patience: Any = away
    scribe = Scribe(inbox, patience)
    told = Told(default_uri(results), make_run(f"{name}b", baseline=None, replicates=1, trials=8), "run1")
    scribe._store = Store(default_uri(results), patience)
    coordinator = Post(waiting)
    coordinator.open(run, "run1", tmp_path / "run")
    scribe_thread = threading.Thread(target=scribe.work)
    scribe_thread.start()
    while scribe._mirror is None:
        time.sleep(0.01)
    away.break_(scribe._store._client, monkeypatch)
    made = [
        Made(s, 0, i, (0.5, 0.6, 0.6 + i / 100)) for i in range(trials // 2) for s in ("linear", "cosine")
    ]
    tell(coordinator, made[0])
    assert away.met.wait(60)
    for one, other in zip(made[1::2], made[2::2], strict=False):
        coordinator.started(one.work())
        tell(coordinator, other)
        tell(coordinator, one)
    tell(coordinator, made[-1])
    with waiting._changed:
        messages = [m for of_one in waiting._messages.values() for m in of_one]
    assert len(messages) == trials - 1
    assert all(set(m) == {"what", "at", "training", "begun"} for m in messages)
    away.back.set()
    coordinator.end(files(tmp_path / "files"))
    scribe_thread.join(60)
    assert max(held) <= 3 + 5, "and the studies, strategies and comparison above them"
    for item in made:
        tell(told, item)
    told.finish(*files(tmp_path / "files"), "A verdict.", TABLE)
    assert snapshot(results, name) == snapshot(results, f"{name}b")
