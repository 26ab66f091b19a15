"""The gradient of a private step: of each text by itself, clipped, added up, and disturbed (Abadi et al. 2016, algorithm 1).

Opacus gives the gradient of each text, by hooks on the modules that have trained weights. Its optimizers and its data loader
are left out: here a training is planned before its first step, and its states are a function of the plan.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from hpo.models.classifier import Classifier
from hpo.training.backward import Backward
from hpo.training.course import Step
from hpo.training.parts import parts
from hpo.training.precision import Precision, on_device
from hpo.training.privacy import Private


class ReadOnceError(Exception):
    """A parameter, by its name, that is read once for all texts, so that no text has a gradient of its own."""


class PrivateBackward(Backward):
    """Texts to what an optimizer may see of them. In float32 also where others are computed by autocast."""

    def __init__(self, model: Classifier, precision: Precision, private: Private) -> None:
        super().__init__(model, precision)
        self._private = private
        self._trained = list(model.trained().values())
        self._hooks = attach(model)  # they live as long as it

    def put_gradients(self, step: Step, accumulation: int) -> None:
        """Set ``grad`` of all that is trained: (sum of clipped gradients + noise) / mean size of a batch."""
        private = self._private
        sums = [torch.zeros_like(p) for p in self._trained]
        for part, rows in enumerate(parts(len(step.labels), accumulation)):
            torch.manual_seed(private.dropout_seed(step.index, part))
            given = (on_device(a[rows], self.precision.device) for a in (step.texts, step.mask, step.labels))
            for total, clipped in zip(sums, self._clipped(*given), strict=True):
                total.add_(clipped)
        noise = torch.from_numpy(private.noise(step.index, sum(p.numel() for p in self._trained)))
        drawn = noise.to(self.precision.device).split([p.numel() for p in self._trained])
        for parameter, total, own in zip(self._trained, sums, drawn, strict=True):
            parameter.grad = (total + own.view_as(total)) / private.batch_size

    def is_finite(self) -> bool:
        """Whether all that is trained is finite: what was disturbed may be looked at, a loss may not."""
        return bool(torch.stack([p.isfinite().all() for p in self._trained]).all())

    def _clipped(self, texts: Tensor, mask: Tensor, labels: Tensor) -> list[Tensor]:
        """Of each trained parameter the sum over texts of their gradients, each text's cut to the norm ``clip``.

        A text whose gradient is not finite counts as none.
        """
        each = text_gradients(self.model, texts, mask, labels)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in each]).norm(dim=0)
        good = norms.isfinite()
        scales = (self._private.clip / norms[good]).clamp(max=1.0)
        return [torch.tensordot(scales, g[good], dims=1) for g in each]


def attach(model: Classifier) -> nn.Module:
    """Hooks on ``model`` that leave the gradient of each text in ``grad_sample`` of what is trained.

    Raises:
        NotImplementedError: Opacus has none for a module of it.
    """
    from opacus import GradSampleModule

    return GradSampleModule(model, loss_reduction="sum")  # type: ignore[no-any-return]


def text_gradients(model: Classifier, texts: Tensor, mask: Tensor, labels: Tensor) -> list[Tensor]:
    """Of each trained parameter (batch, ...), the gradient of the loss of each text alone; zero where it has no part in it.

    ``model`` has the hooks of ``attach``.

    Raises:
        ReadOnceError: the hooks have no gradient of each text for a parameter.
    """
    logits = model(texts, mask).float()
    losses = [model.objective.loss(logits[i : i + 1], labels[i : i + 1]) for i in range(len(labels))]
    with warnings.catch_warnings():
        # Of a module whose input needs no gradient, such as the first trained one, torch says that there is none.
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        torch.stack(losses).sum().backward()
    return [_taken(name, parameter, len(labels)) for name, parameter in model.trained().items()]


def _taken(name: str, parameter: Any, batch: int) -> Tensor:
    """What the hooks left at a parameter, which then has neither that nor a gradient of the batch."""
    each, parameter.grad_sample, parameter.grad = parameter.grad_sample, None, None
    if each is None:
        return parameter.new_zeros((batch, *parameter.shape))  # type: ignore[no-any-return]
    if len(each) != batch:
        raise ReadOnceError(name)
    return each.detach()  # type: ignore[no-any-return]
