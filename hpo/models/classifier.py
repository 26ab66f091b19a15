"""A pretrained body, what of it is frozen, what the head reads, and the head."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from hpo.data.batches import own_width, widest_within
from hpo.models.adapters import adapt, adapter_targets
from hpo.models.heads import HEAD, build_head, pool
from hpo.models.layers import frozen_parts, layers_of, reinitialise, steps_below_head
from hpo.models.objective import OBJECTIVE, Objective
from hpo.models.pretrained import Pretrained
from hpo.models.shortcuts import read_first_token, start_at, wide
from hpo.models.structure import ADAPTED, freezes_embeddings, frozen_layers, kept_layers
from hpo.seeds import derive

# The parameters that tell one classifier from another; those without an effect are absent.
STRUCTURE = (
    "num_layers",
    "fine_tuning",
    "frozen_layers",
    "embeddings",
    "unfreezing",
    "reinitialised_layers",
    "adapter_rank",
    "adapter_alpha",
    "adapter_targets",
    *HEAD,
    "dropout",
    *OBJECTIVE,
)


class Classifier(nn.Module):
    """Texts to logits: body, pooling over tokens, head. Frozen parts stay in eval mode whatever ``train()`` says.

    Where the body begins at a depth, it takes hidden states in place of token ids; where it begins past the last layer,
    there is none.

    Attributes:
        below_head: how far below the head each trained parameter stands, by name: 0 the head itself and what stands behind
            the layers, k the k-th layer from the top, one more than all layers the embeddings.
    """

    def __init__(
        self,
        body: nn.Module | None,
        head: nn.Module,
        pooling: str,
        frozen: Sequence[nn.Module],
        wide_mask: bool = False,
        causal: bool = False,
        gradual: bool = False,
        objective: Objective | None = None,
    ) -> None:
        super().__init__()
        self.objective = objective or Objective()
        self.body = body
        self.head = head
        self._pooling = pooling
        self._wide_mask = wide_mask
        self._causal = causal
        self._frozen = tuple(frozen)  # a plain tuple: these are submodules of the body already
        self._gradual = gradual
        self._unfrozen: int | None = None
        names = [name for name, p in self.named_parameters() if p.requires_grad]
        own = [name.removeprefix("body.") for name in names if name.startswith("body.")]
        below = {} if self.body is None else steps_below_head(self.body, own)
        self.below_head = dict.fromkeys(names, 0) | {f"body.{name}": steps for name, steps in below.items()}

    def forward(
        self, texts: Tensor, mask: Tensor, share: Tensor | None = None, partners: Tensor | None = None
    ) -> Tensor:
        """Logits (batch, classes) of texts padded on the right; (batch, width, classes) without pooling.

        Args:
            texts: token ids (batch, width) int64, or hidden states (batch, width, hidden).
            mask: (batch, width) int64.
            share: (1,) of each text's own pooled states in what the head reads; the rest is its partner's.
            partners: of the first texts, of which alone there are logits, each one's index, int64; given with ``share``.
        """
        hidden = texts
        if self.body is not None:
            given = {"inputs_embeds": texts} if texts.is_floating_point() else {"input_ids": texts}
            attended = wide(mask, self._causal) if self._wide_mask else mask
            hidden = self.body(**given, attention_mask=attended).last_hidden_state
        pooled = pool(hidden, mask, self._pooling)
        if share is not None and partners is not None:
            pooled = share * pooled[: len(partners)] + (1 - share) * pooled[partners]
        logits: Tensor = self.head(pooled)
        return logits

    @property
    def runs_ahead(self) -> bool:
        """Whether all steps make the same calls, none of which waits for the device to end its work."""
        return not self._gradual and (self.body is None or self._wide_mask)

    def train(self, mode: bool = True) -> Classifier:
        """Set the mode of what is trained; ``nn.Module.train`` would turn dropout of frozen layers on again."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if name in self.below_head}

    def unfreeze(self, groups: int | None) -> None:
        """Let gradients reach the highest ``groups`` groups of what is trained: the head, then a layer each; None: all.

        The others get none at all, so that the optimizer leaves them and its own state of them alone.
        """
        if self._gradual and groups != self._unfrozen:
            self._unfrozen = groups
            for name, parameter in self.trained().items():
                parameter.requires_grad_(groups is None or self.below_head[name] < groups)


