from __future__ import annotations

import time
from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.records.charges import charged_seconds, spent_seconds
from hpo.records.files import is_finished, read_records, slug, trial_path, write_records, write_trial
from hpo.records.run import Records, Run
from hpo.records.sealed import seal, unseal
from hpo.records.search import Search
from hpo.records.trainings import Confirmation, Rung, Segment, Trial, Work


def trial(draw: int, keys: tuple[str, ...], seconds: float = 2.0) -> Trial:
    return Trial(
        strategy="cosine",
        replicate=0,
        draw=draw,
        seed=1,
        parameters={"learning_rate": 1e-3},
        state="pruned",
        reason="stopped",
        score=None,
        best_rung=None,
        duplicate_of=None,
        segments=tuple(
            Segment(key=k, examples=64 * (i + 1), steps=4 * (i + 1), seconds=seconds)
            for i, k in enumerate(keys)
        ),
        rungs=tuple(
            Rung(
                examples=64 * (i + 1),
                steps=4 * (i + 1),
                score=0.5,
                loss=0.7,
                train_loss=0.7,
                learning_rate=1e-3,
                seconds=1.0,
                evaluation=f"e-{k}",
            )
            for i, k in enumerate(keys)
        ),
    )


def test_shared_work_is_charged_to_each_and_spent_once() -> None:
    first, second = trial(0, ("a", "b")), trial(1, ("a", "c"))
    assert charged_seconds(first) == charged_seconds(second) == 6.0
    assert spent_seconds((first, second)) == 9.0


def test_a_pass_is_charged_for_all_its_texts_and_spent_for_those_that_none_before_it_held() -> None:
    passes = (Work(key="p", seconds=3.0, spent=3.0), Work(key="q", seconds=2.0, spent=0.5))
    first = trial(0, ("a",)).model_copy(update={"passes": passes[:1]})
    second = trial(1, ("a",)).model_copy(update={"passes": passes})
    alone = charged_seconds(trial(0, ("a",)))
    assert (charged_seconds(first), charged_seconds(second)) == (alone + 3.0, alone + 5.0)
    assert spent_seconds((first, second)) == spent_seconds((trial(0, ("a",)),)) + 3.5


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = trial(3, ("a",))
    write_trial(tmp_path, written)
    path = trial_path(tmp_path, "cosine", 0, 3)
    assert Trial.model_validate_json(unseal(path.read_bytes())) == written
    assert [p.name for p in path.parent.iterdir()] == ["cosine.r0.d3.json"]


def test_names_that_are_no_file_names_stay_apart() -> None:
    names = ["cosine", "head=[8, 4]", "head=[8_ 4]", "../../etc", "a" * 200, "a" * 201, "ä", "ö"]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all("/" not in s and not s.startswith(".") and len(s) < 80 for s in slugs)


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_records(tmp_path)
    assert caught.value.message == f"{tmp_path} holds no records of a run"
    assert caught.value.hint == "Name a folder that `hpo run` made."


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "run.json").write_text("{}")
    with pytest.raises(UserError, match=r"run\.json: name: Field required"):
        read_records(tmp_path)


def test_a_record_whose_score_is_another_than_was_written_is_named_and_how_to_have_it_again(
    tmp_path: Path,
) -> None:
    write_records(tmp_path, imported(trials=1, rungs=1))
    write_trial(tmp_path, trial(0, ("a",)))
    one = trial_path(tmp_path, "cosine", 0, 0)
    one.write_text(one.read_text().replace('"score": 0.5', '"score": 0.7'))
    with pytest.raises(UserError) as caught:
        read_records(tmp_path)
    assert caught.value.message == f"{one}: its checksum is another's: it was damaged, or changed by hand"
    assert caught.value.hint == "Move the file away; `hpo run` writes it again from what it has stored."
    one.unlink()
    lines = tmp_path / "records" / "trials.jsonl"
    lines.write_text(lines.read_text().replace("complete", "complets"))
    with pytest.raises(UserError, match=r"trials\.jsonl, line 1: its checksum is another's"):
        read_records(tmp_path)


def imported(trials: int, rungs: int) -> Records:
    run = Run(
        name="imported",
        question="Which?",
        task="t",
        source="CSV",
        strategies=("b", "a"),
        replicates=1,
        trials=trials,
        seeds=1,
        search=Search(),
        space=(),
    )
    made = tuple(
        Trial(
            strategy="b",
            replicate=0,
            draw=draw,
            parameters={f"p{i}": draw / (i + 3) for i in range(8)},
            state="complete",
            reason="complete in study b",
            score=0.5,
            best_rung=0,
            rungs=tuple(Rung(examples=i + 1, score=draw / 7) for i in range(rungs)),
        )
        for draw in range(trials)
    )
    last = Confirmation(role="strategy", strategy="a", replicate=0, index=0, parameters={}, test_score=0.5)
    return Records(run=run, trials=made, confirmations=(last,))


def test_records_written_as_lines_read_back_and_are_finished(tmp_path: Path) -> None:
    records = imported(trials=3, rungs=2)
    write_records(tmp_path, records)
    assert read_records(tmp_path) == records
    assert is_finished(tmp_path)
    assert sorted(p.name for p in (tmp_path / "records").iterdir()) == [
        *("confirmations.jsonl", "finished", "run.json", "trials.jsonl")
    ]
    lines = (tmp_path / "records" / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "records" / "trials.jsonl").write_text("".join(lines[:-1]))
    assert not is_finished(tmp_path)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    write_records(tmp_path, imported(trials=3, rungs=1))
    path = tmp_path / "records" / "trials.jsonl"
    lines = path.read_text().splitlines()
    other = seal(unseal(lines[1].encode()).decode().replace('"complete"', '"done"'))
    path.write_text("\n".join([lines[0], other, lines[2]]) + "\n")
    with pytest.raises(
        UserError, match=r"trials\.jsonl, line 2: state: Input should be 'complete'"
    ) as caught:
        read_records(tmp_path)
    assert caught.value.hint == "Import the run again; `hpo import` writes the file anew."


def test_thousands_of_trials_are_read_fast(tmp_path: Path) -> None:
    write_records(tmp_path, imported(trials=2_000, rungs=10))
    began = time.process_time()
    assert len(read_records(tmp_path).trials) == 2_000
    assert time.process_time() - began < 1.0  # 10,000 in 5 s


def test_records_of_another_version_are_told_from_broken_ones(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "run.json").write_text(
        '{"schema_version": 1, "name": "old", "metric": "accuracy"}'
    )
    with pytest.raises(UserError, match="is of schema version 1; this hpo reads version 2"):
        read_records(tmp_path)
