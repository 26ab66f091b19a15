"""Folders for transformers: loaded by transformers' own classes, their logits are those of the classifier.

Random bodies, and heads as large as trained ones, so that logits are of the size that training leaves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from benchmarks.tiny import BAD, GOOD, NEUTRAL
from hpo.config.parameters import complete
from hpo.data.tokens import between, tokenize
from hpo.errors import UserError
from hpo.models import exported as exported_module
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.exported import Exported, load_model, pass_of, write_folder
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.models.reading import tell_second_text
from tests.models.bodies import body_of

NAMES = ("bad", "good", "so so")
LENGTH = 12
STRUCTURES: list[tuple[str, dict[str, Any]]] = [
    ("bert", {"num_layers": 2, "frozen_layers": 1}),
    ("bert", {"fine_tuning": "head"}),
    ("bert", {"fine_tuning": "lora", "frozen_layers": 1}),
    ("bert", {"fine_tuning": "dora", "frozen_layers": 0, "adapter_targets": "all_linear", "num_layers": 2}),
    ("bert", {"reinitialised_layers": 1, "frozen_layers": 1, "pooling": "max"}),
    ("gpt2", {"fine_tuning": "lora", "frozen_layers": 0, "pooling": "last", "num_layers": 2}),
    ("llama", {"fine_tuning": "dora", "frozen_layers": 1, "pooling": "mean"}),
    ("modernbert", {"num_layers": 1, "frozen_layers": 0, "pooling": "mean"}),
    ("qwen3", {"num_layers": 2, "frozen_layers": 0, "pooling": "last", "head_hidden_sizes": (8,)}),
]


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return load_pretrained(str(tiny_model)).tokenizer


@pytest.fixture(scope="module")
def texts() -> list[str]:
    random = np.random.default_rng(3)
    words = [*GOOD, *BAD, *NEUTRAL]
    return [" ".join(random.choice(words, int(random.integers(1, 20)))) for _ in range(40)]


def trained(pretrained: Pretrained, parameters: dict[str, Any]) -> Classifier:
    """A classifier of three classes as if after training: all that is trained has moved."""
    model = build_classifier(pretrained, parameters, len(NAMES), head_seed=4)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, parameter in model.trained().items():
            size = 0.4 if name.startswith("head.") else 0.02
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=size)
    return model.eval()


def exported_of(name: str, tokenizer: Any, kind: str = "text-classification", **settings: Any) -> Exported:
    pretrained = body_of(name)
    if kind == "pair":
        tell_second_text(pretrained.body, tokenizer)
    parameters = complete(settings)
    return Exported(trained(pretrained, parameters), parameters, tokenizer, kind, NAMES, LENGTH)


def padded(ids: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.zeros((len(ids), max(map(len, ids))), dtype=torch.int64)
    mask = torch.zeros_like(rows)
    for row, own in enumerate(ids):
        rows[row, : len(own)] = torch.from_numpy(own.astype(np.int64))
        mask[row, : len(own)] = 1
    return rows, mask


def both(exported: Exported, ids: list[np.ndarray], folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of the folder and of the classifier on the same tokens."""
    rows, mask = padded(ids)
    loaded = pass_of(load_model(folder, exported.kind), exported.separator)
    with torch.no_grad():
        found, wanted = loaded(rows, mask), exported.classifier(rows, mask)
    if exported.tags:
        found, wanted = found[mask == 1], wanted[mask == 1]
    return found, wanted