def build_classifier(
    pretrained: Pretrained,
    parameters: Mapping[str, Any],
    classes: int,
    head_seed: int,
    start: int = 0,
    objective: Objective | None = None,
) -> Classifier:
    """A fresh classifier on the pretrained body: a copy of what is trained, the frozen parts themselves.

    Args:
        parameters: those of ``STRUCTURE`` are read.
        classes: number of logits.
        head_seed: of the head's first weights, and of those of adapters and re-initialised layers.
        start: depth at which the body begins: 0 reads token ids, k (at most the frozen layers) hidden states before
            layer k.
        objective: what its logits mean; None: one class a text.
    """
    kept = pretrained.lowest(kept_layers(parameters, pretrained.info.layers))
    pooling, frozen = parameters["pooling"], frozen_layers(parameters, pretrained.info.layers)
    device = next(pretrained.body.parameters()).device
    head = build_head(kept.info.hidden_size, parameters, classes, head_seed).to(device)
    if start == kept.info.layers:
        return Classifier(None, head, pooling, (), objective=objective)
    body, parts = _copy_body(kept.body, parameters, frozen)
    if parameters["fine_tuning"] in ADAPTED:
        adapt(body, frozen, parameters, derive(head_seed, "adapters"))
    if parameters.get("reinitialised_layers"):
        reinitialise(body, parameters["reinitialised_layers"], derive(head_seed, "reinitialised"))
    _set_dropout(body, parts, parameters["dropout"])
    start_at(body, start)
    trains_last = frozen < kept.info.layers  # else it is the pretrained body's own
    if pooling == "cls" and trains_last and kept.first_token_works:
        read_first_token(body)
    wide_mask = device.type == "cuda" and pretrained.wide_mask_works
    gradual = parameters.get("unfreezing") == "gradual"
    causal = wide_mask and pretrained.causal
    return Classifier(body, head, pooling, parts, wide_mask, causal, gradual, objective)


def _copy_body(
    body: nn.Module, parameters: Mapping[str, Any], frozen: int
) -> tuple[nn.Module, list[nn.Module]]:
    """A copy that shares the weights that nothing changes, and its frozen parts, which are shared whole."""
    parts = frozen_parts(body, frozen, freezes_embeddings(parameters))
    shared = {id(p): p for part in parts for p in part.parameters()}
    if parameters["fine_tuning"] in ADAPTED:
        shared = {id(p): p for p in body.parameters()}
    copied = copy.deepcopy(body, {**{id(part): part for part in parts}, **shared})
    for parameter in copied.parameters():
        parameter.requires_grad_(id(parameter) not in shared)
    return copied, parts


def structure_faults(
    pretrained: Pretrained, structures: Iterable[Mapping[str, Any]], poolings: set[str], max_length: int
) -> dict[str, str]:
    """What of a space this architecture cannot do: parameter (or ``max_length``) to what is wrong and what is allowed.

    Args:
        structures: parameters of every structure of the space.
        poolings: every ``pooling`` of the space.
        max_length: tokens that a text may have.
    """
    layers_of(pretrained.body)
    faults: dict[str, str] = {}
    for parameters in structures:
        for name, fault in _layer_faults(pretrained, parameters):
            faults.setdefault(name, fault)
    if "cls" in poolings and (pretrained.tokenizer.cls_token_id is None or pretrained.causal):
        reason = (
            "the first token of this model sees no other"
            if pretrained.causal
            else "texts of this model have no [CLS] token to read"
        )
        faults["pooling"] = f"cls was found; {reason}; allowed are last, mean and max"
    positions = getattr(pretrained.body.config, "max_position_embeddings", None)
    if positions is not None and (width := own_width(max_length)) > positions:
        faults["max_length"] = (
            f"{max_length} was found, which is padded to {width}; the model has {positions} positions; "
            f"allowed is at most {widest_within(positions)}"
        )
    return faults


def _layer_faults(pretrained: Pretrained, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of these parameters asks for layers that the model does not have."""
    layers = pretrained.info.layers
    kept, frozen = kept_layers(parameters, layers), frozen_layers(parameters, layers)
    if kept > layers:
        yield "num_layers", f"{kept} was found; the model has {layers} layers"
        return
    has = f"the model has {kept} layers" if kept == layers else f"num_layers keeps {kept} layers"
    fresh = parameters.get("reinitialised_layers", 0)
    if frozen > kept:
        yield "frozen_layers", f"{frozen} was found; {has}, all of which may be frozen"
    elif frozen + fresh > kept:
        beside = f", of which frozen_layers are {frozen}" if frozen else ""
        yield "reinitialised_layers", f"{fresh} was found; {has}{beside}; allowed is at most {kept - frozen}"
    if parameters["fine_tuning"] not in ADAPTED:
        return
    if frozen == kept:
        yield "frozen_layers", f"{frozen} was found; {has}, one of which must be left for adapters"
    elif frozen < kept and not adapter_targets(pretrained.body, 0, parameters["adapter_targets"]):
        kind: Any = getattr(pretrained.body.config, "model_type", "such")
        which = parameters["adapter_targets"]
        yield (
            "adapter_targets",
            f"{which} was found; no such maps are known of {kind} models; allowed is all_linear",
        )


def _set_dropout(body: nn.Module, frozen: list[nn.Module], rate: float) -> None:
    tops = {id(module) for module in frozen}
    inactive = {id(m) for module in frozen for m in module.modules()}
    for module in body.modules():
        if id(module) in inactive:
            continue
        if isinstance(module, nn.Dropout):
            module.p = rate
        # What holds frozen parts may drop out what comes of the embeddings: it goes on in training mode.
        holds = any(id(child) in tops for child in module.children())
        for name, value in list(vars(module).items()):
            if name.endswith("dropout") and isinstance(value, int | float):
                setattr(module, name, 0.0 if holds else rate)
