"""Floating-point work of training and evaluation by counting: 2 for each multiply-add of a matrix product.

Per text of L tokens, hidden size h, feed-forward size f (biases, norms, softmax, lookups and the optimizer are not
counted; they are below a hundredth at these sizes, and padding is no work):

    a layer, forward       queries, keys, values, output 4 x 2Lh^2, feed-forward 2 x 2Lhf, scores and mixing 2 x 2L^2h
    the last one, [CLS]    keys, values 2 x 2Lh^2, query, output 2 x 2h^2, feed-forward 2 x 2hf, scores and mixing 2 x 2Lh
    backward               twice the forward: the gradient of the input and of the weights, each as much as the product
    above the frozen line  less the gradient of the input of queries, keys and values, which nothing needs
    head                   2 x (sum of the products of adjacent widths), three times that in training

The least work that gives the result is counted, so that the efficiency of a study, U / (P x wall), is not made better by
work that could have been left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Body:
    """Sizes of a BERT-like encoder with a head of ``classes`` logits."""

    layers: int
    hidden: int
    feed_forward: int
    classes: int

    def prefix(self, length: int, depth: int) -> float:
        """Forward through the lowest ``depth`` layers; the last layer of all for [CLS] alone."""
        whole = min(depth, self.layers - 1)
        last = self._last(length) if depth == self.layers else 0.0
        return whole * self._layer(length) + last

    def forward(self, length: int, parameters: Mapping[str, Any]) -> float:
        """From above the frozen layers to the logits."""
        frozen = parameters["frozen_layers"]
        above = self._upper(length, parameters) if frozen < self.layers else 0.0
        return above + self._head(parameters)

    def training(self, length: int, parameters: Mapping[str, Any]) -> float:
        """Forward and backward of what is trained."""
        frozen = parameters["frozen_layers"]
        work = 3 * self.forward(length, parameters)
        if 0 < frozen < self.layers:
            work -= self._input_gradient(
                length, lowest_is_last=frozen == self.layers - 1, parameters=parameters
            )
        return work

    def _upper(self, length: int, parameters: Mapping[str, Any]) -> float:
        frozen: int = parameters["frozen_layers"]
        last = self._last(length) if parameters["pooling"] == "cls" else self._layer(length)
        return (self.layers - 1 - frozen) * self._layer(length) + last

    def _input_gradient(self, length: int, lowest_is_last: bool, parameters: Mapping[str, Any]) -> float:
        h = self.hidden
        if lowest_is_last and parameters["pooling"] == "cls":
            return 4.0 * length * h * h + 2.0 * h * h
        return 6.0 * length * h * h

    def _layer(self, length: int) -> float:
        h, f = self.hidden, self.feed_forward
        return 8.0 * length * h * h + 4.0 * length * h * f + 4.0 * length * length * h

    def _last(self, length: int) -> float:
        h, f = self.hidden, self.feed_forward
        return 4.0 * length * h * h + 4.0 * h * h + 4.0 * h * f + 4.0 * length * h

    def _head(self, parameters: Mapping[str, Any]) -> float:
        widths: Sequence[int] = (self.hidden, *parameters["head_hidden_sizes"], self.classes)
        return 2.0 * sum(a * b for a, b in pairwise(widths))
