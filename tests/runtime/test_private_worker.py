"""Private trainings in segments: the bits of one in one piece, and nothing of losses on training texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpo.runtime.parts import in_more_parts, least_part
from hpo.runtime.worker import Worker
from hpo.training.privacy import Mechanism
from hpo.training.store import Store
from tests.runtime.trainings import RUNGS, Desk, digests, facts, job, train

MECHANISM = Mechanism(secret="c3" * 32, clip=0.5, multipliers=((8.0, 0.8),))
PRIVATE = {"privacy_epsilon": 8.0, "accumulation": 2}


def worker(
    desk: Desk, folder: Path, mechanism: Mechanism = MECHANISM, depths: tuple[int, ...] = (1,)
) -> Worker:
    loaded = replace(desk.loaded(depths), mechanism=mechanism)
    return loaded.worker(loaded.recall(Store(folder), ()))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_private_training_goes_on_to_the_bits_of_an_undisturbed_one(
    desk: Desk, tmp_path: Path, depth: int
) -> None:
    given = {**PRIVATE, "frozen_layers": depth}
    whole = worker(desk, tmp_path / "whole", depths=(depth,))
    undisturbed = train(whole, **given)
    # Each as in a process that knows the folder alone.
    parts = [
        worker(desk, tmp_path / "parts", depths=(depth,)).do(job(rung, **given)) for rung in range(RUNGS)
    ]
    assert facts(parts) == facts(undisturbed)
    last = worker(desk, tmp_path / "parts", depths=(depth,))
    assert digests(last, **given) == digests(whole, **given)
    assert len(set(digests(last, **given))) == RUNGS


def test_private_trainings_of_another_secret_are_others(desk: Desk, tmp_path: Path) -> None:
    first = worker(desk, tmp_path)
    train(first, **PRIVATE)
    other = worker(desk, tmp_path, MECHANISM.model_copy(update={"secret": "3c" * 32}))
    train(other, **PRIVATE)
    assert not set(digests(first, **PRIVATE)) & set(digests(other, **PRIVATE))
    keys = [{s.key for d in train(w, **PRIVATE) for s in d.segments} for w in (first, other)]
    assert not keys[0] & keys[1]


def test_losses_on_training_texts_are_neither_told_nor_stored(desk: Desk, tmp_path: Path) -> None:
    own = worker(desk, tmp_path)
    done = train(own, **PRIVATE)
    assert [d.rung.train_loss for d in done if d.rung] == [None] * RUNGS
    assert all(d.rung is not None and d.rung.loss is not None for d in done), "those on validation texts are"
    course = own.recall.course(job(**PRIVATE).parameters, 1)
    assert {f.loss for i in range(len(course.cuts)) if (f := own.recall.segment(course, i))} == {0.0}


def test_keys_of_passes_are_no_digest_of_the_texts_alone(desk: Desk, tmp_path: Path) -> None:
    """They are recorded, and who knows all texts but one could try it out."""
    passes = []
    for name, mechanism in (("a", MECHANISM), ("b", MECHANISM.model_copy(update={"secret": "3c" * 32}))):
        done = train(worker(desk, tmp_path / name, mechanism), **PRIVATE)
        passes.append({p.key for d in done for p in d.passes})
    assert all(passes)
    assert not passes[0] & passes[1]


def test_a_private_training_in_more_parts_draws_as_in_one_where_it_has_no_dropout(
    desk: Desk, tmp_path: Path
) -> None:
    """So that one that did not fit the memory costs privacy once: its steps are the same but for rounding."""
    plain = {**PRIVATE, "dropout": 0.0, "accumulation": 1}
    own = worker(desk, tmp_path)
    more = in_more_parts(job(**plain).parameters)
    assert more is not None
    courses = [own.recall.course(parameters, 1) for parameters in (job(**plain).parameters, more)]
    privates = [course.private for course in courses]
    assert privates[0] is not None
    assert privates[0] == privates[1]
    found = [[d.rung for d in train(own, **given)] for given in (plain, {**plain, "accumulation": 2})]
    for whole, parted in zip(*found, strict=True):
        assert whole is not None
        assert parted is not None
        assert parted.loss == pytest.approx(whole.loss, rel=1e-4)


def test_with_dropout_more_parts_are_another_training_which_none_is_begun_as(
    desk: Desk, tmp_path: Path
) -> None:
    given = job(**PRIVATE).parameters
    own = worker(desk, tmp_path)
    draws = [own.recall.course({**given, "accumulation": n}, 1).private for n in (1, 2)]
    assert draws[0] is not None
    assert draws[1] is not None
    assert draws[0].key != draws[1].key
    assert in_more_parts(given) is None
    assert "privacy again" in least_part(given)
    assert least_part({**given, "privacy_epsilon": 0.0}) == "with one text at a time"
