"""Two ways to do less work in a body, equal in mathematics to the whole body though not to the bit: starting at a stored
hidden state (the frozen prefix), and computing the last layer for the first token alone.

Both change how a copy of the body is called and none of its parameters or their names. A body of an architecture that
does not take them is found out by a probe (``works_from``, ``works_for_first_token``) and runs whole.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hpo.models.layers import anatomy, keep_lowest, layers_of

PROBE_TOKENS = 6
LONG_PROBE_TOKENS = 320  # more than twice what local attention sees to each side
TOLERANCE = 1e-4  # largest difference, in mean sizes of a hidden value, that sums in another order leave


class _Skip(nn.Module):
    """In a layer's place: hands the hidden states on, in a tuple where the layer does so."""

    def __init__(self, layer: nn.Module, in_tuples: bool) -> None:
        super().__init__()
        self._in_tuples = in_tuples
        for name, value in vars(layer).items():
            if isinstance(value, str | int | float) and name not in vars(self):
                setattr(self, name, value)  # such as the kind of its attention, which bodies ask a layer for

    def forward(self, hidden: Tensor, *_args: Any, **_kwargs: Any) -> Tensor | tuple[Tensor]:
        return (hidden,) if self._in_tuples else hidden


class _Catch(_Skip):
    """In the place of the layer behind a stretch: keeps what comes in."""

    caught: Tensor

    def forward(self, hidden: Tensor, *_args: Any, **_kwargs: Any) -> Tensor | tuple[Tensor]:
        self.caught = hidden
        return super().forward(hidden)


