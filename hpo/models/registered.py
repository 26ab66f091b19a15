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

from hpo.models.heads import build_head, pool
from hpo.models.reading import tell_behind


class HpoConfig(PreTrainedConfig):
    """What ``config.json`` says of a body with a head of ours.

    Attributes:
        body: config of the body.
        head: the parameters that a head on it is built with.
        separator: id of the token behind which a second text begins; None: there is none, or nothing is told by it.
    """

    model_type = "hpo_classifier"
    sub_configs: ClassVar[dict[str, Any]] = {"body": AutoConfig}

    body: PreTrainedConfig | dict[str, Any] | None = None
    head: dict[str, Any] | None = None
    separator: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.body, dict):
            self.body = AutoConfig.for_model(**self.body)
        PreTrainedConfig.__post_init__(self, **kwargs)


class _HpoModel(PreTrainedModel):
    """Body, pooling over tokens and head, with the interface of transformers; for inference: it computes no loss."""

    config_class = HpoConfig
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.body = AutoModel.from_config(config.body)
        if getattr(self.body, "pooler", None) is not None:
            self.body.pooler = None  # as where it was trained
        if config.separator is not None:
            tell_behind(self.body, config.separator)
        self.head = build_head(config.body.hidden_size, config.head, config.num_labels, seed=0)
        self._pooling: str = config.head["pooling"]
        PreTrainedModel.post_init(self)

    def _logits(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = self.body(input_ids=input_ids, attention_mask=mask).last_hidden_state
        logits: Tensor = self.head(pool(hidden, mask, self._pooling))
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
