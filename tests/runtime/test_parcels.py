"""States between stores that share no folder: the answers and the files are those of one store that all share."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.runtime.parcels import new_files, pack
from hpo.runtime.recall import Recall
from hpo.runtime.worker import Worker
from hpo.training.exchange import read, state_names, take
from hpo.training.state_files import read_state
from hpo.training.states import state_digest
from hpo.training.store import STORE_LIMIT, Store, file_name
from tests.runtime.trainings import RUNGS, Desk, facts, job


def files(folder: Path) -> dict[str, bytes]:
    """Facts without clocks, and states, of a store."""
    kinds = ("segments", "evaluations", "states")
    return {
        f"{kind}/{path.name}": path.read_bytes() if kind == "states" else b""
        for kind in kinds
        for path in sorted((folder / kind).iterdir())
    }


@pytest.mark.parametrize("held", [False, True], ids=["each job by a fresh worker", "by one that stays warm"])
def test_through_parcels_a_training_gives_the_same_answers_and_the_same_files(
    desk: Desk, tmp_path: Path, held: bool
) -> None:
    shared = desk.worker(tmp_path / "shared")
    wanted = [shared.do(job(rung, frozen_layers=0)) for rung in range(RUNGS)]
    ours = desk.worker(tmp_path / "ours").recall
    states: set[str] = set()
    theirs = desk.worker(tmp_path / "theirs")
    found = []
    for rung in range(RUNGS):
        if not held:
            theirs, states = desk.worker(tmp_path / f"theirs-{rung}"), set()
        asked = job(rung, frozen_layers=0)
        parcel = pack(ours, asked, states)
        if rung:
            assert parcel.state is not None
            assert (parcel.state in parcel.files) is not held, "what the worker has is not sent again"
        take(theirs.recall.store, parcel.files)
        found.append(theirs.do(asked))
        assert found[-1].trained == 1, "it went on from the state that came"
        new = new_files(theirs.recall, asked, parcel.known)
        take(ours.store, new)
        states |= set(new)
    assert facts(found) == facts(wanted)
    assert set(files(tmp_path / "ours")) == set(files(tmp_path / "shared"))
    assert [
        done.rung for done in map(ours.known, (job(r, frozen_layers=0) for r in range(RUNGS))) if done
    ] == [done.rung for done in found]


def through_parcels(ours: Recall, worker: Worker, rung: int, held: set[str]) -> set[str]:
    """Names of the states that come back with a job's answer."""
    asked = job(rung, frozen_layers=0)
    parcel = pack(ours, asked, held)
    take(worker.recall.store, parcel.files)
    worker.do(asked)
    new = new_files(worker.recall, asked, parcel.known)
    take(ours.store, new)
    return {name for name in new if name.startswith("states/")}


def test_a_state_that_the_coordinator_let_go_does_not_come_with_each_later_answer(
    desk: Desk, tmp_path: Path
) -> None:
    ours, theirs = desk.worker(tmp_path / "ours").recall, desk.worker(tmp_path / "theirs")
    first = through_parcels(ours, theirs, 0, set())
    assert first
    for name in first:  # as room for others is made
        (tmp_path / "ours" / name).unlink()
    later = through_parcels(ours, theirs, 1, set(state_names(theirs.recall.store)))
    assert later
    assert not later & first


def test_a_damaged_state_is_not_sent_and_a_whole_one_takes_its_place(desk: Desk, tmp_path: Path) -> None:
    ours = desk.worker(tmp_path / "ours").recall
    (name,) = through_parcels(ours, desk.worker(tmp_path / "first"), 0, set())
    path = tmp_path / "ours" / name
    data, digest = path.read_bytes(), state_digest(read_state(path))
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    fresh = desk.worker(tmp_path / "second")
    asked = job(1, frozen_layers=0)
    parcel = pack(ours, asked, ())
    assert parcel.state is None
    take(fresh.recall.store, parcel.files)
    assert fresh.do(asked).trained == 2, "from the start"
    take(ours.store, new_files(fresh.recall, asked, parcel.known))
    assert state_digest(read_state(path)) == digest


def test_passes_are_charged_as_the_first_worker_made_them(desk: Desk, tmp_path: Path) -> None:
    ours = desk.worker(tmp_path / "ours").recall
    asked = job(0, frozen_layers=2)
    charged = []
    for name in ("first", "second"):
        worker = desk.worker(tmp_path / name)
        parcel = pack(ours, asked, ())
        take(worker.recall.store, parcel.files)
        done = worker.do(asked)
        charged.append(done.passes)
        take(ours.store, new_files(worker.recall, asked, parcel.known))
    assert charged[0]
    assert charged[0] == charged[1]


def test_a_file_that_comes_damaged_or_under_a_foreign_name_is_not_taken(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path / "theirs")
    worker.do(job(0))
    course = worker.recall.course(job(0).parameters, 1)
    name = file_name("states", course.keys[1])
    (data,) = read(worker.recall.store, [name]).values()
    warned: list[str] = []
    store = Store(tmp_path / "ours", STORE_LIMIT, warned.append)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    take(store, {name: bytes(flipped)})
    assert state_names(store) == []
    assert warned == [f"states/{name[7:19]} came damaged from a worker: it is computed again when needed"]
    take(store, {name.replace("states", "segments").replace("safetensors", "json"): b"{}"})
    assert len(warned) == 2
    for foreign in (
        "../outside.json",
        "states/../../x",
        "prefixes/" + "0" * 64 + ".safetensors",
        "segments/A.json",
    ):
        with pytest.raises(ValueError, match="no name of a file"):
            take(store, {foreign: data})
    take(store, {name: data})
    assert read(store, [name]) == {name: data}
