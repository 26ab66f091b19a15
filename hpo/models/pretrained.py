"""Pretrained models: loaded once a process, from safetensors or GGUF alone, in float32, never running code from a model
folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hpo.assets.catalogue import CATALOGUE
from hpo.assets.conversions import SUFFIX, convert_once, gguf_of
from hpo.assets.fetch import fetch
from hpo.errors import UserError
from hpo.models.folders import FaultError, check_folder, checked_config
from hpo.models.gguf import write_safetensors
from hpo.models.layers import anatomy, configure_lowest
from hpo.models.reading import reader_of_words, tell_second_text
from hpo.models.shortcuts import is_causal, lowest, works_for_first_token, works_from, works_with_wide_mask
from hpo.records.base import NOT_RECORDED
from hpo.records.setup import ModelInfo


class UnusableModelError(UserError):
    """A model that cannot be loaded; ``name`` and ``num_layers`` as asked for."""

    def __init__(self, name: str, num_layers: int | None, what: str, hint: str) -> None:
        super().__init__(f"model {name!r} {what}", hint)
        self.name = name
        self.num_layers = num_layers


@dataclass(frozen=True)
class Pretrained:
    """A body without head, its tokenizer, and what records say of it. ``body`` is frozen: what is trained is a copy."""

    body: nn.Module
    tokenizer: Any
    info: ModelInfo

    def lowest(self, count: int) -> Pretrained:
        """The model of the lowest ``count`` layers, with the weights of this one."""
        if count == self.info.layers:
            return self
        if count not in self._lowest:
            body = lowest(self.body, count)
            size = sum(p.numel() for p in body.parameters())
            info = self.info.model_copy(update={"layers": count, "parameters": size})
            self._lowest[count] = replace(self, body=body, info=info)
        return self._lowest[count]

    @cached_property
    def _lowest(self) -> dict[int, Pretrained]:
        return {}

    @cached_property
    def causal(self) -> bool:
        """Whether a token sees none behind it, as in decoders."""
        return is_causal(self.body)

    @cached_property
    def first_token_works(self) -> bool:
        """Whether the last layer can be computed for the first token alone."""
        return works_for_first_token(self.body)

    @cached_property
    def wide_mask_works(self) -> bool:
        """Whether attention masks can be made here, without a look at their values."""
        return works_with_wide_mask(self.body, self.causal)

    def starts_at(self, depth: int) -> bool:
        """Whether the body can begin with stored hidden states before layer ``depth``; past the last one there is none."""
        layers = self.info.layers
        return depth == layers or (0 < depth < layers and works_from(self.body, depth))


@lru_cache(maxsize=4)
def load_pretrained(
    name: str, kind: str = "text-classification", num_layers: int | None = None
) -> Pretrained:
    """Load a model by its name in the catalogue, its folder or GGUF file, or its id on the hub.

    Args:
        kind: of the task. Bodies that tell the second of two texts from the first are told where it begins; words are read
            by a tokenizer that takes a blank before each as given.
        num_layers: the lowest so many layers alone; None: all.

    Raises:
        UnusableModelError: it is not there, has neither safetensors nor GGUF, or its files do not fit together.
        UserError: it cannot be fetched.
    """
    try:
        place, source, licence = _locate(name)
        tokenizer, body = _load(place, num_layers)
        if kind == "token-classification":
            tokenizer = _of_words(tokenizer, place)
    except FaultError as fault:
        raise UnusableModelError(name, num_layers, fault.what, fault.hint) from fault.__cause__
    if kind == "pair":
        tell_second_text(body, tokenizer)
    body.eval()
    body.requires_grad_(False)
    info = ModelInfo(
        source=source if num_layers is None else f"{source}, lowest {num_layers} layers",
        licence=licence,
        layers=body.config.num_hidden_layers,
        hidden_size=body.config.hidden_size,
        parameters=sum(p.numel() for p in body.parameters()),
        sha256=_digest(body, None if name in CATALOGUE else tokenizer),
    )
    return Pretrained(body=body, tokenizer=tokenizer, info=info)


def _load(place: str, num_layers: int | None) -> tuple[Any, Any]:
    """Tokenizer and body, each weight of the body from the file."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()  # a load report about the unused pooler is no news
    logging.disable_progress_bar()
    try:
        config = checked_config(place)
        _prepare(config, num_layers)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
        body, report = AutoModel.from_pretrained(
            place,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
        )
    except FaultError:
        raise
    except Exception as error:  # a folder can be wrong in any way, and transformers raises whatever comes
        raise _told(error) from error
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # the head reads hidden states; an untrained pooler would only decay
    unset = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    unset = {key for key, _ in body.named_parameters()} & unset
    if unset:
        count = f"{len(unset)} of the tensors in its config, such as {min(unset)}"
        raise FaultError(f"has no weights of the right shape for {count}")
    _check(tokenizer, body)
    return tokenizer, body


