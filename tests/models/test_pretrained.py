"""Models that cannot be loaded, or only in part, are refused with what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import T5Config, T5Model

from hpo.errors import UserError
from hpo.models.pretrained import load_pretrained


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def refusal(folder: Path) -> str:
    """What is said of the model, without its name."""
    with pytest.raises(UserError) as caught:
        load_pretrained(str(folder))
    assert caught.value.hint == (
        "Name a model of `hpo assets`, a folder with config.json, tokenizer and model.safetensors, or a hub id."
    )
    start = f"model '{folder}' "
    assert caught.value.message.startswith(start)
    assert "\n" not in caught.value.message
    return caught.value.message.removeprefix(start)


def configured(**values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("token*"):
        path.unlink()


def test_a_model_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        load_pretrained(str(tmp_path / "empty"))
    assert caught.value.message.startswith(f"model '{tmp_path / 'empty'}' cannot be loaded: ")
    assert caught.value.hint == (
        "Name a model of `hpo assets`, a folder with config.json, tokenizer and model.safetensors, or a hub id."
    )


def test_an_encoder_with_a_decoder_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    config = T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    T5Model(config).save_pretrained(tmp_path)
    for path in tiny_model.glob("token*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError) as caught:
        load_pretrained(str(tmp_path))
    assert caught.value.message == (
        f"model '{tmp_path}' is an encoder with a decoder; only one stack of layers can be fine-tuned here"
    )


def test_pickled_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    for path in tiny_model.iterdir():
        if path.suffix in {".json", ".txt"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be loaded"):
        load_pretrained(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "cannot be loaded: Error while deserializing header: "),
        (configured(hidden_size="x"), "cannot be loaded: Validation error for field 'hidden_size':"),
        (configured(hidden_act="nope"), "cannot be loaded: 'nope'"),
        (lambda folder: (folder / "config.json").write_text("[]"), "cannot be loaded: "),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded: "),
    ],
)
def test_broken_files_are_refused(folder: Path, change: Callable[[Path], object], said: str) -> None:
    change(folder)
    assert refusal(folder).startswith(said)


@pytest.mark.parametrize(
    ("change", "unset"),
    [
        (configured(num_hidden_layers=4), (16, "encoder.layer.3.attention.output.LayerNorm.bias")),
        (configured(intermediate_size=128), (9, "encoder.layer.0.intermediate.dense.bias")),
        (configured(vocab_size=20), (1, "embeddings.word_embeddings.weight")),
    ],
)
def test_a_body_whose_config_asks_for_other_weights_is_refused(
    folder: Path, change: Callable[[Path], object], unset: tuple[int, str]
) -> None:
    change(folder)
    assert refusal(folder) == (
        f"has no weights of the right shape for {unset[0]} of the tensors in its config, such as {unset[1]}"
    )


def test_a_tokenizer_that_knows_no_word_is_refused(folder: Path) -> None:
    without_tokenizer(folder)
    assert refusal(folder) == "has a tokenizer of 5 words for embeddings of 26"


def test_an_error_without_a_word_is_told_by_its_kind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", fail)
    assert refusal(folder) == "cannot be loaded: MemoryError"
