"""Folders and files of models that say of themselves what would hurt who loads them."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hpo.models.folders import FaultError, check_code, check_folder
from hpo.models.gguf_header import MOST_ITEMS, read_gguf_header
from hpo.models.masked import load_masked_words
from hpo.models.pretrained import UnusableModelError, load_pretrained


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


class Runs:
    """Unpickled, it makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def configured(**values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def adapted(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "someone/else"}))


def sharded(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))

    return change


def piped(folder: Path) -> None:
    os.mkfifo(folder / "vocab.txt.new")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (adapted, "holds an adapter (adapter_config.json), which would change its weights or name others"),
        (
            configured(transformers_weights="adapter_model.bin"),
            "names its own file of weights in config.json (transformers_weights)",
        ),
        (sharded("../other.safetensors"), "has weights in '../other.safetensors', as its "),
        (sharded("pytorch_model.bin"), "has weights in 'pytorch_model.bin', as its "),
        (piped, "holds vocab.txt.new, which is no file but a pipe"),
        (configured(attn_implementation="someone/kernel"), "asks for 'someone/kernel' in its config"),
        (configured(attn_implementation="flash_attention_2"), "asks for 'flash_attention_2' in its config"),
        (configured(num_hidden_layers=10**9), "has 1000000000 layers in its config and "),
        (configured(vocab_size=10**9), "has 32,"),
        (
            configured(deep=json.loads("[" * 100 + "]" * 100)),
            "has a config.json that cannot be read: it nests too",
        ),
        (
            lambda f: (f / "config.json").write_text('{"a": "' + "x" * 20_000_000 + '"}'),
            "has a config.json of 20,",
        ),
    ],
)
def test_a_folder_that_leads_elsewhere_or_past_its_weights_is_refused(
    folder: Path, change: Callable[[Path], object], said: str
) -> None:
    (folder.parent / "other.safetensors").write_bytes(b"")
    change(folder)
    with pytest.raises(UnusableModelError) as caught:
        load_pretrained(str(folder))
    assert caught.value.message.startswith(f"model '{folder}' {said}")


def test_pickled_weights_that_a_config_names_are_not_read(folder: Path, tmp_path: Path) -> None:
    torch.save({"embeddings.word_embeddings.weight": Runs(tmp_path / "ran")}, folder / "adapter_model.bin")
    configured(transformers_weights="adapter_model.bin")(folder)
    for load in (load_pretrained, load_masked_words):
        with pytest.raises(Exception, match="transformers_weights"):
            load(str(folder))
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_beside_safetensors_are_not_read(folder: Path, tmp_path: Path) -> None:
    torch.save({"a": Runs(tmp_path / "ran")}, folder / "pytorch_model.bin")
    assert load_pretrained(str(folder)).info.layers == 3
    assert not (tmp_path / "ran").exists()


def test_a_model_of_the_hub_brings_no_attention_of_its_own() -> None:
    from transformers import BertConfig

    check_code(BertConfig())
    config: Any = BertConfig(attn_implementation="kernels-community/flash-attn")
    with pytest.raises(FaultError, match="may be code from the hub"):
        check_code(config)


def test_links_inside_a_folder_are_followed_as_the_hubs_cache_needs(folder: Path) -> None:
    blob = folder.parent / "blob"
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    check_folder(folder)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff" * 8,  # longer than any file
        struct.pack("<Q", 10**8) + b"{}",
        struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":[9],"data_of',
        *(
            struct.pack("<Q", len(text)) + text
            for text in (
                b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
                b'{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,4000000000000]}}',
                b'{"a":{"dtype":"F32","shape":[8],"data_offsets":[32,0]}}',
                b'{"a":' * 5000,
            )
        ),
    ],
)
def test_lying_headers_of_safetensors_are_refused(folder: Path, header: bytes) -> None:
    (folder / "model.safetensors").write_bytes(header)
    with pytest.raises(UnusableModelError, match="cannot be loaded: "):
        load_pretrained(str(folder))


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def tensor(dims: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return string(b"t") + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def gguf(keys: bytes = b"", tensors: bytes = b"", counts: tuple[int, int] | None = None) -> bytes:
    found = counts or (1 if tensors else 0, 1 if keys else 0)
    return b"GGUF" + struct.pack("<IQQ", 3, *found) + keys + tensors + bytes(160)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"GGUF", "it ends within its header"),
        (b"PK\x03\x04" + bytes(40), "it does not begin with GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "it is of version 9"),
        (gguf(counts=(0, 2**63)), "unknown type|ends within its header|no power of two"),
        (gguf(counts=(2**63, 0)), "ends within its header"),
        (gguf(struct.pack("<Q", 2**63)), "it ends within its header"),
        (gguf(string(b"k") + struct.pack("<IIQ", 9, 0, 2**63)), "its lists have more than"),
        (gguf(string(b"k") + struct.pack("<IIQ", 9, 0, MOST_ITEMS)), "it ends within its header"),
        (gguf(string(b"k") + struct.pack("<IIQ", 9, 9, 5)), "a list is of the type 9"),
        (gguf(string(b"k") + struct.pack("<II", 99, 0)), "a value is of the unknown type 99"),
        (gguf(string(b"general.alignment") + struct.pack("<II", 4, 0)), "no power of two"),
        (gguf(string(b"general.alignment") + struct.pack("<II", 4, 48)), "no power of two"),
        (gguf(tensors=tensor((2**40, 2**40))), "a tensor lies past its end"),
        (gguf(tensors=tensor((8,), offset=2**63)), "a tensor lies past its end"),
        (gguf(tensors=tensor((1,) * 9)), "a tensor has 9 dimensions"),
        (gguf(tensors=tensor((8,), kind=77)), "77 is not a valid"),
        (gguf(tensors=tensor((32,)) * 9, counts=(9, 0)), "its tensors share their data"),
    ],
)
def test_lying_headers_of_gguf_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_gguf_header(path)


def test_an_honest_gguf_header_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf(string(b"k") + struct.pack("<IQ", 8, 1) + b"v", tensor((4, 8))))
    held = read_gguf_header(path)
    assert (held.tensors, held.numbers) == (1, 32)


def test_a_gguf_file_of_fewer_weights_than_it_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gguf as library

    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "x.gguf"
    writer: Any = library.GGUFWriter(path, "llama")
    for add, value in (
        (writer.add_context_length, 64),
        (writer.add_embedding_length, 2**14),
        (writer.add_block_count, 2**30),
        (writer.add_feed_forward_length, 2**16),
        (writer.add_head_count, 4),
        (writer.add_vocab_size, 10),
    ):
        add(value)
    writer.add_tensor("token_embd.weight", torch.zeros(10, 32).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(UnusableModelError) as caught:
        load_pretrained(str(path))
    assert caught.value.message == f"model '{path}' has {2**30} layers in its config and 1 tensors"
