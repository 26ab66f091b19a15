"""Key completeness: every input of training is in the key of the first state that it touches, and no decision is in any."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from hpo.config.parameters import PARAMETERS, complete
from hpo.data.augmentation import METHODS
from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from hpo.training import optimizers
from hpo.training.course import Course, _start
from hpo.training.examples import TrainingTexts
from hpo.training.keys import evaluation_key, pass_key, passes_key, segment_key, start_key, step_key
from hpo.training.schedules import learning_rates, schedule_of
from tests.data.augmenting import sources
from tests.training.planning import MECHANISM, ORIGIN, every_key, plan, state_keys

SOURCES = sources({"good": ("fine",), "film": ("movie",), "bad": ("poor",)})


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> TrainingTexts:
    return TrainingTexts(task.train, pretrained.tokenizer, 32, SOURCES, seed=11)


@dataclass(frozen=True)
class Change:
    """Other values of one parameter, under values of others with which it acts."""

    name: str
    values: tuple[Any, ...]
    under: dict[str, Any] = field(default_factory=dict)


WARM = {"warmup_ratio": 0.25}
AUGMENTED = {"augmentation": "random_swap", "augmentation_strength": 0.5, "augmentation_variants": 2}

OF_THE_START = [
    Change("optimizer", ("adam", "sgd", "adafactor", "schedule_free_adamw")),
    Change("weight_decay", (0.0, 0.1)),
    Change("momentum", (0.0, 0.8), {"optimizer": "sgd"}),
    Change("beta1", (0.8, 0.95)),
    Change("beta1", (0.8,), {"optimizer": "schedule_free_adamw"}),
    Change("beta2", (0.99, 0.9)),
    Change("epsilon", (1e-6, 1e-7)),
    Change("gradient_clip", (0.5, 2.0)),
    Change("accumulation", (2, 3)),
    Change("dropout", (0.0, 0.2)),
    Change("frozen_layers", (1, 2, 3)),
    Change("head_hidden_sizes", ((8,), (8, 8), (16,))),
    Change("pooling", ("mean", "max", "last")),
    Change("mixup_alpha", (0.2, 1.0)),
    Change("label_smoothing", (0.1, 0.2)),
    Change("class_weights", ("balanced",)),
    Change("num_layers", (1, 2)),
    Change("fine_tuning", ("full", "head", "lora", "dora"), {"frozen_layers": 1}),
    Change("fine_tuning", ("dora",), {"fine_tuning": "lora"}),
    Change("embeddings", ("frozen",), {"fine_tuning": "full"}),
    Change("layer_decay", (0.9, 0.95)),
    Change("unfreezing", ("gradual",)),
    Change("reinitialised_layers", (1, 2)),
    Change("adapter_rank", (4, 16), {"fine_tuning": "lora"}),
    Change("adapter_alpha", (8.0, 32.0), {"fine_tuning": "dora"}),
    Change("adapter_targets", ("all_linear",), {"fine_tuning": "lora"}),
    Change("head_activation", ("relu", "tanh"), {"head_hidden_sizes": (8,)}),
    Change("head_dropout", (0.0, 0.2)),
    Change("privacy_epsilon", (8.0, 1.0)),
    Change("privacy_epsilon", (1.0,), {"privacy_epsilon": 8.0}),
]
OF_THE_FIRST_STEP = [
    Change("batch_size", (4, 7, 16)),
    Change("augmentation", tuple(m for m in METHODS if m != "random_swap"), AUGMENTED),
    Change("augmentation_strength", (0.0, 0.2, 0.9), AUGMENTED),
    Change("augmentation_variants", (1, 3), AUGMENTED),
]
OF_THE_RATES = [
    Change("learning_rate", (2e-3, 1e-3 + 1e-18)),
    Change("learning_rate", (2e-3, 5e-4), WARM),
    Change("learning_rate", (2e-3, 5e-4), {"warmup": "slope", "warmup_slope": 3e-4}),
    Change("schedule", ("linear", "cosine", "polynomial", "inverse_sqrt", "wsd"), {"schedule": "constant"}),
    Change("schedule", ("linear", "polynomial", "wsd", "constant"), {"schedule": "cosine", **WARM}),
    Change("schedule", ("cosine_warmup_with_min_lr", "one_cycle"), {"schedule": "cosine", **WARM}),
    Change("schedule_end_rate", (0.0, 1e-4), {"schedule": "polynomial", **WARM}),
    Change("schedule_timescale", (3, 50), {"schedule": "inverse_sqrt", **WARM}),
    Change("schedule_waves", (1.0, 1.5), {"schedule": "cosine", **WARM}),
    Change("schedule_waves", (1.0, 1.5), {"schedule": "wsd", "schedule_decay_ratio": 0.5}),
    Change("schedule_min_ratio", (0.1, 0.5), {"schedule": "cosine_with_min_lr", **WARM}),
    Change("schedule_min_ratio", (0.1, 0.5), {"schedule": "wsd", **WARM}),
    Change("schedule_start_ratio", (0.1, 0.5), {"schedule": "cosine_warmup_with_min_lr", **WARM}),
    Change("schedule_warmup_shape", ("cosine", "one_minus_sqrt"), {"schedule": "wsd", **WARM}),
    Change("schedule_div_factor", (1.0, 10.0), {"schedule": "one_cycle", **WARM}),
    Change("schedule_final_div_factor", (1.0, 10.0), {"schedule": "one_cycle", **WARM}),
    Change("schedule_cycles", (2, 3), {"schedule": "cosine_with_restarts", **WARM}),
    Change("schedule_power", (0.5, 2.0), {"schedule": "polynomial", **WARM}),
    Change("schedule_decay_ratio", (0.1, 0.5, 1.0), {"schedule": "wsd"}),
    Change("schedule_decay_shape", ("linear", "one_minus_sqrt", "one_minus_square"), {"schedule": "wsd"}),
    Change("warmup", ("slope",), {"warmup_slope": 1.01e-4, **WARM}),
    Change("warmup_ratio", (0.0, 0.5), WARM),
    Change("warmup_slope", (1e-4, 5e-4), {"warmup": "slope", "warmup_slope": 2e-4}),
    Change("epochs", (1.0, 1.5, 3.0), {"schedule": "linear"}),
    Change("epochs", (1.0, 1.5, 3.0), {"schedule": "wsd"}),
    Change("epochs", (1.0, 3.0), {"schedule": "cosine", **WARM}),
]


def cases(changes: list[Change]) -> list[Any]:
    return [
        pytest.param({**change.under}, {**change.under, change.name: value}, id=f"{change.name}-{value}")
        for change in changes
        for value in change.values
    ]


def shared(first: Course, second: Course) -> int:
    """Number of steps after which both still have the key of the same state; -1: not even at the start."""
    keys = [every_key(course) for course in (first, second)]
    equal = [a == b for a, b in zip(*keys, strict=False)]
    assert equal == sorted(equal, reverse=True), "once apart they stay apart"
    return sum(equal) - 1


def test_every_parameter_of_the_registry_is_changed_here() -> None:
    assert {c.name for c in (*OF_THE_START, *OF_THE_FIRST_STEP, *OF_THE_RATES)} == set(PARAMETERS)


@pytest.mark.parametrize(("base", "changed"), cases(OF_THE_START))
def test_what_shapes_training_from_the_start_is_in_the_first_key(
    texts: TrainingTexts, base: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert shared(plan(texts, **base), plan(texts, **changed)) == -1


@pytest.mark.parametrize(("base", "changed"), cases(OF_THE_FIRST_STEP))
def test_what_a_step_reads_is_in_its_key(
    texts: TrainingTexts, base: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert shared(plan(texts, **base), plan(texts, **changed)) == 0


@pytest.mark.parametrize(("base", "changed"), cases(OF_THE_RATES))
def test_keys_part_at_the_first_step_of_another_rate(
    texts: TrainingTexts, base: dict[str, Any], changed: dict[str, Any]
) -> None:
    courses = [plan(texts, **settings) for settings in (base, changed)]
    rates = [
        learning_rates(schedule_of(c.parameters), c.parameters["learning_rate"], c.steps) for c in courses
    ]
    equal = [a == b for a, b in zip(*rates, strict=False)]
    assert shared(*courses) == (equal.index(False) if False in equal else len(equal))
    assert False in equal, "the change acts"


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "v"},
        {"numerics": "m"},
        {"classes": 3},
        {"first_token": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_weights_classes_and_numerics_are_in_the_first_key(
    texts: TrainingTexts, change: dict[str, Any]
) -> None:
    assert shared(plan(texts), plan(texts, origin={**ORIGIN, **change})) == -1


def test_the_seed_and_the_depth_at_which_the_body_begins_are_in_the_first_key(texts: TrainingTexts) -> None:
    assert shared(plan(texts), plan(texts, seed=2)) == -1
    assert shared(plan(texts, frozen_layers=1), plan(texts, frozen_layers=1, start=1)) == -1


def first_read(course: Course, item: int, labels: np.ndarray, ids: Any) -> int:
    """Index of the step that first reads a text."""
    for segment in range(len(course.cuts)):
        for step in course.steps_of(segment):
            rows = [row[m > 0].tolist() for row, m in zip(step.texts, step.mask, strict=True)]
            if ids[item].tolist() in rows:
                return step.index
    raise AssertionError("every text is read")


@pytest.mark.parametrize("item", [0, 17, 63])
@pytest.mark.parametrize("start", [0, 1])
def test_one_text_of_the_training_split_is_in_the_key_of_the_step_that_reads_it(
    pretrained: Pretrained, task: TaskData, texts: TrainingTexts, item: int, start: int
) -> None:
    """One word in place of another, so that lengths and with them the batches stay."""
    changed = list(task.train.texts)
    words = changed[item].split()
    changed[item] = " ".join(["plot" if words[0] != "plot" else "scene", *words[1:]])
    part = replace(task.train, texts=tuple(changed))
    other = TrainingTexts(part, pretrained.tokenizer, 32, SOURCES, seed=11)
    base = plan(texts, frozen_layers=1, start=start)
    at = first_read(base, item, texts.labels, base.epochs[0].ids)
    # Hidden states are computed in batches of the whole epoch: there each step depends on all its texts.
    assert shared(base, plan(other, frozen_layers=1, start=start)) == (0 if start else at)


@pytest.mark.parametrize("item", [0, 17, 63])
def test_one_label_is_in_the_key_of_the_step_that_reads_it(
    pretrained: Pretrained, task: TaskData, texts: TrainingTexts, item: int
) -> None:
    labels = task.train.labels.copy()
    labels[item] = 1 - labels[item]
    other = TrainingTexts(replace(task.train, labels=labels), pretrained.tokenizer, 32, SOURCES, seed=11)
    base = plan(texts)
    assert shared(base, plan(other)) == first_read(base, item, labels, base.epochs[0].ids)


def test_the_pool_of_variants_is_in_the_key(
    pretrained: Pretrained, task: TaskData, texts: TrainingTexts
) -> None:
    other = TrainingTexts(task.train, pretrained.tokenizer, 32, SOURCES, seed=12)
    assert shared(plan(texts, **AUGMENTED), plan(other, **AUGMENTED)) == 0
    assert shared(plan(texts), plan(other)) == 16


def test_with_hidden_states_the_texts_of_an_epoch_are_in_its_steps_keys_alone(texts: TrainingTexts) -> None:
    given: dict[str, Any] = {"frozen_layers": 1, "start": 1, "schedule": "constant", "epochs": 3.0}
    short, long = (plan(texts, **given, **AUGMENTED | {"augmentation_variants": v}) for v in (2, 2))
    assert shared(short, long) == 24
    steps = [step for segment in range(len(short.cuts)) for step in short.steps_of(segment)]
    sources = [short.source_of(step.index) for step in steps]
    assert [len(set(sources[i : i + 8])) for i in (0, 8, 16)] == [1, 1, 1]
    assert len(set(sources)) == 3
    assert {plan(texts).source_of(0)} == {""}


@pytest.mark.parametrize("schedule", ["linear", "constant", "wsd"])
def test_state_keys_do_not_depend_on_where_training_is_cut(texts: TrainingTexts, schedule: str) -> None:
    steps = dict(enumerate(every_key(plan(texts, schedule=schedule, warmup_ratio=0.25))))
    for rungs, forks in [
        ((), ()),
        ((8,), ()),
        ((32, 64), ((1.0, 0.5), (2.0, 0.2))),
        ((1, 40, 100, 120), ((1.5, 0.1),)),
    ]:
        course = plan(texts, rungs=rungs, forks=forks, schedule=schedule, warmup_ratio=0.25)
        assert state_keys(course).items() <= steps.items()


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        # 16 steps; the first step of a cool-down of 4 steps still has the peak.
        ({"schedule": "constant"}, {"schedule": "wsd", "schedule_decay_ratio": 0.25}, 13),
        ({"schedule": "linear", **WARM}, {"schedule": "cosine", **WARM}, 5),  # the peak itself is shared too
        ({"schedule": "cosine"}, {"schedule": "cosine_with_restarts"}, 16),
        ({"schedule": "constant"}, {"schedule": "constant", "epochs": 3.0}, 16),
        ({"schedule": "wsd"}, {"schedule": "wsd", "schedule_decay_shape": "linear"}, 13),
        (
            {"warmup": "slope", "warmup_slope": 1e-4},
            {"warmup": "slope", "warmup_slope": 1e-4, "learning_rate": 5e-4, "epochs": 3.0},
            6,  # the rate of the sixth step is the lower peak
        ),
        ({**AUGMENTED, "augmentation_strength": 0.0}, {}, 16),
    ],
    ids=["constant-wsd", "linear-cosine", "one-restart", "longer", "shape", "slope", "no-augmentation"],
)
def test_trainings_that_share_rates_and_texts_share_keys(
    texts: TrainingTexts, one: dict[str, Any], other: dict[str, Any], steps: int
) -> None:
    assert shared(plan(texts, **one), plan(texts, **other)) == steps


def test_trainings_are_cut_at_a_state_that_they_share(texts: TrainingTexts) -> None:
    """Without it they would train apart from the last rung on."""
    forks = tuple((epochs, 0.25) for epochs in (1.0, 2.0, 4.0))
    wsd = {"schedule": "wsd", "schedule_decay_ratio": 0.25}
    courses = [plan(texts, rungs=(), forks=forks, epochs=epochs, **wsd) for epochs, _ in forks]
    states = [set(course.keys[1:]) for course in courses]
    assert len(states[0] & states[1]) == 1
    assert len(states[1] & states[2]) == 3  # the first fork, the end of the first epoch, the second fork
    slopes = [
        plan(texts, rungs=(), warmup="slope", warmup_slope=4e-5, learning_rate=4e-4, schedule=s)
        for s in ("linear", "cosine")
    ]
    assert slopes[0].keys[1] == slopes[1].keys[1]
    assert slopes[0].keys[2] != slopes[1].keys[2]


def test_a_training_has_the_key_that_it_had_before_later_parameters_could_be_given(
    texts: TrainingTexts,
) -> None:
    of_before = {
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "gradient_clip": 1.0,
        "dropout": 0.1,
        "frozen_layers": 0,
        "head_hidden_sizes": (),
        "pooling": "cls",
    }
    rest = {"seed": 1, "start": 0, "loss": "mean cross-entropy", **ORIGIN}
    assert plan(texts).keys[0] == start_key({"parameters": of_before, **rest})


def test_the_version_of_an_optimizer_that_is_not_torch_s_is_in_its_keys_alone(
    texts: TrainingTexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("adamw", "schedule_free_adamw")
    before = [plan(texts, optimizer=name) for name in names]
    monkeypatch.setattr(optimizers, "version", lambda _: "99.0")
    after = [plan(texts, optimizer=name) for name in names]
    assert [shared(*pair) for pair in zip(before, after, strict=True)] == [16, -1]


def test_inactive_parameters_are_in_no_key(texts: TrainingTexts) -> None:
    given = {"momentum": 0.3, "schedule_power": 3.0, "augmentation_variants": 9, "warmup_slope": 0.5}
    assert complete(given) == complete({})
    assert plan(texts, **given).keys == plan(texts).keys


def test_a_list_read_back_from_json_has_the_key_of_the_tuple_that_it_was(texts: TrainingTexts) -> None:
    assert plan(texts, head_hidden_sizes=[8]).keys == plan(texts, head_hidden_sizes=(8,)).keys


def test_a_step_key_covers_each_of_its_parts() -> None:
    arrays = (np.zeros((2, 3), np.int64), np.ones((2, 3), np.int64), np.zeros(2, np.int64))
    base = ("k", 1, 0.1, arrays, "")
    shapes = (np.zeros((3, 2), np.int64), *arrays[1:])
    types = (np.zeros((2, 6), np.int32), *arrays[1:])
    changed = [
        ("l", 1, 0.1, arrays, ""),
        ("k", 2, 0.1, arrays, ""),
        ("k", 1, np.nextafter(0.1, 1), arrays, ""),
        ("k", 1, 0.1, shapes, ""),
        ("k", 1, 0.1, types, ""),
        ("k", 1, 0.1, arrays[::-1], ""),
        ("k", 1, 0.1, arrays, "x"),
    ]
    assert len({step_key(*parts) for parts in (base, *changed)}) == 1 + len(changed)
    assert step_key(*base) == step_key("k", 1, 0.1, tuple(a.copy() for a in arrays), "")


def test_keys_of_other_kinds_cover_each_of_their_parts() -> None:
    keys = {
        start_key({"a": 1}),
        start_key({"a": 2}),
        start_key({"b": 1}),
        segment_key("a", "b"),
        segment_key("b", "a"),
        evaluation_key("a", "b", "0"),
        evaluation_key("a", "c", "0"),
        evaluation_key("c", "b", "0"),
        evaluation_key("a", "b", "1"),
        passes_key({"w": 1}, 1, False),
        passes_key({"w": 2}, 1, False),
        passes_key({"w": 1}, 2, False),
        passes_key({"w": 1}, 1, True),
        pass_key("a", "t"),
        pass_key("b", "t"),
        pass_key("a", "u"),
    }
    assert len(keys) == 16
    assert start_key({"a": 1, "b": 2}) == start_key({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="JSON"):
        start_key({"a": float("nan")})


def test_without_mixup_a_training_has_the_key_that_it_had_before_there_was_mixup() -> None:
    before = {name: value for name, value in complete({}).items() if name != "mixup_alpha"}
    assert _start(complete({}), 1, 0, ORIGIN) == _start(before, 1, 0, ORIGIN)
    assert "mixup_alpha" in _start(complete({"mixup_alpha": 0.2}), 1, 0, ORIGIN)["parameters"]


PRIVATE = {"privacy_epsilon": 8.0}


@pytest.mark.parametrize(
    "change",
    [{"secret": "a5" * 32}, {"clip": 0.5}, {"multipliers": ((8.0, 2.0),)}],
    ids=lambda change: next(iter(change)),
)
def test_the_mechanism_is_in_the_first_key_of_private_trainings_alone(
    texts: TrainingTexts, change: dict[str, Any]
) -> None:
    other = MECHANISM.model_copy(update=change)
    assert shared(plan(texts, **PRIVATE), plan(texts, mechanism=other, **PRIVATE)) == -1
    assert plan(texts, mechanism=other).keys == plan(texts).keys == plan(texts, mechanism=None).keys


@pytest.mark.parametrize(
    "change", [{"learning_rate": 2e-3}, {"epochs": 3.0}, {"schedule": "constant"}, {"batch_size": 9}]
)
def test_private_trainings_share_nothing_unless_they_are_one(
    texts: TrainingTexts, change: dict[str, Any]
) -> None:
    """Not even a start: from there on they draw by themselves, whatever batches chance gives them."""
    assert shared(plan(texts, **PRIVATE), plan(texts, **PRIVATE, **change)) == -1
    assert plan(texts, **PRIVATE).keys == plan(texts, **PRIVATE).keys
