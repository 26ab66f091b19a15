"""What is looked at in a model's folder before transformers reads it, which does as the files say: it would take pickled
weights where the config names them, code of the hub for attention, another model under an adapter."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from hpo.json_text import parse_json

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
INDEX = "model.safetensors.index.json"
LONGEST_JSON = 20_000_000  # bytes of a config or an index
OWN_ATTENTION = (None, "eager", "sdpa")  # others may come from the hub, as code
SLACK = 10_000_000  # numbers that a config may ask for beyond what files hold: a pooler, buffers
_ADAPTER = (
    "holds an adapter (adapter_config.json), which would change its weights or name others",
    "Merge it by peft's merge_and_unload, write the model with save_pretrained, and name that folder.",
)


class FaultError(Exception):
    """What is wrong with a model, and what to do."""

    def __init__(
        self,
        what: str,
        hint: str = "Name a model of `hpo assets`, a folder with config.json, tokenizer and model.safetensors, "
        "a .gguf file, or a hub id.",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def checked_config(place: str) -> Any:
    """The config of a model, in a folder or of the hub, whose weights transformers may load.

    Raises:
        FaultError: its files lead elsewhere, to code, or to a far larger model than they hold.
    """
    from transformers import AutoConfig
    from transformers.utils.peft_utils import find_adapter_config_file

    folder = Path(place)
    check_folder(folder)
    config = AutoConfig.from_pretrained(place, trust_remote_code=False)
    check_code(config)
    if folder.is_dir():
        check_size(config, *_held(folder))
    elif find_adapter_config_file(place) is not None:
        raise FaultError(*_ADAPTER)
    return config


def check_folder(place: Path) -> None:
    """Refuse a folder whose files lead elsewhere or to code; what is no folder passes.

    Raises:
        FaultError: with what was found.
    """
    if not place.is_dir():
        return
    for path in sorted(place.iterdir()):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise FaultError(f"holds {path.name}, which is no file but a {_kind(path)}")
    if (place / "adapter_config.json").exists():
        raise FaultError(*_ADAPTER)
    _refuse_pickles(place)
    if "transformers_weights" in _object(place / "config.json"):
        raise FaultError("names its own file of weights in config.json (transformers_weights)")
    shards = _object(place / INDEX).get("weight_map", {})
    if not isinstance(shards, dict):
        raise FaultError(f"has a broken {INDEX}")
    for shard in sorted({str(shard) for shard in shards.values()}):
        if not shard.endswith(".safetensors") or set(shard) & set("/\\") or not (place / shard).is_file():
            raise FaultError(
                f"has weights in {shard!r}, as its {INDEX} says, which is no safetensors file in it"
            )


def check_code(config: Any) -> None:
    """Refuse a config, of a folder or the hub, that asks for attention or experts by code from the hub.

    Raises:
        FaultError: it does.
    """
    for part in _parts(config):
        attention = vars(part).get("_attn_implementation_internal")
        experts = vars(part).get("_experts_implementation_internal")
        if attention not in OWN_ATTENTION or (isinstance(experts, str) and "/" in experts):
            named = attention if attention not in OWN_ATTENTION else experts
            raise FaultError(
                f"asks for {named!r} in its config, which may be code from the hub",
                "Remove attn_implementation and experts_implementation from its config.json.",
            )


def check_size(config: Any, tensors: int, numbers: int) -> None:
    """Refuse a config of more layers than there are ``tensors``, or of far more parameters than ``numbers``.

    Raises:
        FaultError: it does.
    """
    from transformers import AutoModel

    config = getattr(config, "body", config)  # of an exported model
    layers = getattr(config, "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > tensors:
        raise FaultError(f"has {layers} layers in its config and {tensors} tensors")
    with torch.device("meta"):  # shapes alone
        body = AutoModel.from_config(config, trust_remote_code=False)
    asked = sum(tensor.numel() for tensor in (*body.parameters(), *body.buffers()))
    if asked > numbers + SLACK:
        raise FaultError(f"has {asked:,} parameters in its config, which its weights cannot hold")


def _held(place: Path) -> tuple[int, int]:
    """How many tensors the safetensors files of a folder have, and numbers at most: two a byte, in 4 bits each."""
    from safetensors import safe_open

    files = sorted(place.glob("*.safetensors"))
    tensors = 0
    for path in files:
        with safe_open(path, framework="pt") as file:
            tensors += len(file.keys())
    return tensors, 2 * sum(path.stat().st_size for path in files)


def _refuse_pickles(place: Path) -> None:
    """Say what pickled weights are and how to be rid of them, where a folder has no others."""
    if any(place.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in PICKLED for path in place.glob(pattern))
    if pickled:
        raise FaultError(
            f"has pickled weights alone ({pickled[0]}), and reading these can run any code",
            "If you trust where they came from, load them with AutoModel.from_pretrained, write them with "
            "save_pretrained, which makes safetensors, and name that folder.",
        )


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none, or none that can be read: transformers says so."""
    if not path.is_file():
        return {}
    if path.stat().st_size > LONGEST_JSON:
        raise FaultError(f"has a {path.name} of {path.stat().st_size:,} bytes")
    try:
        found = parse_json(path.read_bytes())
    except ValueError as error:
        raise FaultError(f"has a {path.name} that cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _kind(path: Path) -> str:
    mode = path.stat().st_mode
    return "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"


def _parts(config: Any) -> Iterator[Any]:
    """The config and those in it."""
    yield config
    for value in vars(config).values():
        if hasattr(value, "model_type"):
            yield from _parts(value)
