"""Every parameter that a space file may fix, search or compare: its type, bounds, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SCHEDULES = (
    "constant",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
    "wsd",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "one_cycle",
)
# Other names of transformers: a schedule has one name here, and its rates are known before the first step.
OTHER_SCHEDULES = {
    "constant_with_warmup": "which is constant with a warmup_ratio",
    "warmup_stable_decay": "which is wsd",
    "reduce_lr_on_plateau": "which waits for results of evaluations, while a training is planned before its first step; "
    "wsd and cosine_with_min_lr lower the rate by plan",
    "greedy": "which waits for results of evaluations, while a training is planned before its first step; "
    "wsd and cosine_with_min_lr lower the rate by plan",
}
COSINES = ("cosine", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "wsd")
FLOORED = ("cosine_with_min_lr", "cosine_warmup_with_min_lr", "wsd")  # schedules that end above 0
OWN_WARMUP = ("cosine_warmup_with_min_lr", "one_cycle")  # schedules whose rise is no straight line from 0
WARMUPS = ("ratio", "slope")
WARMUP_SHAPES = ("linear", "cosine", "one_minus_sqrt")
DECAY_SHAPES = ("cosine", "linear", "one_minus_sqrt", "one_minus_square")
AUGMENTATIONS = (
    "none",
    "synonym_replacement",
    "masked_replacement",
    "random_swap",
    "random_deletion",
    "random_insertion",
    "punctuation_insertion",
    "typing_errors",
    "case",
    "mention_replacement",
)
NEEDS_SYNONYMS = ("synonym_replacement", "random_insertion")  # augmentations that read WordNet
NEEDS_MASKED = ("masked_replacement",)  # that ask the space's `augmentation_model`
OPTIMIZERS = ("adamw", "adam", "sgd", "adafactor", "schedule_free_adamw")
SCHEDULED = ("adamw", "adam", "sgd", "adafactor")  # optimizers with a schedule
ADAM_LIKE = ("adamw", "adam", "schedule_free_adamw")
CLASS_WEIGHTS = ("none", "balanced")
POOLINGS = ("cls", "mean", "max", "last", "none")
FINE_TUNINGS = ("full", "top_layers", "head", "lora", "dora")
ADAPTERS = ("lora", "dora")
ADAPTER_TARGETS = ("attention", "all_linear")
EMBEDDINGS = ("trained", "frozen")
UNFREEZINGS = ("none", "gradual")
HEAD_ACTIVATIONS = ("gelu", "relu", "tanh")

# What can be compared like a parameter, and neither fixed nor searched: each value is a pretrained model.
MODEL = "model"
MODEL_DOC = "The pretrained model that is fine-tuned."

Value = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a trial.

    Attributes:
        kind: type of one value; ``int_list`` is a list of positive integers, possibly empty.
        default: used where the space file says nothing.
        doc: one sentence for the JSON Schema and the docs.
        low, high: bounds of a number, None where there is none. Inclusive unless ``open_low`` or ``open_high``.
            Those without a meaning of their own are so wide that a value beyond them is a slip.
        longest: most items of an ``int_list``.
        categories: the names allowed for kind ``category``.
        elsewhere: names for kind ``category`` that other libraries know, and what to say of them.
        active_when: (other parameter, its values) under which this one has an effect; None: always.
        inactive_when: (other parameter, its values) under which this one has none; None: always one.
        default_from: the parameter whose value stands in for ``default`` where the space file says nothing.
    """

    kind: Literal["float", "int", "category", "int_list"]
    default: Value
    doc: str
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    longest: int | None = None
    categories: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    active_when: tuple[str, tuple[Value, ...]] | None = None
    inactive_when: tuple[str, tuple[Value, ...]] | None = None
    default_from: str | None = None