class _Given(nn.Module):
    """In the embeddings' place: hands on the hidden states that the body was given as embeddings.

    Of embeddings of positions, which are given none, nothing is left to add.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        tensors = [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor)]
        hidden = [t for t in tensors if t.is_floating_point()]
        return hidden[0] if hidden else tensors[0].new_zeros((), dtype=torch.float32)


def lowest(body: nn.Module, count: int) -> nn.Module:
    """The body of the lowest ``count`` layers, on the parameters of ``body`` themselves."""
    short: nn.Module = _shallow(body)
    keep_lowest(short, count)
    return short


def start_at(body: nn.Module, depth: int) -> None:
    """Change ``body`` so that its ``inputs_embeds`` are the hidden states (batch, width, hidden) before layer ``depth``."""
    if not depth:
        return
    built = anatomy(body)
    for name in built.embeddings:
        body.set_submodule(name, _Given())
    _, layers = layers_of(body)
    for index in range(depth):
        layers[index] = _Skip(layers[index], built.in_tuples)


def stretch(body: nn.Module, first: int, last: int) -> Callable[[Tensor, Tensor], Tensor]:
    """The function of a stretch of frozen layers, without gradients, on the parameters of ``body`` themselves.

    Returns:
        (token ids (batch, width), or hidden states (batch, width, hidden) before layer ``first``; mask (batch, width)) to
        hidden states before layer ``last``; those behind the last layer have passed what stands behind it, a last norm.
    """
    part = _shallow(body)
    in_tuples = anatomy(part).in_tuples
    start_at(part, first)
    _, layers = layers_of(part)
    catch = _Catch(layers[min(last, len(layers) - 1)], in_tuples)
    if last < len(layers):
        layers[last] = catch
    for index in range(last + 1, len(layers)):
        layers[index] = _Skip(layers[index], in_tuples)

    def run(start: Tensor, mask: Tensor) -> Tensor:
        given = {"inputs_embeds": start} if start.is_floating_point() else {"input_ids": start}
        with torch.inference_mode():
            output: Tensor = part(**given, attention_mask=mask).last_hidden_state
        return output if last == len(layers) else catch.caught

    return run


def read_first_token(body: nn.Module) -> bool:
    """Change the last layer of ``body`` so that it computes its first token alone, (batch, 1, hidden).

    Keys and values are still those of all tokens, so that the first token's value is what it was. Returns whether the
    architecture is known here.
    """
    _, layers = layers_of(body)
    layer = layers[-1]
    for knows, forward in _FIRST_TOKEN:
        if knows(layer):
            layer.forward = types.MethodType(forward, layer)
            return True
    return False


def works_from(body: nn.Module, depth: int) -> bool:
    """Whether ``body`` can start at ``depth`` with the output that it has as a whole."""
    ids, mask = _probe(body)
    try:
        hidden = stretch(body, 0, depth)(ids, mask) * mask[..., None]  # as stored: nothing where padded
        tail = _shallow(body)
        start_at(tail, depth)
        with torch.inference_mode():
            found = tail(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
            wanted = body(input_ids=ids, attention_mask=mask).last_hidden_state
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError):
        return False  # an architecture that is called in another way
    return _alike(found, wanted, mask)


def is_causal(body: Any) -> bool:
    """Whether the first token of a text is read without a look at those behind it, as decoders do."""
    ids, mask = _probe(body)
    ids, mask = ids[:1], mask[:1]
    other = ids.clone()
    other[:, 1:] = ids[:, :-1]
    with torch.inference_mode():
        first, second = (body(input_ids=i, attention_mask=mask).last_hidden_state[:, 0] for i in (ids, other))
    return torch.equal(first, second)


def wide(mask: Tensor, causal: bool) -> Tensor:
    """A padding mask (batch, width) as attention reads it: bool (batch, 1, width, width); ``causal``: nothing is ahead.

    Given one of two dimensions, transformers looks whether any text is padded, and on a GPU waits for all work to end.
    """
    pairs = mask[:, None, None, :].bool().expand(-1, -1, mask.shape[1], -1)
    return pairs.tril() if causal else pairs


def works_with_wide_mask(body: nn.Module, causal: bool) -> bool:
    """Whether ``body`` takes a mask of all pairs of tokens for the padding mask.

    Local attention would look beyond its window with it.
    """
    positions = getattr(body.config, "max_position_embeddings", LONG_PROBE_TOKENS)
    window = getattr(body.config, "sliding_window", None)
    if window is not None and window < positions:
        return False  # also where a text of the probe fits it
    tokens = min(LONG_PROBE_TOKENS, positions * 3 // 4) if positions > 0 else LONG_PROBE_TOKENS
    ids, mask = _probe(body, tokens)  # fewer than positions: those of RoBERTa begin at 2
    try:
        with torch.inference_mode():
            found = body(input_ids=ids, attention_mask=wide(mask, causal)).last_hidden_state
            wanted = body(input_ids=ids, attention_mask=mask).last_hidden_state
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError):
        return False  # an architecture that makes its masks in another way
    return _alike(found, wanted, mask)


def works_for_first_token(body: nn.Module) -> bool:
    """Whether ``read_first_token`` leaves the first token of ``body`` as it is."""
    ids, mask = _probe(body)
    short = _shallow(body)
    _, layers = layers_of(short)
    layers[-1] = copy.copy(layers[-1])
    if not read_first_token(short):
        return False
    try:
        with torch.inference_mode():
            found = short(input_ids=ids, attention_mask=mask).last_hidden_state[:, :1]
            wanted = body(input_ids=ids, attention_mask=mask).last_hidden_state[:, :1]
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError):
        return False  # a layer with the same names for other parts
    return _alike(found, wanted, mask[:, :1])


def _alike(found: Tensor, wanted: Tensor, mask: Tensor) -> bool:
    if found.shape != wanted.shape:
        return False
    return bool(
        ((found - wanted).abs().amax(-1) * mask).max() <= TOLERANCE * wanted.abs().mean().clamp(min=1)
    )


def _probe(body: Any, tokens: int = PROBE_TOKENS) -> tuple[Tensor, Tensor]:
    """Two texts of made-up tokens, one of them padded."""
    rows = body.get_input_embeddings().num_embeddings
    ids = torch.arange(2 * tokens, device=body.device).reshape(2, -1) % rows
    mask = torch.ones_like(ids)
    mask[1, tokens // 2 :] = 0
    return ids, mask


def _shallow(module: nn.Module) -> Any:
    """A copy of a body whose child modules, but for those on the way to the layers, are the same objects."""
    path, _ = layers_of(module)
    parts = path.split(".")
    way = {"", *(".".join(parts[: i + 1]) for i in range(len(parts)))}
    shared = [child for name, child in module.named_modules() if name not in way]
    return copy.deepcopy(module, {id(one): one for one in (*shared, *module.parameters())})


def _bert_first_token(
    layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """A post-norm layer of BERT, RoBERTa, ELECTRA and their kin (Devlin et al. 2019) for its first token."""
    attention = layer.attention.self
    first = hidden[:, :1]
    context = _attend(
        attention.query(first),
        attention.key(hidden),
        attention.value(hidden),
        attention_mask,
        attention.num_attention_heads,
        attention.dropout.p if layer.training else 0.0,
    )
    attended = layer.attention.output(context, first)
    output: Tensor = layer.output(layer.intermediate(attended), attended)
    return output


def _distilbert_first_token(
    layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """A layer of DistilBERT for its first token."""
    attention = layer.attention
    first = hidden[:, :1]
    context = _attend(
        attention.q_lin(first),
        attention.k_lin(hidden),
        attention.v_lin(hidden),
        attention_mask,
        attention.n_heads,
        attention.dropout.p if layer.training else 0.0,
    )
    attended = layer.sa_layer_norm(attention.out_lin(context) + first)
    output: Tensor = layer.output_layer_norm(layer.ffn(attended) + attended)
    return output


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: int, dropout: float
) -> Tensor:
    """Attention of the first token to all: (batch, 1, hidden), (batch, width, hidden) twice -> (batch, 1, hidden)."""
    batch, width, size = key.shape
    query, key, value = (t.view(batch, -1, heads, size // heads).transpose(1, 2) for t in (query, key, value))
    mask = None if mask is None else mask[:, :, :1, :width]
    context = nn.functional.scaled_dot_product_attention(query, key, value, mask, dropout)
    return context.transpose(1, 2).reshape(batch, 1, size)


def _has(*paths: str) -> Callable[[Any], bool]:
    def knows(layer: Any) -> bool:
        for path in paths:
            at = layer
            for name in path.split("."):
                at = getattr(at, name, None)
            if at is None:
                return False
        return True

    return knows


_FIRST_TOKEN: tuple[tuple[Callable[[Any], bool], Callable[..., Tensor]], ...] = (
    (
        _has(
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output",
            "intermediate",
            "output",
        ),
        _bert_first_token,
    ),
    (
        _has("attention.q_lin", "attention.k_lin", "attention.v_lin", "sa_layer_norm", "ffn"),
        _distilbert_first_token,
    ),
)
