from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_events import confirmation, experiment, run_record, trial

from hpo.cli.main import execute
from hpo.errors import UserError
from hpo.records.files import write_audited, write_confirmation, write_run, write_trial
from hpo.records.trainings import Audited, Trial


def audited(of: Trial, score: float | None, seconds: float = 1.5) -> Audited:
    return Audited(
        strategy=of.strategy,
        replicate=of.replicate,
        draw=of.draw,
        sample_seed=0,
        state="failed" if score is None else "complete",
        reason="diverged: the training loss was not finite" if score is None else "trained to its end",
        score=score,
        segments=(),
        rungs=(),
        passes=(),
        seconds=seconds,
    )


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda _: True)
    folder = Path("results/tiny")
    write_run(folder, run_record(experiment(replicates=1, trials=6)))
    for strategy in ("linear", "cosine"):
        write_trial(folder, trial(strategy, 0, 0, 0.7))
        for draw in range(1, 6):
            write_trial(folder, trial(strategy, 0, draw, None))
        write_confirmation(folder, confirmation(strategy, 0, 0.6).model_copy(update={"test_correct": None}))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the training: ``scores`` are those of the sample's trials, ``before`` how many of them are known."""
    fake = SimpleNamespace(scores=[0.65, 0.7, 0.75], before=0, warnings=[], asked=[])

    class Audit:
        def __init__(self, folder: Path, size: int, seed: int) -> None:
            fake.asked.append((folder, size, seed))
            self.experiment = experiment()
            self.pruned = [trial(s, 0, draw, None) for s in ("linear", "cosine") for draw in range(1, 6)]
            self.sample = self.pruned[: len(fake.scores)]
            self.left = self.sample[fake.before :]
            self.warnings = fake.warnings
            self.folder = folder
            for one, score in list(zip(self.sample, fake.scores, strict=True))[: fake.before]:
                write_audited(folder, audited(one, score))

        def finish(self, told: Callable[[Trial, Audited], Any]) -> None:
            for one, score in list(zip(self.sample, fake.scores, strict=True))[fake.before :]:
                record = audited(one, score)
                write_audited(self.folder, record)
                told(one, record)

    monkeypatch.setattr("hpo.search.audit.Audit", Audit)
    return fake


def test_what_was_finished_is_told_with_the_bound_the_report_and_what_comes_next(
    found: SimpleNamespace, capsys
) -> None:
    assert execute(["audit", "tiny"]) == 0
    assert found.asked == [(Path("results/tiny"), 5, 0)]
    # 1 of 3 seen in a sample from 10: with 9 better, C(9, 1) x C(1, 2) = 0 ways to see at most one; with 8 it is
    # C(8, 1) C(2, 2) / C(10, 3) = 8 / 120 = 0.067 > 0.05.
    assert capsys.readouterr().out.splitlines() == [
        "tiny: 3 of 10 pruned trials are trained to their end",
        "linear, replicate 0, draw 1: 0.650, below the 0.700 that its search selected",
        "linear, replicate 0, draw 2: 0.700, equal to the 0.700 that its search selected",
        "linear, replicate 0, draw 3: 0.750, above the 0.700 that its search selected",
        "1 of 3 audited trials is better than what its search selected. Of all 10 that",
        "were pruned it is at most 8, with 95 % confidence. The audit took 4.5",
        "device-seconds, which are charged to no strategy.",
        "report: results/tiny/report.html",
        "next: hpo audit results/tiny --sample 6",
    ]
    assert Path("results/tiny/report.html").is_file()


def test_what_was_audited_before_is_told_and_counts(found: SimpleNamespace, capsys) -> None:
    found.before, found.scores, found.warnings = 2, [0.6, 0.6, None], ["states/abc was damaged"]
    assert execute(["audit", "tiny", "--sample", "3", "--seed", "4"]) == 0
    assert found.asked == [(Path("results/tiny"), 3, 4)]
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "next: hpo audit results/tiny --sample 6 --seed 4"
    assert out[:4] == [
        "tiny: 3 of 10 pruned trials are trained to their end, 2 of them have been",
        "linear, replicate 0, draw 3: failed, diverged: the training loss was not finite",
        "note: states/abc was damaged",
        "None of 3 audited trials is better than what its search selected. Of all 10 that",
    ]


def test_where_all_are_audited_nothing_is_bounded(found: SimpleNamespace, capsys) -> None:
    found.scores = [0.6] * 9 + [0.8]
    assert execute(["audit", "tiny", "--sample", "99"]) == 0
    out = capsys.readouterr().out
    told = "1 of 10 audited trials is better than what its search selected. That is all that were pruned."
    assert told in " ".join(out.split())
    assert out.endswith("next: hpo ui --space results/tiny\n")


def test_a_run_that_cannot_be_audited_is_told_with_a_hint(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def refuse(*_: Any) -> None:
        raise UserError("results/tiny is not finished", "Bring it to its end with `hpo run`.")

    monkeypatch.setattr("hpo.search.audit.Audit", refuse)
    assert execute(["audit", "tiny"]) == 2
    assert capsys.readouterr().err == (
        "error: results/tiny is not finished\nhint: Bring it to its end with `hpo run`.\n"
    )


@pytest.mark.parametrize("wrong", [["--sample", "0"], ["--seed", "-1"]])
def test_a_sample_of_none_and_a_negative_seed_are_refused(wrong: list[str], capsys) -> None:
    assert execute(["audit", "tiny", *wrong]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: Invalid value for '{wrong[0]}': ")
    assert hint == "hint: Run `hpo audit --help` for what it takes and an example."
