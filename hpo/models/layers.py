"""How a body of transformers is built: where it keeps its layers, and what stands before them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hpo.errors import UserError


@dataclass(frozen=True)
class Anatomy:
    """The parts of a body outside its layers, by name, as the order tells in which a pass calls them.

    Attributes:
        layers: the list of layers.
        before: all that does not wait for a layer: embeddings, and what is made of positions.
        embeddings: those of them that make the hidden states before the first layer, one after another or as summands.
        in_tuples: whether a layer hands on its hidden states as the first of a tuple.
        width: of the hidden states that the body ends with.
    """

    layers: str
    before: tuple[str, ...]
    embeddings: tuple[str, ...]
    in_tuples: bool
    width: int


def layers_of(body: Any) -> tuple[str, nn.ModuleList]:
    """Name and list of the transformer layers: the one module list as long as the model is deep."""
    depth = body.config.num_hidden_layers
    for name, module in body.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return name, module
    raise UserError(
        f"{type(body).__name__} has no list of {depth} layers, so that none can be frozen",
        "Choose an encoder such as BERT or MiniLM, or a decoder such as Llama or GPT-2.",
    )


_KNOWN: dict[tuple[type, str], Anatomy] = {}


def anatomy(body: Any) -> Anatomy:
    """How ``body`` is built; found out once for an architecture and its configuration, on a whole body.

    Raises:
        UserError: it has no list of layers, or does not read token ids.
    """
    kind = (type(body), body.config.to_json_string())
    if kind not in _KNOWN:
        _KNOWN[kind] = _dissect(body)
    return _KNOWN[kind]


def stands_before(body: nn.Module) -> list[str]:
    """Names (dotted where they lie deeper) of the parts before the layers: the embeddings, and what is made of positions."""
    return list(anatomy(body).before)


def frozen_parts(body: nn.Module, count: int, embeddings: bool = False) -> list[nn.Module]:
    """What freezing ``count`` layers freezes: all that stands before the layers, the lowest ``count``, and with all of
    them what stands behind (a last norm). ``embeddings`` freezes what stands before even where ``count`` is 0."""
    _, layers = layers_of(body)
    if count == len(layers):
        return list(body.children())
    before = stands_before(body)  # asked of a whole body first, whatever is frozen
    return [*map(body.get_submodule, before), *layers[:count]] if count or embeddings else []


def keep_lowest(body: Any, count: int) -> None:
    """Take all but the lowest ``count`` layers out of ``body``, as ``num_hidden_layers`` of transformers does."""
    path, layers = layers_of(body)
    parent, _, name = path.rpartition(".")
    setattr(body.get_submodule(parent), name, layers[:count])
    configure_lowest(body.config, count)


def configure_lowest(config: Any, count: int) -> None:
    """Let a configuration of transformers have the lowest ``count`` layers alone."""
    config.num_hidden_layers = count
    for name in ("layer_types", "mlp_layer_types"):
        kinds = getattr(config, name, None)
        if (
            kinds is not None and len(kinds) != count
        ):  # those of some follow the number of layers by themselves
            setattr(config, name, kinds[:count])


def steps_below_head(body: nn.Module, names: Iterable[str]) -> dict[str, int]:
    """How far below the head each of these parameters of ``body`` stands: 0 behind the layers, 1 in the top one, and so on;
    what stands before the layers is one step below the lowest."""
    path, layers = layers_of(body)
    before = tuple(f"{part}." for part in stands_before(body))
    found = {}
    for name in names:
        if name.startswith(f"{path}."):
            index = name.removeprefix(f"{path}.").split(".", 1)[0]
            found[name] = len(layers) - int(index)
        else:
            found[name] = len(layers) + 1 if name.startswith(before) else 0
    return found


def reinitialise(body: Any, count: int, seed: int) -> None:
    """Draw the weights of the highest ``count`` layers of ``body`` anew from ``seed``, on the CPU, as the architecture's own
    code draws those of a model before its pretraining (Zhang et al. 2021, "Revisiting few-sample BERT fine-tuning")."""
    _, layers = layers_of(body)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for layer in layers[len(layers) - count :]:
            drawn = copy.deepcopy(layer).cpu()
            drawn.apply(body._init_weights)  # noqa: SLF001 - there is no public name for a part of a model
            layer.load_state_dict(drawn.state_dict())


def _dissect(body: Any) -> Anatomy:
    path, layers = layers_of(body)
    parts = _outside(body, path)
    calls: list[str] = []
    made: dict[str, object] = {}

    def before(name: str) -> Callable[..., None]:
        return lambda *_: calls.append(name)

    def after(name: str) -> Callable[..., None]:
        return lambda _part, _given, output: made.update({name: output})

    watched = {**parts, path: layers[0]}
    hooks = [module.register_forward_pre_hook(before(name)) for name, module in watched.items()]
    hooks += [module.register_forward_hook(after(name)) for name, module in watched.items()]
    ids = torch.zeros((1, 2), dtype=torch.int64, device=body.device)
    try:
        with torch.no_grad():
            last = body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        begun = calls.index(path)
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError) as error:
        raise UserError(
            f"{type(body).__name__} cannot be given token ids with a mask ({type(error).__name__})",
            "Choose a text encoder such as BERT or MiniLM, or a decoder such as Llama or GPT-2.",
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    early = set(calls[:begun])
    behind = set(calls[begun:]) - early
    hidden = [name for name in parts if name in early and _is_hidden(made[name])]
    level = min((name.count(".") for name in hidden), default=0)
    return Anatomy(
        layers=path,
        before=tuple(name for name in parts if name not in behind),
        # Deeper ones, such as a table of relative positions, serve the layers and stay what they are.
        embeddings=tuple(name for name in hidden if name.count(".") == level),
        in_tuples=isinstance(made[path], tuple),
        width=last.shape[-1],
    )


def _is_hidden(output: object) -> bool:
    """Whether a part makes hidden states, or something to be added to them; what rotates queries and keys comes in pairs."""
    return isinstance(output, torch.Tensor) and output.is_floating_point()


def _outside(body: nn.Module, path: str) -> dict[str, nn.Module]:
    """The parts beside the list of layers and the modules that hold it, the outermost first, by name."""
    words = path.split(".")
    way = [".".join(words[:count]) for count in range(len(words) + 1)]
    return {
        name: module
        for holder in way[:-1]
        for child, module in body.get_submodule(holder).named_children()
        if (name := f"{holder}.{child}" if holder else child) not in way
    }