@pytest.mark.parametrize(
    ("name", "pooling", "form"),
    [
        ("bert", "cls", "scaled"),
        ("roberta", "cls", "scaled"),
        ("electra", "cls", "paired"),
        ("distilbert", "cls", "paired"),
        ("modernbert", "cls", "hpo"),
        ("bert", "none", "own"),
        ("distilbert", "none", "own"),
        ("llama", "none", "own"),
        ("gpt2", "none", "own"),
        ("bert", "mean", "hpo"),
        ("bert", "last", "hpo"),
        ("llama", "last", "own"),
        ("gpt2", "last", "own"),
        ("qwen3", "last", "own"),
        ("gemma", "last", "own"),
        ("opt", "last", "own"),
        ("bloom", "last", "own"),
        ("falcon", "last", "own"),
        ("phi", "last", "own"),
        ("gpt_neox", "last", "own"),
        ("llama", "mean", "hpo"),
        ("gpt2", "mean", "hpo"),
    ],
)
def test_a_linear_head_stands_in_the_architectures_own_class_where_that_can_hold_it(
    name: str, pooling: str, form: str, tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    kind = "token-classification" if pooling == "none" else "text-classification"
    exported = exported_of(name, tokenizer, kind, pooling=pooling)
    ids = tokenize(tokenizer, texts, LENGTH)
    found_form, difference = write_folder(exported, ids[:10], tmp_path)
    found, wanted = both(exported, ids, tmp_path)
    assert found_form == form
    assert wanted.abs().max() > 1
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-6
    assert difference < 1e-6
    [architecture] = json.loads((tmp_path / "config.json").read_text())["architectures"]
    assert architecture.startswith("Hpo") == (form == "hpo")


@pytest.mark.parametrize(("name", "settings"), STRUCTURES)
def test_what_is_kept_and_adapted_of_a_body_is_written_as_a_plain_body(
    name: str, settings: dict[str, Any], tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    exported = exported_of(name, tokenizer, **settings)
    ids = tokenize(tokenizer, texts, LENGTH)
    before = {n: t.clone() for n, t in exported.classifier.state_dict().items()}
    write_folder(exported, ids[:10], tmp_path)
    found, wanted = both(exported, ids, tmp_path)
    assert wanted.abs().max() > 1
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert not [name for name in load_file(tmp_path / "model.safetensors") if "lora" in name]
    after = exported.classifier.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("pooling", ["cls", "none"])
def test_a_head_with_hidden_layers_needs_a_class_of_ours(
    pooling: str, tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    kind = "token-classification" if pooling == "none" else "text-classification"
    exported = exported_of("bert", tokenizer, kind, pooling=pooling, head_hidden_sizes=(8, 4))
    ids = tokenize(tokenizer, texts, LENGTH)
    assert write_folder(exported, ids, tmp_path)[0] == "hpo"
    found, wanted = both(exported, ids, tmp_path)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_the_second_of_two_texts_is_told_from_the_first(
    pooling: str, tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    exported = exported_of("bert", tokenizer, "pair", pooling=pooling)
    ids = tokenize(tokenizer, [tuple(texts[i : i + 2]) for i in range(20)], LENGTH)
    write_folder(exported, ids, tmp_path)
    found, wanted = both(exported, ids, tmp_path)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    rows, mask = padded(ids)
    exported.classifier.body._forward_pre_hooks.clear()  # type: ignore[union-attr]
    with torch.no_grad():
        assert not torch.allclose(exported.classifier(rows, mask), wanted, atol=1e-3)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_pipeline_tells_the_label_and_its_probability(
    pooling: str, tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    exported = exported_of("bert", tokenizer, pooling=pooling)
    write_folder(exported, tokenize(tokenizer, texts, LENGTH), tmp_path)
    classify = hf.pipeline("text-classification", model=str(tmp_path), truncation=True, device=-1)
    found = classify(texts)
    assert max(len(row) for row in tokenize(tokenizer, texts, 99)) > LENGTH
    rows, mask = padded(tokenize(tokenizer, texts, LENGTH))
    with torch.no_grad():
        scores = exported.classifier(rows, mask).softmax(-1)
    assert [one["label"] for one in found] == [NAMES[best] for best in scores.argmax(-1)]
    assert [one["score"] for one in found] == pytest.approx(scores.amax(-1).tolist(), abs=1e-5)


def test_a_pipeline_gives_every_label_of_a_set_a_probability_of_its_own(
    tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    exported = exported_of("bert", tokenizer, "multi-label")
    write_folder(exported, tokenize(tokenizer, texts, LENGTH), tmp_path)
    classify: Any = hf.pipeline(
        "text-classification", model=str(tmp_path), truncation=True, top_k=None, device=-1
    )
    rows, mask = padded(tokenize(tokenizer, texts[:1], LENGTH))
    with torch.no_grad():
        scores = exported.classifier(rows, mask).sigmoid()[0].tolist()
    found = {one["label"]: one["score"] for one in classify(texts[:1])[0]}
    assert found == pytest.approx(dict(zip(NAMES, scores, strict=True)), abs=1e-5)


def tokenizer_of_a_decoder(**special: str) -> Any:
    """One that knows the words of the tiny model, puts nothing around a text, and pads on the left if it can."""
    words = {word: number for number, word in enumerate(["<end>", "<unknown>", *GOOD, *BAD, *NEUTRAL])}
    core = Tokenizer(WordLevel(words, unk_token="<unknown>"))
    core.pre_tokenizer = Whitespace()
    return hf.PreTrainedTokenizerFast(tokenizer_object=core, padding_side="left", **special)


@pytest.mark.parametrize(
    ("special", "pooling", "form"),
    [
        ({"eos_token": "<end>"}, "last", "own"),
        ({"pad_token": "<end>"}, "last", "own"),
        ({"eos_token": "<end>"}, "mean", "hpo"),
        ({"unk_token": "<unknown>"}, "last", "hpo"),  # it would fill up, and texts may end with it
    ],
)
def test_a_pipeline_reads_texts_in_batches_as_a_decoder_reads_each_alone(
    special: dict[str, str], pooling: str, form: str, texts: list[str], tmp_path: Path
) -> None:
    tokenizer = tokenizer_of_a_decoder(**special)
    exported = exported_of("llama", tokenizer, pooling=pooling)
    given = [*texts, "good xylophone", "a bad"]
    ids = tokenize(tokenizer, given, LENGTH)
    assert write_folder(exported, ids[:10], tmp_path)[0] == form
    classify: Any = hf.pipeline("text-classification", model=str(tmp_path), truncation=True, device=-1)
    found = classify(given, batch_size=8)
    with torch.no_grad():
        rows = [torch.from_numpy(row[None].astype(np.int64)) for row in ids]
        scores = torch.cat([exported.classifier(row, torch.ones_like(row)) for row in rows]).softmax(-1)
    assert [one["label"] for one in found] == [NAMES[best] for best in scores.argmax(-1)]
    assert [one["score"] for one in found] == pytest.approx(scores.amax(-1).tolist(), abs=1e-5)


def test_a_pipeline_reads_two_texts_as_a_decoder_did_where_the_separator_is_given(
    texts: list[str], tmp_path: Path
) -> None:
    """A decoder's tokenizer puts nothing between two texts; the card says what stands there."""
    tokenizer = tokenizer_of_a_decoder(eos_token="<end>")
    exported = exported_of("llama", tokenizer, "pair", pooling="last")
    pairs = [(texts[i], texts[i + 1]) for i in range(12)]
    ids = tokenize(tokenizer, pairs, LENGTH)
    assert write_folder(exported, ids, tmp_path)[0] == "own"
    classify: Any = hf.pipeline("text-classification", model=str(tmp_path), truncation=True, device=-1)
    found = classify([{"text": one, "text_pair": between(tokenizer) + other} for one, other in pairs])
    rows, mask = padded(ids)
    with torch.no_grad():
        scores = exported.classifier(rows, mask).softmax(-1)
    assert [one["score"] for one in found] == pytest.approx(scores.amax(-1).tolist(), abs=1e-5)


def test_a_folder_names_no_folder_of_this_machine_and_holds_no_code(
    tiny_model: Path, tokenizer: Any, texts: list[str], tmp_path: Path
) -> None:
    pretrained = load_pretrained(str(tiny_model))
    for number, pooling in enumerate(("cls", "mean")):
        parameters = complete({"pooling": pooling})
        made = trained(pretrained, parameters)
        folder = tmp_path / str(number)
        exported = Exported(made, parameters, tokenizer, "text-classification", NAMES, LENGTH)
        write_folder(exported, tokenize(tokenizer, texts, LENGTH), folder)
        for path in folder.iterdir():
            assert path.suffix in {".json", ".txt", ".safetensors"}, path
            assert str(tiny_model.parent).encode() not in path.read_bytes(), path


def test_what_loads_otherwise_is_refused(
    tokenizer: Any, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = exported_of("bert", tokenizer, pooling="mean")

    def changed(folder: Path, kind: str) -> Any:
        model = load_model(folder, kind)
        with torch.no_grad():
            model.head[-1].bias.add_(0.01)
        return model

    monkeypatch.setattr(exported_module, "load_model", changed)
    with pytest.raises(
        UserError, match="BertModel cannot be exported: loaded again, it gives logits that differ"
    ):
        write_folder(exported, tokenize(tokenizer, texts, LENGTH), tmp_path)