PARAMETERS: dict[str, Parameter] = {
    "learning_rate": Parameter(
        "float",
        5e-5,
        "Peak learning rate. Adafactor's is relative to the root mean square of each matrix, and at most "
        "1 / sqrt(step).",
        low=0.0,
        open_low=True,
    ),
    "schedule": Parameter(
        "category",
        "linear",
        "Course of the learning rate after warmup. Schedule-free AdamW has none: its rate stays at the peak.",
        categories=SCHEDULES,
        elsewhere=OTHER_SCHEDULES,
        active_when=("optimizer", SCHEDULED),
    ),
    "schedule_cycles": Parameter(
        "int",
        1,
        "Number of hard restarts of the cosine.",
        low=1,
        high=1000,
        active_when=("schedule", ("cosine_with_restarts",)),
    ),
    "schedule_power": Parameter(
        "float",
        1.0,
        "Power of the polynomial decay.",
        low=0.0,
        open_low=True,
        active_when=("schedule", ("polynomial",)),
    ),
    "schedule_end_rate": Parameter(
        "float",
        1e-7,
        "Learning rate at which the polynomial ends; the peak where that is lower.",
        low=0.0,
        active_when=("schedule", ("polynomial",)),
    ),
    "schedule_timescale": Parameter(
        "int",
        0,
        "Steps after the warmup in which the inverse square root falls to the peak / sqrt(2); 0: as many as the warmup "
        "has, or 10,000 without one.",
        low=0,
        high=10_000_000,
        active_when=("schedule", ("inverse_sqrt",)),
    ),
    "schedule_waves": Parameter(
        "float",
        0.5,
        "Number of waves of the cosine, of warmup-stable-decay in its cosine cool-down; half a wave falls once.",
        low=0.0,
        high=1000,
        open_low=True,
        active_when=("schedule", COSINES),
    ),
    "schedule_min_ratio": Parameter(
        "float",
        0.0,
        "Share of the peak at which the schedule ends; warmup-stable-decay begins a warmup by ratio there too.",
        low=0.0,
        high=1.0,
        active_when=("schedule", FLOORED),
    ),
    "schedule_start_ratio": Parameter(
        "float",
        0.0,
        "Share of the peak at which the warmup of cosine_warmup_with_min_lr begins; 0: one step's share of the warmup.",
        low=0.0,
        high=1.0,
        active_when=("schedule", ("cosine_warmup_with_min_lr",)),
    ),
    "schedule_warmup_shape": Parameter(
        "category",
        "linear",
        "Course of warmup-stable-decay's warmup by ratio, by progress p: p, half a cosine, or 1 - sqrt(1 - p).",
        categories=WARMUP_SHAPES,
        active_when=("schedule", ("wsd",)),
    ),
    "schedule_div_factor": Parameter(
        "float",
        25.0,
        "One-cycle begins at the peak over this, and rises along half a cosine for warmup_ratio of its steps (Smith "
        "and Topin 2019, as torch.optim.lr_scheduler.OneCycleLR; the momentum is not cycled).",
        low=1.0,
        active_when=("schedule", ("one_cycle",)),
    ),
    "schedule_final_div_factor": Parameter(
        "float",
        1e4,
        "One-cycle falls along half a cosine to its first rate over this.",
        low=1.0,
        active_when=("schedule", ("one_cycle",)),
    ),
    "schedule_decay_ratio": Parameter(
        "float",
        0.2,
        "Share of all steps in which warmup-stable-decay decays.",
        low=0.0,
        high=1.0,
        open_low=True,
        active_when=("schedule", ("wsd",)),
    ),
    "schedule_decay_shape": Parameter(
        "category",
        "cosine",
        "Course of warmup-stable-decay's cool-down from the peak to its end, by progress p: half a cosine, 1 - p, "
        "1 - sqrt(p), or 1 - p^2 (the last two: Haegele et al. 2024, section 3).",
        categories=DECAY_SHAPES,
        active_when=("schedule", ("wsd",)),
    ),
    "warmup": Parameter(
        "category",
        "ratio",
        "How long the linear warmup lasts: a share of all steps, or until a rate that grows by the same amount at every "
        "step is at its peak, so that trainings of different peaks and lengths share it.",
        categories=WARMUPS,
    ),
    "warmup_ratio": Parameter(
        "float",
        0.0,
        "Share of all steps with warmup.",
        low=0.0,
        high=1.0,
        open_high=True,
        active_when=("warmup", ("ratio",)),
    ),
    "warmup_slope": Parameter(
        "float",
        1e-6,
        "Learning rate gained at each step of the warmup: it lasts learning_rate / warmup_slope steps.",
        low=0.0,
        open_low=True,
        active_when=("warmup", ("slope",)),
    ),
    "optimizer": Parameter(
        "category",
        "adamw",
        "Optimizer: those of torch, Adafactor as torch has it (Shazeer and Stern 2018), and AdamW without a schedule "
        "(Defazio et al. 2024), which is scored at the average of its steps.",
        categories=OPTIMIZERS,
    ),
    "weight_decay": Parameter(
        "float", 0.01, "Weight decay of matrices; biases and layer norms have none.", low=0.0
    ),
    "momentum": Parameter(
        "float",
        0.9,
        "Momentum of SGD.",
        low=0.0,
        high=1.0,
        open_high=True,
        active_when=("optimizer", ("sgd",)),
    ),
    "beta1": Parameter(
        "float",
        0.9,
        "Decay of Adam's mean of gradients; in schedule-free AdamW the weight of the average where gradients are taken.",
        low=0.0,
        high=1.0,
        open_low=True,
        open_high=True,
        active_when=("optimizer", ADAM_LIKE),
    ),
    "beta2": Parameter(
        "float",
        0.999,
        "Decay of Adam's mean of squared gradients.",
        low=0.0,
        high=1.0,
        open_high=True,
        active_when=("optimizer", ADAM_LIKE),
    ),
    "epsilon": Parameter(
        "float",
        1e-8,
        "Added to the root of Adam's mean of squared gradients.",
        low=0.0,
        open_low=True,
        active_when=("optimizer", ADAM_LIKE),
    ),
    "gradient_clip": Parameter("float", 1.0, "Largest norm of the gradient.", low=0.0, open_low=True),
    "batch_size": Parameter("int", 32, "Examples a step.", low=1, high=65536),
    "accumulation": Parameter(
        "int",
        1,
        "Parts in which the gradient of a step is computed, one after another in less memory; a part has an example "
        "at least.",
        low=1,
        high=65536,
    ),
    "epochs": Parameter("float", 3.0, "Passes over the training split.", low=0.0, high=10_000, open_low=True),
    "label_smoothing": Parameter(
        "float",
        0.0,
        "Share of each label that the loss spreads over all classes (Szegedy et al. 2016).",
        low=0.0,
        high=1.0,
        open_high=True,
    ),
    "class_weights": Parameter(
        "category",
        "none",
        "Weights of classes in the loss; balanced: a class weighs the more, the fewer training texts have it.",
        categories=CLASS_WEIGHTS,
    ),
    "dropout": Parameter(
        "float", 0.1, "Dropout of the trained layers and of the head.", low=0.0, high=1.0, open_high=True
    ),
    "num_layers": Parameter("int", 0, "Lowest layers of the model that are kept; 0 keeps all.", low=0),
    "fine_tuning": Parameter(
        "category",
        "top_layers",
        "What is trained beside the head: all of the model, the layers above frozen_layers (with the embeddings where "
        "that is 0), nothing, or low-rank adapters in the layers above frozen_layers (LoRA, Hu et al. 2021; DoRA, Liu et "
        "al. 2024).",
        categories=FINE_TUNINGS,
    ),
    "frozen_layers": Parameter(
        "int",
        0,
        "Lowest layers kept as pretrained, embeddings included; 0 trains everything.",
        low=0,
        active_when=("fine_tuning", ("top_layers", *ADAPTERS)),
    ),
    "embeddings": Parameter(
        "category",
        "trained",
        "Whether full fine-tuning trains the embeddings as well.",
        categories=EMBEDDINGS,
        active_when=("fine_tuning", ("full",)),
    ),
    "layer_decay": Parameter(
        "float",
        1.0,
        "Factor of the learning rate from each layer to the one below, the head having all of it (Howard and Ruder 2018, "
        "section 3.2; Clark et al. 2020).",
        low=0.0,
        high=1.0,
        open_low=True,
        active_when=("fine_tuning", ("full", "top_layers", *ADAPTERS)),
    ),
    "unfreezing": Parameter(
        "category",
        "none",
        "Gradual: the first epoch trains the head, each later one a layer more from the top, the embeddings last (Howard "
        "and Ruder 2018, section 3.3); none: all that is trained is so from the first step.",
        categories=UNFREEZINGS,
        active_when=("fine_tuning", ("full", "top_layers")),
    ),
    "reinitialised_layers": Parameter(
        "int",
        0,
        "Highest layers that begin with fresh random weights in place of the pretrained ones (Zhang et al. 2021).",
        low=0,
        active_when=("fine_tuning", ("full", "top_layers")),
    ),
    "adapter_rank": Parameter(
        "int", 8, "Rank of each adapter.", low=1, high=4096, active_when=("fine_tuning", ADAPTERS)
    ),
    "adapter_alpha": Parameter(
        "float",
        16.0,
        "What an adapter adds is multiplied by this over its rank.",
        low=0.0,
        open_low=True,
        active_when=("fine_tuning", ADAPTERS),
    ),
    "adapter_targets": Parameter(
        "category",
        "attention",
        "Which linear maps have an adapter: queries and values of the attention, or all.",
        categories=ADAPTER_TARGETS,
        active_when=("fine_tuning", ADAPTERS),
    ),
    "head_hidden_sizes": Parameter(
        "int_list",
        (),
        "Units of each hidden layer of the head; an empty list is a linear head.",
        low=1,
        high=65536,
        longest=8,
    ),
    "head_activation": Parameter(
        "category",
        "gelu",
        "What follows each hidden layer of the head.",
        categories=HEAD_ACTIVATIONS,
        inactive_when=("head_hidden_sizes", ((),)),
    ),
    "head_dropout": Parameter(
        "float", 0.1, "Dropout of the head alone.", low=0.0, high=1.0, open_high=True, default_from="dropout"
    ),
    "pooling": Parameter(
        "category",
        "cls",
        "What the head reads: the first token, the mean or the maximum over tokens, or the last token; none: each token by "
        "itself, as token classification does.",
        categories=POOLINGS,
    ),
    "augmentation": Parameter(
        "category",
        "none",
        "How variants of a training text are made: words replaced by synonyms of their part of speech or by the "
        "predictions of a masked language model; words swapped, left out or put in (EDA, Wei and Zou 2019); "
        "punctuation put in (AEDA, Karimi et al. 2021); typing errors; other capitals; entities replaced by others of "
        "their type (Dai and Adel 2020).",
        categories=AUGMENTATIONS,
    ),
    "augmentation_strength": Parameter(
        "float",
        0.1,
        "Share of a text's words that a variant touches (alpha of EDA, Wei and Zou 2019).",
        low=0.0,
        high=1.0,
        active_when=("augmentation", AUGMENTATIONS[1:]),
    ),
    "augmentation_variants": Parameter(
        "int",
        4,
        "Size of the pool of variants of each text.",
        low=1,
        high=1000,
        active_when=("augmentation", AUGMENTATIONS[1:]),
    ),
    "mixup_alpha": Parameter(
        "float",
        0.0,
        "Mixup of pooled texts and their labels within a batch, each with another, by a share drawn from Beta(alpha, alpha) "
        "(Zhang et al. 2018); 0 mixes nothing.",
        low=0.0,
        high=100,
    ),
    "privacy_epsilon": Parameter(
        "float",
        0.0,
        "Epsilon that all trainings with this value together meet by DP-SGD (Abadi et al. 2016); 0 trains without "
        "privacy. It is compared, or set by `privacy: {epsilon: ...}`.",
        low=0.0,
    ),
}


