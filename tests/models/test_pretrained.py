"""Models that cannot be loaded, or only in part, are refused with what is wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2Model, T5Config, T5Model

from hpo.models.pretrained import UnusableModelError, load_pretrained

HINT = (
    "Name a model of `hpo assets`, a folder with config.json, tokenizer and model.safetensors, a .gguf file, "
    "or a hub id."
)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def refusal(folder: Path, hint: str = HINT, num_layers: int | None = None) -> str:
    """What is said of the model, without its name."""
    with pytest.raises(UnusableModelError) as caught:
        load_pretrained(str(folder), num_layers=num_layers)
    assert caught.value.hint == hint
    assert (caught.value.name, caught.value.num_layers) == (str(folder), num_layers)
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


def with_tokenizer(tiny_model: Path, folder: Path) -> Path:
    for path in tiny_model.glob("token*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_model_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").startswith("cannot be loaded: ")


def test_an_encoder_with_a_decoder_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    config = T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    T5Model(config).save_pretrained(tmp_path)
    assert refusal(with_tokenizer(tiny_model, tmp_path)) == (
        "is an encoder with a decoder; only one stack of layers can be fine-tuned here"
    )


def test_pickled_weights_are_refused_with_the_way_to_safetensors(tiny_model: Path, tmp_path: Path) -> None:
    for path in tiny_model.iterdir():
        if path.suffix in {".json", ".txt"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    hint = (
        "If you trust where they came from, load them with AutoModel.from_pretrained, write them with "
        "save_pretrained, which makes safetensors, and name that folder."
    )
    assert refusal(tmp_path, hint) == (
        "has pickled weights alone (pytorch_model.bin), and reading these can run any code"
    )


def test_code_that_comes_with_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (folder / "own.py").write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    classes = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    configured(model_type="own", auto_map=classes)(folder)
    assert refusal(folder, "Choose a model whose architecture transformers has.") == (
        "needs code of its own, and hpo runs none that comes with a model"
    )
    assert not marker.exists()


def test_a_file_that_is_no_gguf_is_refused(folder: Path) -> None:
    hint = "Name the folder in which it lies with its config.json."
    assert refusal(folder / "model.safetensors", hint) == "is a file that is no GGUF"


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


@pytest.mark.parametrize("change", ["heads", "dropout", "tokenizer", "nothing"])
def test_a_folder_is_named_by_all_that_says_how_its_weights_are_used(
    tiny_model: Path, folder: Path, change: str
) -> None:
    """Weights alone do not tell: with 4 heads in place of 2 their shapes are the same, and what they compute is not."""
    configure = {"heads": {"num_attention_heads": 4}, "dropout": {"hidden_dropout_prob": 0.3}}
    if change in configure:
        configured(**configure[change])(folder)
    if change == "tokenizer":
        path = folder / "tokenizer.json"
        path.write_text(path.read_text().replace("good", "goody"))
    if change == "nothing":
        for path in folder.iterdir():
            os.utime(path, (1000, 1000))
    same = load_pretrained(str(folder)).info.sha256 == load_pretrained(str(tiny_model)).info.sha256
    assert same == (change == "nothing")


def test_the_lowest_layers_alone_can_be_loaded(tiny_model: Path) -> None:
    whole, lowest = load_pretrained(str(tiny_model)), load_pretrained(str(tiny_model), num_layers=2)
    assert (whole.info.layers, lowest.info.layers) == (3, 2)
    assert lowest.info.source == f"folder {tiny_model.name}, lowest 2 layers"
    layer = sum(p.numel() for p in whole.body.encoder.layer[2].parameters())  # type: ignore[union-attr, index]
    assert lowest.info.parameters == whole.info.parameters - layer
    ids = torch.tensor([[2, 6, 7, 3]])
    hidden = whole.body(input_ids=ids, output_hidden_states=True).hidden_states
    assert torch.equal(lowest.body(input_ids=ids).last_hidden_state, hidden[2])
    assert whole.info.sha256 != lowest.info.sha256


def test_more_layers_than_there_are_cannot_be_kept(folder: Path) -> None:
    assert refusal(folder, "Lower num_layers, or leave it out.", num_layers=4) == (
        "has 3 layers, of which the lowest 4 are asked for"
    )


def test_a_decoder_keeps_no_keys_and_values_for_later(tiny_model: Path, tmp_path: Path) -> None:
    config = GPT2Config(
        vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=2
    )
    GPT2Model(config).save_pretrained(tmp_path)
    body: Any = load_pretrained(str(with_tokenizer(tiny_model, tmp_path))).body
    assert {*body(input_ids=torch.tensor([[2, 6]]))} == {"last_hidden_state"}
