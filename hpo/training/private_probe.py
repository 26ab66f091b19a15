"""Whether Opacus has the gradient of each text of what a space trains: found out before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from hpo.models.classifier import Classifier, build_classifier
from hpo.models.objective import Objective, Tags
from hpo.models.pretrained import Pretrained
from hpo.models.structure import LAYERS
from hpo.training.private_steps import ReadOnceError, attach, text_gradients

# The parameters that decide which modules have trained weights, and what they read.
PROBED = (*LAYERS, "embeddings", "head_hidden_sizes", "pooling")
TEXTS, TOKENS, CLASSES = 3, 8, 2
TOLERANCE = 1e-3  # relative to the largest number of a gradient: sums in another order
LEAST = 1e-2  # of the largest number of all gradients: what is below counts as this


def unsupported(pretrained: Pretrained, structures: Iterable[Mapping[str, Any]]) -> str | None:
    """What of these structures has no right gradient of each text, and what to do; None: all have.

    Tells where Opacus refuses a module, or where what it says of a text is not what that text alone gives: as for learned
    positions, which BERT looks up once for all texts (its issue 841).
    """
    probed: set[tuple[object, ...]] = set()
    for parameters in structures:
        if _kind(parameters) in probed:
            continue
        probed.add(_kind(parameters))
        settings = {**parameters, "dropout": 0.0, "head_dropout": 0.0}
        objective = Tags() if parameters["pooling"] == "none" else Objective()
        model = build_classifier(pretrained, settings, CLASSES, 0, objective=objective)
        found = _wrong(model, *_probe(pretrained))
        if found is not None:
            return (
                f"Opacus has no gradient of each text for {found}, which fine_tuning: {parameters['fine_tuning']} trains; "
                "what works with most models is fine_tuning: head or lora, frozen_layers: 1 or more, or full with "
                "embeddings: frozen"
            )
    return None


def _kind(parameters: Mapping[str, Any]) -> tuple[object, ...]:
    """Structures with equal ones have the same modules, in more or fewer layers."""
    named = ("fine_tuning", "embeddings", "adapter_targets", "pooling")
    lowest, head = parameters.get("frozen_layers") == 0, bool(parameters["head_hidden_sizes"])
    return (*(parameters.get(name) for name in named), lowest, head)


def _wrong(model: Classifier, ids: Tensor, mask: Tensor) -> str | None:
    """A trained parameter whose gradients are not those of each text alone; None: all are."""
    model.train()
    labels = torch.arange(ids.numel(), device=ids.device).reshape(ids.shape) % CLASSES
    if not isinstance(model.objective, Tags):
        labels = labels[:, 0]
    alone = [_alone(model, *(part[i : i + 1] for part in (ids, mask, labels))) for i in range(TEXTS)]
    try:
        attach(model)
        each = text_gradients(model, ids, mask, labels)
    except ReadOnceError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever a library says that does not know a module
        return f"a module of it ({type(error).__name__})"
    wanted = [torch.stack(of_one) for of_one in zip(*alone, strict=True)]
    # Some are zero but for rounding, such as those of a bias that a softmax takes off again.
    least = max(float(right.abs().max()) for right in wanted) * LEAST
    for name, found, right in zip(model.trained(), each, wanted, strict=True):
        if not torch.allclose(found, right, rtol=0, atol=TOLERANCE * max(float(right.abs().max()), least)):
            return name
    return None


def _alone(model: Classifier, ids: Tensor, mask: Tensor, labels: Tensor) -> list[Tensor]:
    """The gradients of one text."""
    trained = list(model.trained().values())
    loss = model.objective.loss(model(ids, mask).float(), labels)
    found = torch.autograd.grad(loss, trained, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(trained, found, strict=True)]


def _probe(pretrained: Pretrained) -> tuple[Tensor, Tensor]:
    """Made-up texts of different lengths."""
    body: Any = pretrained.body
    rows = body.get_input_embeddings().num_embeddings
    ids = (torch.arange(TEXTS * TOKENS, device=body.device) * 7 + 3).reshape(TEXTS, TOKENS) % rows
    mask = torch.ones_like(ids)
    for row in range(1, TEXTS):
        mask[row, TOKENS - row :] = 0
    return ids, mask
