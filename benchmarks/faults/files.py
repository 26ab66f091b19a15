"""Files cut, damaged and changed between two processes of one run, or under one."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.kills import workers_of
from benchmarks.faults.study import Study
from benchmarks.tiny import write_tiny
from hpo.search.journal import journal_path

STORED = ("segments", "evaluations", "passes", "states", "prefixes")


def journal_cut(bench: Bench, times: int) -> Found:
    """The journal of a killed run, cut at a random byte of its last record."""
    found = Found()
    killed = _killed(bench, "journal-cut")
    for number in range(times):
        study = killed.copy(bench.folder / f"journal-cut-{number}")
        path = journal_path(study.run)
        data = path.read_bytes()
        last = data.rfind(b"\n", 0, len(data) - 1) + 1
        path.write_bytes(data[: bench.random.randrange(last, len(data))])
        bench.ends(study, found)
    return found.tell(times=times)


def flipped_bits(bench: Bench, times: int) -> Found:
    """A random bit of a file of each kind in the store of a killed run, all at once."""
    found, hit = Found(), Counter[str]()
    killed = _killed(bench, "flipped")
    for number in range(times):
        study = killed.copy(bench.folder / f"flipped-{number}")
        for kind in STORED:
            files = sorted((study.store / kind).iterdir())
            if files:
                _flip(bench, bench.random.choice(files))
                hit[kind] += 1
        bench.ends(study, found)
    return found.tell(times=times, bits=dict(hit))


def flipped_records(bench: Bench, times: int) -> Found:
    """A random bit of a record, or of the journal: refused with what to do, or harmless; what is told to do is done."""
    found, refused = Found(), Counter[str]()
    killed = _killed(bench, "flipped-records")
    for number in range(times):
        study = killed.copy(bench.folder / f"flipped-records-{number}")
        chosen = [journal_path(study.run), *sorted((study.run / "records").rglob("*.json"))]
        path = chosen[0] if number % 3 == 0 else bench.random.choice(chosen[1:])
        _flip(bench, path)
        code, printed = study.finish(before=study.counted)
        if code == 2 and "ove the file away" in printed and path.name in printed:
            refused["journal" if path == chosen[0] else path.parent.name] += 1
            path.unlink()
            code, printed = study.finish(before=study.counted)
        bench.ended(study, code, printed, found)
    return found.tell(times=times, refused=dict(refused))


def changed(bench: Bench, times: int) -> Found:
    """A data file and a model folder, changed between two processes of one run: refused, and taken up when they are back."""
    found, refused = Found(), Counter[str]()
    write_tiny(bench.folder, 300)
    model = bench.folder / "model"
    for number in range(times):
        study = bench.study(
            f"changed-{number}", data=f"{{path: {bench.folder / 'reviews.csv'}}}", model=str(model), layers=3
        )
        _kill_within(bench, study)
        for path in (bench.folder / "reviews.csv", model / "config.json", model / "tokenizer.json"):
            was = path.read_bytes()
            path.write_bytes(was.replace(b"good", b"fine", 1) if path.suffix == ".csv" else _other(was))
            code, printed = study.finish()
            path.write_bytes(was)  # with another time of change
            if code == 2 and "not all is as it was" in printed:
                refused[path.name] += 1
            else:
                found.fault(f"{path.name} changed: ended with {code}: {printed}")
        code, printed = study.finish()
        if code:
            found.fault(f"taken up again it ended with {code}: {printed}")
        shutil.rmtree(study.folder)
    return found.tell(times=times, refused=dict(refused))


def changed_under(bench: Bench, times: int) -> Found:
    """A data file changed while a run goes on, seen by a worker that takes a killed one's place: refused."""
    found, refused = Found(), 0
    write_tiny(bench.folder, 300)
    path = bench.folder / "reviews.csv"
    for number in range(times):
        study = bench.study(
            f"under-{number}",
            workers=2,
            data=f"{{path: {path}}}",
            model=str(bench.folder / "model"),
            layers=3,
        )
        was = path.read_bytes()
        process = study.start(command=True)
        while study.segments() < 4 and process.poll() is None:
            process.ends_within(0.02)
        path.write_bytes(b"\n".join(line.replace(b"film", b"plot") for line in was.split(b"\n")))
        for pid in workers_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        code, printed = process.wait(), process.printed
        path.write_bytes(was)
        if code == 2 and "a file was changed under it" in printed:
            refused += 1
        else:
            found.fault(f"changed under a run: ended with {code}: {printed}")
        code, printed = study.finish(command=True)
        if code:
            found.fault(f"taken up again it ended with {code}: {printed}")
        shutil.rmtree(study.folder)
    return found.tell(times=times, refused=refused)


def _other(data: bytes) -> bytes:
    """A configuration or a tokenizer of another meaning."""
    return data.replace(b'"num_attention_heads": 2', b'"num_attention_heads": 4').replace(
        b'"plot"', b'"plots"'
    )


def _killed(bench: Bench, name: str) -> Study:
    """A run that was killed when it had done about two thirds."""
    study = bench.study(name)
    process = study.start(before=study.counted)
    goal = 2 * bench.undisturbed.trained // 3
    while study.segments() < goal and process.poll() is None:
        process.ends_within(0.02)
    process.kill()
    return study


def _kill_within(bench: Bench, study: Study) -> None:
    process = study.start()
    goal = bench.random.randint(1, 12)
    while study.segments() < goal and process.poll() is None:
        process.ends_within(0.01)
    process.kill()


def _flip(bench: Bench, path: Path) -> None:
    data = bytearray(path.read_bytes())
    bit = bench.random.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


FAULTS: dict[str, Any] = {
    "journal_cut": (journal_cut, 5),
    "flipped_bits": (flipped_bits, 10),
    "flipped_records": (flipped_records, 9),
    "changed": (changed, 2),
    "changed_under": (changed_under, 2),
}