def decided_by(name: str) -> tuple[str, ...]:
    """The parameters on whose values it hangs whether parameter ``name`` has an effect, the nearest first."""
    needs, bars = PARAMETERS[name].active_when, PARAMETERS[name].inactive_when
    own = [condition[0] for condition in (needs, bars) if condition is not None]
    further = () if needs is None else decided_by(needs[0])
    return tuple(dict.fromkeys((*own, *further)))


def is_active(name: str, configuration: Mapping[str, Value]) -> bool:
    """Whether parameter ``name`` has an effect under the other values of ``configuration``."""
    return all(acts_with(name, other, configuration.get(other)) for other in decided_by(name))


def acts_with(name: str, other: str, value: Value | None) -> bool:
    """Whether parameter ``name`` can have an effect where parameter ``other`` has this value."""
    needs, bars = PARAMETERS[name].active_when, PARAMETERS[name].inactive_when
    if bars is not None and bars[0] == other and value in bars[1]:
        return False
    if needs is None:
        return True
    return value in needs[1] if needs[0] == other else acts_with(needs[0], other, value)


def with_defaults(given: Mapping[str, Value]) -> dict[str, Value]:
    """Every parameter by name: the given values, with tuples for JSON's lists, and the registry's defaults for the rest."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    values = {name: given.get(name, parameter.default) for name, parameter in PARAMETERS.items()}
    for name, parameter in PARAMETERS.items():
        if parameter.default_from is not None and name not in given:
            values[name] = values[parameter.default_from]
    return values


def complete(given: Mapping[str, Value]) -> dict[str, Value]:
    """Every active parameter by name: as ``with_defaults``, with nothing inactive. The model is among them where it
    is given."""
    values = with_defaults(given)
    active = {name: value for name, value in values.items() if is_active(name, values)}
    return active | {MODEL: given[MODEL]} if MODEL in given else active
