from __future__ import annotations

from pathlib import Path

import pytest

from hpo.errors import UserError
from hpo.records.files import read_records, slug, trial_path, write_trial
from hpo.records.schema import Rung, Segment, Trial, Work, charged_seconds, spent_seconds


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
    assert Trial.model_validate_json(path.read_text()) == written
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
