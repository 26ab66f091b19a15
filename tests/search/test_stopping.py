"""Requests to stop: who hears them, who no longer does, and how soon."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from hpo.search import stopping
from hpo.search.stopping import NOW, SOON, Requests, Stopped, asked, request_stop


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "PAUSE", 0.01)


def stop_now(folder: Path, *, after_soon: bool) -> None:
    """Ask, and wait as a run waits for its workers: until a signal comes, or in vain."""
    with Requests(folder):
        if after_soon:
            request_stop(folder, now=False)
        request_stop(folder, now=True)
        assert asked(folder) == NOW
        threading.Event().wait(30)


def test_no_request_is_taken_where_no_run_is_at_work(tmp_path: Path) -> None:
    assert not request_stop(tmp_path, now=False)
    assert asked(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_request_to_stop_soon_is_heard_and_interrupts_nothing(tmp_path: Path) -> None:
    with Requests(tmp_path) as requests:
        assert not requests.soon()
        assert asked(tmp_path) is None
        assert request_stop(tmp_path, now=False)
        assert asked(tmp_path) == SOON
        requests.join(0.2)
        assert requests.soon()
    assert list(tmp_path.iterdir()) == []


def test_a_request_to_stop_now_interrupts_the_main_thread_also_after_one_to_stop_soon(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        stop_now(tmp_path, after_soon=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_means_what_it_meant_before_and_afterwards_too(
    tmp_path: Path, handler: signal.Handlers
) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        with Requests(tmp_path):
            if handler is signal.SIG_IGN:  # as in a background job of a shell
                signal.raise_signal(signal.SIGINT)
            else:
                with pytest.raises(KeyboardInterrupt) as error:
                    signal.raise_signal(signal.SIGINT)
                assert not isinstance(error.value, Stopped)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_job_in_the_background_that_ignores_ctrl_c_hears_a_request_all_the_same(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(Stopped):
            stop_now(tmp_path, after_soon=False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_asked_of_a_run_that_is_gone_says_nothing_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "at-work"
    with Requests(tmp_path):
        left = path.read_bytes()
    path.write_bytes(left)  # as a run that is killed leaves it
    assert request_stop(tmp_path, now=True)
    late = path.open(
        "ab"
    )  # a request that was begun before the next run took over, and is written after it did
    with Requests(tmp_path) as requests:
        assert asked(tmp_path) is None
        with late:
            late.write(b"stop now\n")
        requests.join(0.2)
        assert not requests.soon()


def test_a_run_in_another_thread_is_told_to_stop_soon(tmp_path: Path) -> None:
    heard: list[bool] = []

    def work() -> None:
        with Requests(tmp_path) as requests:
            request_stop(tmp_path, now=True)
            requests.join(0.2)
            heard.append(requests.soon())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [True]
