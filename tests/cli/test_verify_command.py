from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_events import confirmation, experiment, run_record, trial

from hpo.cli.main import execute
from hpo.records.files import write_run, write_trial
from hpo.search.verify import Compared, Sampled

EQUAL: dict[str, Any] = {"exact": True, "same_state": True, "loss": 0.0, "score": 0.0}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda _: True)
    for results in (Path("results"), Path("my runs")):
        write_run(results / "tiny", run_record(experiment(replicates=1, trials=1)))
        write_trial(results / "tiny", trial("linear", 0, 0))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the training: ``each`` says how two segments come out."""
    fake = SimpleNamespace(each=[EQUAL, EQUAL], segments=40, others=[], warnings=[], asked=[])

    class Verification:
        def __init__(self, folder: Path, store: Path, size: int) -> None:
            fake.asked.append((folder, store, size))
            fake.sample = fake.each
            self.__dict__.update(fake.__dict__)

        def compare(self) -> Iterator[Compared]:
            items = (trial("linear", 0, 3), confirmation("baseline", 1, 0.7))
            for item, how in zip(items, fake.each, strict=True):
                yield Compared(Sampled(item, item.segments[0], 9), **how)

    monkeypatch.setattr("hpo.search.verify.Verification", Verification)
    return fake


def test_what_is_equal_is_told_line_by_line_with_a_verdict(found: SimpleNamespace, capsys) -> None:
    assert execute(["verify", "tiny"]) == 0
    assert found.asked == [(Path("results/tiny"), Path("results/.store"), 10)]
    assert capsys.readouterr().out.splitlines() == [
        "tiny: 2 of 40 segments are trained again",
        "linear, replicate 0, draw 3, step 10: equal",
        "baseline, replicate 1, seed 0, step 10: equal",
        "All 2 come to the recorded states, losses and scores, bit for bit.",
        "next: hpo report results/tiny",
    ]


def test_what_differs_is_told_by_how_much_and_exits_with_1(found: SimpleNamespace, capsys) -> None:
    found.each = [{**EQUAL, "same_state": False}, {**EQUAL, "loss": 1.23456e-6, "score": 0.0125}]
    found.warnings = ["states/abc was damaged: removed, and computed again when needed"]
    assert execute(["verify", "tiny"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "linear, replicate 0, draw 3, step 10: differs: in the state alone",
        "baseline, replicate 1, seed 0, step 10: differs: losses by 1.2e-06, scores by 0.013 at most",
        "note: states/abc was damaged: removed, and computed again when needed",
        "2 of 2 differ: this machine no longer computes the bits that it computed before,",
        "or what is stored was changed.",
        "next: hpo verify results/tiny --sample 40",
    ]


def test_where_every_segment_was_tried_the_store_is_to_go(found: SimpleNamespace, capsys) -> None:
    found.each = [EQUAL, {**EQUAL, "loss": math.inf}]
    found.segments = 2
    assert execute(["verify", "my runs/tiny", "--sample", "7"]) == 1
    assert found.asked == [(Path("my runs/tiny"), Path("my runs/.store"), 7)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].endswith("differs: losses by inf, scores by 0 at most")
    assert lines[-1] == "next: move my runs/.store away, so that no later run builds on it"


def test_without_facts_the_verdict_speaks_of_scores_alone(found: SimpleNamespace, capsys) -> None:
    found.each = [EQUAL, {**EQUAL, "same_state": None}]
    assert execute(["verify", "tiny", "--results", "my runs"]) == 0
    assert found.asked[0][:2] == (Path("my runs/tiny"), Path("my runs/.store"))
    assert capsys.readouterr().out.splitlines()[3:] == [
        "All 2 come to the recorded losses and scores, bit for bit. The store has no",
        "facts of 1, so that its state could not be compared.",
        "next: hpo report 'my runs/tiny'",
    ]


def test_another_class_of_numerics_is_named_and_held_to_a_tolerance(found: SimpleNamespace, capsys) -> None:
    other = {"exact": False, "same_state": None, "loss": 3e-9, "score": 0.0}
    found.each, found.others = [other, other], ["threads: 2 -> 1", "torch: 2.9.1 -> 2.13.0"]
    assert execute(["verify", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "baseline, replicate 1, seed 0, step 10: alike: losses by 3e-09, scores by 0 at most",
        "All 2 come close to the recorded losses and scores. Equal bits are not promised",
        "here (threads: 2 -> 1; torch: 2.9.1 -> 2.13.0): losses within 0.05 and scores",
        "within 0.02 are taken as alike.",
        "next: hpo report results/tiny",
    ]


def test_more_than_another_class_explains_differs(found: SimpleNamespace, capsys) -> None:
    other = {"exact": False, "same_state": None, "loss": 0.3, "score": 0.0}
    found.each, found.others = [other, {**other, "loss": 0.0}], []
    assert execute(["verify", "tiny"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "linear, replicate 0, draw 3, step 10: differs: losses by 0.3, scores by 0 at most",
        "baseline, replicate 1, seed 0, step 10: alike: losses by 0, scores by 0 at most",
        "1 of 2 differ by more than is taken as alike. Equal bits are not promised here",
        "(a GPU, or another build of hpo or torch): losses within 0.05 and scores within",
        "0.02 are taken as alike.",
        "next: hpo verify results/tiny --sample 40",
    ]


def test_equal_states_are_equal_where_no_bits_are_promised(found: SimpleNamespace, capsys) -> None:
    found.each = [{**EQUAL, "exact": False}] * 2
    assert execute(["verify", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "linear, replicate 0, draw 3, step 10: equal"


def test_a_run_that_is_not_there_is_told(capsys) -> None:
    assert execute(["verify", "tny"]) == 2
    assert capsys.readouterr().err == (
        "error: 'tny' is neither the folder of a run nor the name of one under results/; there are tiny\n"
        "hint: Name one of them, such as `tiny`.\n"
    )


def test_a_sample_of_none_is_refused(capsys) -> None:
    assert execute(["verify", "tiny", "--sample", "0"]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: Invalid value for '--sample': ")
    assert hint == "hint: Run `hpo verify --help` for what it takes and an example."
