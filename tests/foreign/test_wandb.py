from __future__ import annotations

from pathlib import Path

import pytest
from sources import imported, of, records, write_csv

from hpo.errors import UserError
from hpo.foreign.recognising import recognise

# Written here after the format that Weights & Biases documents for the table of a sweep's runs (facts of the run, then
# config, then summary, all quoted; the states of docs.wandb.ai/models/runs/run-states); no export of theirs.
HEADER = (
    *("Name", "Agent", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep"),
    *("learning_rate", "method", "seed", "epoch", "train_loss", "val/loss", "test/loss"),
)


def export(path: Path) -> Path:
    rows = []
    for method, offset in (("lora", 0.0), ("full", 0.1)):
        for number, (state, loss) in enumerate(
            (("finished", 0.5), ("finished", 0.4), ("crashed", ""), ("killed", 0.9))
        ):
            test = "" if loss == "" else loss + offset + 0.05
            facts = (
                f"{method}-sweep-{number}",
                "",
                state,
                "-",
                "someone",
                "",
                "2026-01-01T00:00:00.000Z",
                60 * (number + 1),
                "x1",
            )
            shifted = "" if loss == "" else loss + offset
            rows.append((*facts, 10.0 ** -(number + 2), method, 42, 3, 0.1, shifted, test))
    path = write_csv(path, HEADER, rows)
    lines = path.read_text().splitlines()
    path.write_text("".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in lines))
    return path


def test_an_export_is_recognised_and_read(tmp_path: Path) -> None:
    path = export(tmp_path / "wandb_export.csv")
    assert recognise(str(path)) == "wandb"
    made = records(path, maximize=False, parameters=("learning_rate",))
    assert made.run.strategies == ("lora", "full")
    own = of(made.trials, "full")
    assert [t.state for t in own] == ["complete", "complete", "failed", "pruned"]
    assert [t.score for t in own] == [pytest.approx(0.6), pytest.approx(0.5), None, None]
    assert [t.charged for t in own] == [60.0, 120.0, 180.0, 240.0]
    assert own[0].parameters == {"learning_rate": 0.01}
    assert own[2].reason == "crashed (line 8, run full-sweep-2)"
    assert {t.seed for t in own} == {42}
    (confirmation,) = of(made.confirmations, "full")
    assert (confirmation.draw, confirmation.test_score) == (1, pytest.approx(0.55))
    assert made.run.source == "Weights & Biases (wandb_export.csv)"
    assert own[0].rungs == (), "the last epoch of a run is no rung"


def test_its_bookkeeping_is_no_parameter(tmp_path: Path) -> None:
    path = export(tmp_path / "wandb_export.csv")
    every = records(path, maximize=False, parameters=("*",)).trials[0].parameters
    assert sorted(every) == ["epoch", "learning_rate", "method", "train_loss"]


def test_the_direction_is_asked_for(tmp_path: Path) -> None:
    path = export(tmp_path / "wandb_export.csv")
    with pytest.raises(UserError, match="whether a high or a low 'loss' is better"):
        imported(path)
    with pytest.raises(UserError, match="no column 'val_los'; there are 'Name', 'Agent'"):
        imported(path, score="val_los", maximize=False)


def created(path: Path, *runs: tuple[str, float]) -> Path:
    rows = [(f"run-{score}", "finished", when, 60, score) for when, score in runs]
    return write_csv(path, ("Name", "State", "Created", "Runtime", "val_score"), rows)


def test_runs_are_taken_in_the_order_of_their_creation(tmp_path: Path) -> None:
    path = created(
        tmp_path / "w.csv",
        ("2025-11-13T09:21:36.000Z", 0.3),
        ("2025-11-13T07:42:37.000Z", 0.2),
        ("2025-11-12T23:59:59.000Z", 0.1),
    )
    found = imported(path)
    assert [(t.draw, t.score) for t in found.records[""].trials] == [(0, 0.1), (1, 0.2), (2, 0.3)]
    assert "rows are taken in the order of Created, the oldest first" in found.told
    assert "cost: Runtime, wall-clock, taken as device-seconds" in found.told


@pytest.mark.parametrize("when", ["", "3 days ago"])
def test_without_times_runs_are_taken_in_the_order_of_the_file(when: str, tmp_path: Path) -> None:
    found = imported(created(tmp_path / "w.csv", ("2025-11-13T09:21:36.000Z", 0.3), (when, 0.2)))
    assert [t.score for t in found.records[""].trials] == [0.3, 0.2]
    assert "rows are taken in the order of the file: Created holds no time in some" in found.told
