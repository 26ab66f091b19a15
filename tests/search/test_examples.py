"""What `hpo augment` shows is what trainings read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_space import experiment

from hpo.config.experiment import Choices, Compare, Experiment, Fixed, Range
from hpo.config.parameters import complete
from hpo.config.space import Space
from hpo.data.task_data import load_task
from hpo.data.tokens import tokenize
from hpo.errors import UserError
from hpo.models.pretrained import Pretrained
from hpo.runtime.loading import Loaded
from hpo.search.examples import show
from hpo.search.prepare import prepare
from hpo.training.precision import choose_precision
from hpo.training.store import Store

METHODS = ["random_swap", "random_deletion", "punctuation_insertion"]


def space(data: Path, **changes: Any) -> Space:
    compare = Compare(parameter="augmentation", values=("none", *METHODS), reference="none")
    return Space(experiment(data, compare=compare, **changes), data.with_name("s.yaml"), "", {(): (1, 1)})


def test_the_variants_are_those_that_a_training_reads(
    pretrained: Pretrained, tiny_data: Path, tmp_path: Path
) -> None:
    asked = space(tiny_data)
    task = load_task(asked.experiment.task, asked.experiment.seed)
    loaded = Loaded(asked.experiment, {None: pretrained}, task, choose_precision("cpu"), None)
    course = loaded.recall(Store(tmp_path), ()).course(
        complete({"augmentation": "random_swap", "augmentation_variants": 1, "epochs": 2.0}), 1
    )
    (shown,) = show(asked, ["random_swap"], None, 64)
    assert len(shown.examples) > 40
    length = asked.experiment.task.max_length
    read = [{row.tobytes() for row in texts.ids} for texts in course.epochs]
    for example in shown.examples:
        (ids,) = tokenize(pretrained.tokenizer, [" ".join(example.result())], length)
        assert any(ids.tobytes() in epoch for epoch in read)


def test_shares_and_changed_texts_are_those_of_the_texts_counted_again(tiny_data: Path) -> None:
    asked = space(tiny_data)
    texts = load_task(asked.experiment.task, asked.experiment.seed).train.texts
    found = {shown.method: shown for shown in show(asked, METHODS, 0.3, 1000)}
    assert list(found) == METHODS
    words = sum(len(text.split()) for text in texts)
    for shown in found.values():
        assert (shown.texts, shown.strength) == (64, 0.3)
        assert shown.changed == len(shown.examples)
    more = sum(len(e.result()) - len(e.words) for e in found["punctuation_insertion"].examples)
    assert found["punctuation_insertion"].share == pytest.approx(more / words)
    fewer = sum(len(e.words) - len(e.result()) for e in found["random_deletion"].examples)
    assert found["random_deletion"].share == pytest.approx(fewer / words)
    assert abs(found["random_deletion"].share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / words)


@pytest.mark.parametrize(
    ("setting", "strength"),
    [
        ({}, 0.1),
        ({"augmentation_strength": Fixed(value=0.4)}, 0.4),
        ({"augmentation_strength": Range(low=0.1, high=0.5, default=0.2)}, 0.2),
        ({"augmentation_strength": Choices(choices=(0.6, 0.7), default=0.7)}, 0.7),
    ],
)
def test_the_strength_is_the_space_s_default_unless_one_is_given(
    tiny_data: Path, setting: dict[str, Any], strength: float
) -> None:
    asked = space(tiny_data, parameters=setting)
    assert [shown.strength for shown in show(asked, METHODS, None, 1)] == [strength] * 3
    assert [shown.strength for shown in show(asked, METHODS[:1], 0.25, 1)] == [0.25]


def test_a_method_that_asks_a_model_needs_one(tiny_data: Path) -> None:
    with pytest.raises(UserError, match="the space file names none"):
        list(show(space(tiny_data), ["masked_replacement"], None, 1))


def test_other_capitals_are_refused_where_the_model_reads_none(tiny_data: Path, tiny_model: Path) -> None:
    compare = Compare(parameter="augmentation", values=("none", "case"))
    asked: Experiment = experiment(tiny_data, tiny_model, compare=compare)
    with pytest.raises(UserError) as caught:
        prepare(Space(asked, tiny_data, "", {(): (1, 1), ("compare", "values"): (4, 7)}), "cpu")
    assert caught.value.message == (
        f"{tiny_data}:4:7: augmentation: case was found; this model reads capitals as small letters, so that it would "
        "change nothing; allowed are the others"
    )