def _prepare(config: Any, num_layers: int | None) -> None:
    """No cache of keys and values, which only generating reads; and the lowest ``num_layers`` layers alone."""
    if hasattr(config, "use_cache"):
        config.use_cache = False
    if num_layers is None:
        return
    if num_layers > config.num_hidden_layers:
        raise FaultError(
            f"has {config.num_hidden_layers} layers, of which the lowest {num_layers} are asked for",
            "Lower num_layers, or leave it out.",
        )
    configure_lowest(config, num_layers)


def _of_words(tokenizer: Any, place: str) -> Any:
    """A tokenizer that says of each token from which word it is."""
    if not tokenizer.is_fast:
        raise FaultError(
            "has a tokenizer that does not tell from which word a token is",
            "Name a model with a tokenizer.json.",
        )
    return reader_of_words(tokenizer, place)


def _check(tokenizer: Any, body: Any) -> None:
    if body.config.is_encoder_decoder:
        raise FaultError("is an encoder with a decoder; only one stack of layers can be fine-tuned here")
    words, rows = len(tokenizer), body.get_input_embeddings().num_embeddings
    if not len(tokenizer.all_special_tokens) < words <= rows:
        raise FaultError(f"has a tokenizer of {words} words for embeddings of {rows}")
    size, width = body.config.hidden_size, anatomy(body).width
    if width != size:
        raise FaultError(
            f"ends with hidden states of {width} values behind layers of {size}",
            "Choose a model without a projection behind its last layer.",
        )


def _told(error: Exception) -> FaultError:
    """What transformers raised, in one line."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "trust_remote_code" in str(error):
        return FaultError(
            "needs code of its own, and hpo runs none that comes with a model",
            "Choose a model whose architecture transformers has.",
        )
    if "safetensors" in reason:
        return FaultError(
            f"cannot be loaded: {reason}",
            "Choose a model with weights in safetensors, or in a .gguf file: reading pickled ones can run any code.",
        )
    return FaultError(f"cannot be loaded: {reason}")


def _locate(name: str) -> tuple[str, str, str]:
    """Where to load from, what to call it in reports, and its licence."""
    if name in CATALOGUE and CATALOGUE[name].kind == "model":
        asset = CATALOGUE[name]
        return str(_readable(fetch(name))), asset.source, asset.licence
    path = Path(name)
    if path.is_dir():
        return str(_readable(path)), f"folder {path.name}", NOT_RECORDED
    if path.is_file() and path.suffix == SUFFIX:
        return str(_readable(path)), f"file {path.name}", NOT_RECORDED
    if path.is_file():
        raise FaultError(
            "is a file that is no GGUF", "Name the folder in which it lies with its config.json."
        )
    return name, f"hub {name}", NOT_RECORDED


def _readable(path: Path) -> Path:
    """The folder itself, or that of the safetensors that its GGUF file was converted to."""
    check_folder(path)
    gguf = gguf_of(path)
    if gguf is None:
        return path
    try:
        return convert_once(gguf, write_safetensors)
    except FaultError:
        raise
    except Exception as error:  # as in ``_load``
        raise _told(error) from error


def _digest(body: nn.Module, tokenizer: Any | None) -> str:
    """Of the weights; where files of a model may change, of what reads and computes with them as well.

    Args:
        tokenizer: as it was loaded; None: of a model of the catalogue, whose files are checked one by one.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(body.state_dict().items()):
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    if tokenizer is not None:
        digest.update(_reading(body.config, tokenizer).encode())
    return digest.hexdigest()


def _reading(config: Any, tokenizer: Any) -> str:
    """Configuration and tokenizer as one text, without where they lie and by which version they were read."""
    facts = json.loads(config.to_json_string(use_diff=False))
    kept = {key: value for key, value in facts.items() if key[0] != "_" and key != "transformers_version"}
    words = tokenizer.backend_tokenizer.to_str() if tokenizer.is_fast else tokenizer.get_vocab()
    special = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
    return json.dumps([kept, words, special], sort_keys=True)
