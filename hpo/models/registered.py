"""The classes of transformers for heads that none of its own classes has: read by ``import hpo.transformers``."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

from hpo.models.classifier import classifier_on
from hpo.models.reading import tell_behind


class HpoConfig(PreTrainedConfig):
    """What ``config.json`` says of a body with a head of ours.

    Attributes:
        body: config of the body.
        structure: the parameters that a classifier on it is built with.
        separator: id of the token behind which a second text begins; None: there is none, or nothing is told by it.
    """

    model_type = "hpo_classifier"
    sub_configs: ClassVar[dict[str, Any]] = {"body": AutoConfig}

    body: PreTrainedConfig | dict[str, Any] | None = None
    structure: dict[str, Any] | None = None
    separator: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.body, dict):
            self.body = AutoConfig.for_model(**self.body)
        super().__post_init__(**kwargs)


class _HpoModel(PreTrainedModel):
    """A classifier of ours with the interface of transformers; for inference: it computes no loss."""

    config_class = HpoConfig
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        body = AutoModel.from_config(config.body)
        if getattr(body, "pooler", None) is not None:
            body.pooler = None  # as where it was trained
        if config.separator is not None:
            tell_behind(body, config.separator)
        self.classifier = classifier_on(body, config.structure, config.num_labels)
        self.post_init()

    def _logits(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        logits: Tensor = self.classifier(input_ids, mask)
        return logits


class HpoForSequenceClassification(_HpoModel):
    """Logits of each text (batch, classes); texts are padded on the right."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        """What else a tokenizer gives, such as token types, is told from the tokens themselves."""
        return SequenceClassifierOutput(logits=self._logits(input_ids, attention_mask))


class HpoForTokenClassification(_HpoModel):
    """Logits of each token (batch, width, tags); texts are padded on the right."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> TokenClassifierOutput:
        """As that of whole texts."""
        return TokenClassifierOutput(logits=self._logits(input_ids, attention_mask))


def register() -> None:
    """Let the Auto classes and pipelines of transformers know these classes."""
    AutoConfig.register(HpoConfig.model_type, HpoConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(HpoConfig, HpoForSequenceClassification, exist_ok=True)
    AutoModelForTokenClassification.register(HpoConfig, HpoForTokenClassification, exist_ok=True)
