"""Small random bodies of many architectures, for the tests of this room.

Their weights are ten times as large as first ones, so that attention, which at those hardly matters, does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf
from torch import Tensor

from hpo.models.pretrained import Pretrained
from hpo.models.shortcuts import stretch
from hpo.records.setup import ModelInfo

LAYERS = 3
SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
ENDS = {"bos_token_id": 1, "eos_token_id": 2}
ENCODERS: dict[str, Callable[[], Any]] = {
    "bert": lambda: hf.BertModel(hf.BertConfig(**SIZES), add_pooling_layer=False),
    "roberta": lambda: hf.RobertaModel(hf.RobertaConfig(**SIZES, pad_token_id=1), add_pooling_layer=False),
    "electra": lambda: hf.ElectraModel(hf.ElectraConfig(**SIZES, embedding_size=16)),
    "distilbert": lambda: hf.DistilBertModel(
        hf.DistilBertConfig(
            vocab_size=40, dim=32, n_layers=LAYERS, n_heads=4, hidden_dim=64, max_position_embeddings=256
        )
    ),
    "modernbert": lambda: hf.ModernBertModel(hf.ModernBertConfig(**SIZES, **SPECIAL)),
    "prelayernorm": lambda: hf.RobertaPreLayerNormModel(
        hf.RobertaPreLayerNormConfig(**SIZES, pad_token_id=1), add_pooling_layer=False
    ),
    "convbert": lambda: hf.ConvBertModel(hf.ConvBertConfig(**SIZES, embedding_size=32)),
    "mobilebert": lambda: hf.MobileBertModel(hf.MobileBertConfig(**SIZES), add_pooling_layer=False),
}
DECODERS: dict[str, Callable[[], Any]] = {
    "llama": lambda: hf.LlamaModel(hf.LlamaConfig(**SIZES, num_key_value_heads=2)),
    "gpt2": lambda: hf.GPT2Model(
        hf.GPT2Config(vocab_size=40, n_embd=32, n_layer=LAYERS, n_head=4, n_positions=256, **ENDS)
    ),
    "qwen3": lambda: hf.Qwen3Model(hf.Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=8)),
    "gemma": lambda: hf.GemmaModel(hf.GemmaConfig(**SIZES, num_key_value_heads=1, head_dim=8)),
    "phi": lambda: hf.PhiModel(hf.PhiConfig(**SIZES, embd_pdrop=0.1)),
    "gpt_neox": lambda: hf.GPTNeoXModel(hf.GPTNeoXConfig(**SIZES)),
    "opt": lambda: hf.OPTModel(
        hf.OPTConfig(
            vocab_size=40,
            hidden_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            ffn_dim=64,
            max_position_embeddings=256,
        )
    ),
    "bloom": lambda: hf.BloomModel(hf.BloomConfig(vocab_size=40, hidden_size=32, n_layer=LAYERS, n_head=4)),
    "falcon": lambda: hf.FalconModel(
        hf.FalconConfig(vocab_size=40, hidden_size=32, num_hidden_layers=LAYERS, num_attention_heads=4)
    ),
    "xglm": lambda: hf.XGLMModel(
        hf.XGLMConfig(
            vocab_size=40,
            d_model=32,
            num_layers=LAYERS,
            attention_heads=4,
            ffn_dim=64,
            max_position_embeddings=256,
        )
    ),
}
BODIES = {**ENCODERS, **DECODERS}
# Sums in another order: of values whose standard deviation is near 1.
TOLERANCE: dict[str, float] = {"rtol": 1e-4, "atol": 2e-5}


def body_of(name: str) -> Pretrained:
    torch.manual_seed(0)
    body = BODIES[name]().eval().requires_grad_(False)
    body.config.use_cache = False
    with torch.no_grad():
        for parameter in body.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    info = ModelInfo(source=name, licence="", layers=LAYERS, hidden_size=32, parameters=0, sha256=name)
    return Pretrained(body=body, tokenizer=None, info=info)


def batch() -> tuple[Tensor, Tensor]:
    """Three texts of different lengths, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 40, (3, 9), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    mask[2, 2:] = 0
    return ids, mask


def passed(pretrained: Pretrained, ids: Tensor, mask: Tensor, depths: tuple[int, ...]) -> Tensor:
    """Hidden states before the last of ``depths``, by one stretch after another, zero where padded as they are stored."""
    hidden, first = ids, 0
    for depth in depths:
        hidden = stretch(pretrained.body, first, depth)(hidden, mask) * mask[..., None]
        first = depth
    return hidden.clone()  # out of inference mode
