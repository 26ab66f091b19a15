"""Pretrained models: loaded once a process, from safetensors alone, in float32, never running code from a model folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hpo.assets.catalogue import CATALOGUE
from hpo.assets.fetch import fetch
from hpo.errors import UserError
from hpo.models.shortcuts import works_for_first_token, works_from, works_with_wide_mask
from hpo.records.schema import NOT_RECORDED, ModelInfo


@dataclass(frozen=True)
class Pretrained:
    """A body without head, its tokenizer, and what records say of it. ``body`` is frozen: what is trained is a copy."""

    body: nn.Module
    tokenizer: Any
    info: ModelInfo

    @cached_property
    def first_token_works(self) -> bool:
        """Whether the last layer can be computed for the first token alone."""
        return works_for_first_token(self.body)

    @cached_property
    def wide_mask_works(self) -> bool:
        """Whether attention masks can be made here, without a look at their values."""
        return works_with_wide_mask(self.body)

    def starts_at(self, depth: int) -> bool:
        """Whether the body can begin with stored hidden states before layer ``depth``; past the last one there is none."""
        layers = self.info.layers
        return depth == layers or (0 < depth < layers and works_from(self.body, depth))


@lru_cache(maxsize=2)
def load_pretrained(name: str) -> Pretrained:
    """Load a model by its name in the catalogue, its folder or its id on the hub.

    Raises:
        UserError: it is not there, has no safetensors, or its files do not fit together.
    """
    place, source, licence = _locate(name)
    tokenizer, body = _load(place, name)
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # the head reads hidden states; an untrained pooler would only decay
    body.eval()
    body.requires_grad_(False)
    info = ModelInfo(
        source=source,
        licence=licence,
        layers=body.config.num_hidden_layers,
        hidden_size=body.config.hidden_size,
        parameters=sum(p.numel() for p in body.parameters()),
        sha256=_weights_digest(body),
    )
    return Pretrained(body=body, tokenizer=tokenizer, info=info)


def _load(place: str, name: str) -> tuple[Any, Any]:
    """Tokenizer and body, each weight of the body from the file."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()  # a load report about the unused pooler is no news
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
        body, report = AutoModel.from_pretrained(
            place,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
        )
    except Exception as error:  # a folder can be wrong in any way, and transformers raises whatever comes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _unusable(name, f"cannot be loaded: {reason}") from error
    unset = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    unset = {key for key, _ in body.named_parameters() if not key.startswith("pooler.")} & unset
    if unset:
        count = f"{len(unset)} of the tensors in its config, such as {min(unset)}"
        raise _unusable(name, f"has no weights of the right shape for {count}")
    if body.config.is_encoder_decoder:
        raise _unusable(name, "is an encoder with a decoder; only one stack of layers can be fine-tuned here")
    words, rows = len(tokenizer), body.get_input_embeddings().num_embeddings
    if not len(tokenizer.all_special_tokens) < words <= rows:
        raise _unusable(name, f"has a tokenizer of {words} words for embeddings of {rows}")
    return tokenizer, body


def _unusable(name: str, what: str) -> UserError:
    return UserError(
        f"model {name!r} {what}",
        "Name a model of `hpo assets`, a folder with config.json, tokenizer and model.safetensors, or a hub id.",
    )


def _locate(name: str) -> tuple[str, str, str]:
    """Where to load from, what to call it in reports, and its licence."""
    if name in CATALOGUE and CATALOGUE[name].kind == "model":
        asset = CATALOGUE[name]
        return str(fetch(name)), asset.source, asset.licence
    folder = Path(name)
    if folder.is_dir():
        return str(folder), f"folder {folder.name}", NOT_RECORDED
    return name, f"hub {name}", NOT_RECORDED


def _weights_digest(body: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(body.state_dict().items()):
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
