"""A fine-tuned classifier as a folder that transformers loads: config, weights in safetensors, tokenizer.

A head of one matrix may stand in the class that transformers has for the architecture. Most of these classes put a dense
layer and a function f before the matrix. Where such a class reads the same token as the head, its layers can be set so that
they come to the head alone:

    f is ReLU, GELU or SiLU: f(z) - f(-z) = z, so z and -z in the dense layer, and their difference in the matrix
    f is tanh:               tanh(s x) / s = x (1 - (s x)^2 / 3 + ...), which float32 rounds to x for s = ``SCALE``

Which of these an architecture takes is found out by a probe on texts. What fits none is written as a class of
``hpo.models.registered``. Whatever was written is loaded again and compared.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hpo.data.batches import collate, evaluation_batches
from hpo.data.tokens import padding_id, tokenize
from hpo.errors import UserError
from hpo.models.adapters import merged
from hpo.models.classifier import Classifier
from hpo.models.folders import checked_config
from hpo.models.heads import HEAD
from hpo.models.reading import separator_told, token_types
from hpo.records.origin import Form

SCALE = (
    2.0**-16
)  # a power of two: it changes no bit of what it scales. (s x)^2 / 3 is lost in rounding up to x = 28
TOLERANCE = 1e-4  # largest difference of logits, in the largest logit where that is above ``LEAST_LOGIT``
LEAST_LOGIT = 0.1
STRANGE = "\U000f0000"  # a character that no vocabulary has
TEXTS_AT_ONCE, BATCH_OVERHEAD = 32, 48

Pass = Callable[[Tensor, Tensor], Tensor]  # token ids and mask, (batch, width) int64 on one device, to logits


@dataclass(frozen=True)
class Exported:
    """What is to be written.

    Attributes:
        classifier: whole, on the CPU, in float32.
        parameters: with which its head was built (``HEAD``).
        tokenizer: of its model.
        kind, names: of the task, and of its classes, labels or tags.
        max_length: tokens of a text that it reads.
    """

    classifier: Classifier
    parameters: dict[str, Any]
    tokenizer: Any
    kind: str
    names: tuple[str, ...]
    max_length: int

    @cached_property
    def body(self) -> Any:
        """The body with the parameters that transformers knows; a copy."""
        assert self.classifier.body is not None, "what is exported begins with token ids"
        return merged(self.classifier.body)

    @property
    def tags(self) -> bool:
        """Whether it reads each token by itself."""
        return self.kind == "token-classification"

    @property
    def separator(self) -> int | None:
        """Id of the token that a second text stands behind, where the model tells it from the first."""
        return separator_told(self.classifier.body, self.tokenizer) if self.kind == "pair" else None

    @cached_property
    def reader(self) -> Any:
        """The tokenizer as it is written: it cuts and pads as training did, whatever it is called with."""
        reader = copy.deepcopy(self.tokenizer)
        reader.model_max_length = self.max_length
        reader.padding_side = "right"
        reader.chat_template = None  # of an instructed decoder, which now classifies
        # What is filled up is masked, so that any special token may do it.
        reader.pad_token = reader.pad_token or reader.eos_token or reader.unk_token
        return reader


def write_folder(exported: Exported, ids: Sequence[np.ndarray], folder: Path) -> tuple[Form, float]:
    """Write config, weights and tokenizer into ``folder``.

    Args:
        ids: int32 [tokens] of each of some texts, on which what was written is held against the classifier.

    Returns:
        In which form, and by how much logits differ at most (``largest_difference``).

    Raises:
        UserError: what was written, loaded again, gives other logits.
    """
    exported.classifier.eval()
    pad = padding_id(exported.tokenizer)
    written: tuple[Any, Form] = _own_form(exported, ids, pad) or (_our_form(exported), "hpo")
    model, form = written
    model.save_pretrained(str(folder))
    exported.reader.save_pretrained(str(folder))
    loaded = pass_of(load_model(folder, exported.kind), exported.separator)
    difference = largest_difference(loaded, exported.classifier, ids, pad)
    if not difference <= TOLERANCE:
        raise UserError(
            f"{exported.classifier.body.__class__.__name__} cannot be exported: loaded again, it gives logits that differ "
            f"by {difference:.2g}",
            "Choose another strategy with --strategy, or tell the makers of hpo which model it is.",
        )
    return form, difference


def load_model(folder: Path, kind: str) -> Any:
    """The model in a folder that ``write_folder`` wrote, in float32 and eval mode, running no code from it."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification
    from transformers.utils import logging

    from hpo.models.registered import register

    register()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tags = kind == "token-classification"
    auto = AutoModelForTokenClassification if tags else AutoModelForSequenceClassification
    model: Any = auto.from_pretrained(
        str(folder),
        config=checked_config(str(folder)),
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.eval()


def pass_of(model: Any, separator: int | None) -> Pass:
    """What a model of transformers does with tokens; ``separator`` as in ``Exported``."""

    def run(ids: Tensor, mask: Tensor) -> Tensor:
        types = {} if separator is None else {"token_type_ids": token_types(ids, separator)}
        logits: Tensor = model(input_ids=ids, attention_mask=mask, **types).logits
        return logits

    return run


def largest_difference(first: Pass, second: Pass, ids: Sequence[np.ndarray], pad: int) -> float:
    """The largest difference of any logit on texts, in the largest logit of ``second`` or ``LEAST_LOGIT``."""
    difference, largest = 0.0, LEAST_LOGIT
    with torch.inference_mode():
        lengths = np.array([len(row) for row in ids])
        for batch in evaluation_batches(lengths, TEXTS_AT_ONCE, BATCH_OVERHEAD):
            rows, mask = (torch.from_numpy(array) for array in collate(ids, batch, pad))
            found, wanted = first(rows, mask), second(rows, mask)
            if found.shape != wanted.shape:
                return math.inf
            if wanted.ndim == 3:  # of tokens; what stands where there is none counts nothing
                found, wanted = found[mask == 1], wanted[mask == 1]
            if not bool(torch.isfinite(found).all()):
                return math.inf
            difference = max(difference, float((found - wanted).abs().max()))
            largest = max(largest, float(wanted.abs().max()))
    return difference / largest


def _own_form(exported: Exported, ids: Sequence[np.ndarray], pad: int) -> tuple[Any, Form] | None:
    """The class that transformers has for the architecture, set to the classifier; None where it does not fit."""
    head = _matrix(exported.classifier.head)
    own = None if head is None else _own_class(exported)
    layers = [] if own is None else _layers_beside(own, exported.body)
    if own is None or head is None or not layers:
        return None
    ours = exported.classifier
    # A class that looks for the last token that is no padding is none for texts that may end with that token.
    [strange] = tokenize(exported.tokenizer, [STRANGE], exported.max_length)
    probes = [*ids, np.append(max(ids, key=len)[:-1], strange[-1])]
    for form in _settings(layers, head):
        if _alike(pass_of(own, exported.separator), ours, probes, pad):
            return own, form
    return None


def _alike(first: Pass, second: Pass, ids: Sequence[np.ndarray], pad: int) -> bool:
    try:
        return largest_difference(first, second, ids, pad) <= TOLERANCE
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError):
        return False  # a class that is called in another way


