"""What a body and a tokenizer need to read more than a plain text: a second text, or words with a label each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def tell_second_text(body: nn.Module, tokenizer: Any) -> None:
    """Make ``body`` tell the tokens behind the first separator from those before it, where it was pretrained to."""
    separator = separator_told(body, tokenizer)
    if separator is not None:
        tell_behind(body, separator)


def separator_told(body: Any, tokenizer: Any) -> int | None:
    """Id of the token behind which ``body`` reads a second text as one; None where it reads all tokens alike.

    BERT and its kin have embeddings of two token types (Devlin et al. 2019, section 3.2); RoBERTa and decoders have none.
    """
    types = getattr(body.config, "type_vocab_size", 0) or 0
    separator: int | None = tokenizer.sep_token_id
    told = tokenizer("a", "b").get("token_type_ids", [])
    return None if types < 2 or 1 not in told else separator


def tell_behind(body: nn.Module, separator: int) -> None:
    """Make ``body`` tell the tokens behind the first ``separator`` from those before it."""

    def add_types(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        ids = kwargs.get("input_ids")
        if ids is None:  # it begins with hidden states, which hold the types already
            return args, kwargs
        return args, {**kwargs, "token_type_ids": token_types(ids, separator)}

    body.register_forward_pre_hook(add_types, with_kwargs=True)


def token_types(ids: Tensor, separator: int) -> Tensor:
    """0 up to the first separator and 1 behind it, (batch, width) int64."""
    ends = (ids == separator).long()
    return torch.clamp(ends.cumsum(1) - ends, max=1)


def reader_of_words(tokenizer: Any, place: str) -> Any:
    """A tokenizer that takes each word as if behind a blank, loaded from ``place`` where ``tokenizer`` does not."""
    if getattr(tokenizer, "add_prefix_space", True):
        return tokenizer
    from transformers import AutoTokenizer

    # GPT-2 and RoBERTa have other tokens for a word behind a blank, which each word of a sentence but the first is.
    return AutoTokenizer.from_pretrained(place, add_prefix_space=True, trust_remote_code=False)
