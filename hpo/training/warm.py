"""Models that trainings of one structure take up from each other, with what was recorded of their steps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

from hpo.models.classifier import Classifier
from hpo.training.backward import Backward
from hpo.training.precision import Precision

# One for each structure that trainings take in turn; each holds its parameters and their gradients. Not measured.
MODELS_KEPT = 4


class WarmModels:
    """A recording is bound to the memory of its model's parameters, so that the model stays and they are set anew.

    Args:
        recorded: a model's way to its gradients that repays keeping the model; None: there is none on this device.
    """

    def __init__(
        self, precision: Precision, recorded: Callable[[Classifier, Precision], Backward] | None
    ) -> None:
        self._precision = precision
        self._recorded = recorded
        self._kept: OrderedDict[Hashable, Backward] = OrderedDict()

    def take(self, structure: Hashable, fresh: Classifier) -> Backward:
        """The way to the gradients of ``fresh``, or of the kept model of its structure, set to its parameters.

        A training that took that model up before has then lost it.
        """
        if self._recorded is None or not fresh.runs_ahead:
            return Backward(fresh, self._precision)
        if structure not in self._kept:
            self._kept[structure] = self._recorded(fresh, self._precision)
        self._kept.move_to_end(structure)
        while len(self._kept) > MODELS_KEPT:
            self._kept.popitem(last=False)
        backward = self._kept[structure]
        model = backward.model
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, parameter in fresh.trained().items():
                model.get_parameter(name).copy_(parameter)
        return backward

    def clear(self) -> bool:
        """Let go of all; whether there were any."""
        held = bool(self._kept)
        self._kept.clear()
        return held