def _matrix(head: Any) -> nn.Linear | None:
    """The one matrix of a linear head."""
    linear = [layer for layer in head if isinstance(layer, nn.Linear)]
    return linear[0] if len(linear) == 1 else None


def _own_class(exported: Exported) -> Any:
    """An untrained model of the architecture's class with the body's weights; None where there is no such class."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    auto: Any = AutoModelForTokenClassification if exported.tags else AutoModelForSequenceClassification
    try:
        with torch.random.fork_rng(devices=[]):
            own = auto.from_config(_config(exported), dtype=torch.float32, trust_remote_code=False)
    except ValueError:
        return None
    body = {f"{own.base_model_prefix}.{n}": t for n, t in exported.body.state_dict().items()}
    theirs = own.state_dict()
    if any(name not in theirs or theirs[name].shape != tensor.shape for name, tensor in body.items()):
        return None
    own.load_state_dict(body, strict=False)
    return own.eval()


def _config(exported: Exported) -> Any:
    """The body's config with the names of the task, and without the folder that it came from."""
    config: Any = copy.deepcopy(exported.body.config)
    config.name_or_path = ""
    if exported.parameters["pooling"] == "last" or getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = exported.reader.pad_token_id
    for name, value in _labels(exported).items():
        setattr(config, name, value)
    return config


def _labels(exported: Exported) -> dict[str, Any]:
    problem = (
        "multi_label_classification" if exported.kind == "multi-label" else "single_label_classification"
    )
    return {
        "id2label": dict(enumerate(exported.names)),
        "label2id": {name: number for number, name in enumerate(exported.names)},
        "problem_type": None if exported.tags else problem,
    }


def _layers_beside(own: Any, body: Any) -> list[nn.Linear]:
    """The matrices of a model beside its body, in order; none where it has other parameters beside it."""
    inside = {f"{own.base_model_prefix}.{name}" for name in body.state_dict()}
    found = {
        name: layer
        for name, layer in own.named_modules()
        if isinstance(layer, nn.Linear) and f"{name}.weight" not in inside
    }
    beside = {f"{name}.{part}" for name, layer in found.items() for part in layer.state_dict()}
    return list(found.values()) if beside | inside == set(own.state_dict()) else []


def _settings(layers: Sequence[nn.Linear], head: nn.Linear) -> Iterator[Form]:
    """Set ``layers`` in each way in which they may come to ``head``, one after the other."""
    *before, out = layers
    classes, width = head.weight.shape
    if not before:
        if _set(out, head.weight, head.bias):
            yield "own"
        return
    if len(before) > 1:
        return
    room = len(before[0].weight)
    both = torch.cat([head.weight, -head.weight, torch.zeros(max(0, room - 2 * classes), width)])
    one, none = torch.eye(classes), torch.zeros(classes, max(0, room - 2 * classes))
    if _set(before[0], both) and _set(out, torch.cat([one, -one, none], dim=1), head.bias):
        yield "paired"
    if _set(before[0], SCALE * torch.eye(width)) and _set(out, head.weight / SCALE, head.bias):
        yield "scaled"


def _set(layer: nn.Linear, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Set a layer to a matrix and a bias (None: zero); whether it has room for them."""
    if layer.weight.shape != weight.shape or (layer.bias is None and bias is not None and bool(bias.any())):
        return False
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.zero_() if bias is None else layer.bias.copy_(bias)
    return True


def _our_form(exported: Exported) -> Any:
    """The classifier as a class of ours."""
    from hpo.models.registered import HpoConfig, HpoForSequenceClassification, HpoForTokenClassification

    body: Any = copy.deepcopy(exported.body.config)
    body.name_or_path = ""
    config = HpoConfig(
        body=body,
        head={name: exported.parameters[name] for name in HEAD if name in exported.parameters},
        separator=exported.separator,
        **_labels(exported),
    )
    model: Any = (HpoForTokenClassification if exported.tags else HpoForSequenceClassification)(config)
    model.body.load_state_dict(exported.body.state_dict())
    model.head.load_state_dict(exported.classifier.head.state_dict())
    return model.eval()
