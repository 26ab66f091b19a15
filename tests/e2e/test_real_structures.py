"""Layers kept and adapters of the real encoder, against transformers and peft."""

from __future__ import annotations

import copy
from typing import Any

import peft
import pytest
import torch
from torch import Tensor
from transformers import AutoModel

from hpo.assets.fetch import fetch
from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.models.shortcuts import stretch

MODEL = "all-MiniLM-L6-v2"
TOLERANCE: dict[str, float] = {"rtol": 1e-3, "atol": 1e-5}
# Of get_peft_model, which is called here alone.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")


@pytest.fixture(scope="module")
def minilm() -> Pretrained:
    return load_pretrained(MODEL)


@pytest.fixture(scope="module")
def texts(minilm: Pretrained) -> tuple[Tensor, Tensor]:
    sentences = ["a gripping, funny film from start to end", "dull", "not for me , and not for anyone else"]
    read: Any = minilm.tokenizer(sentences, padding=True, return_tensors="pt")
    return read["input_ids"], read["attention_mask"]


def build(minilm: Pretrained, start: int = 0, **given: Any) -> Classifier:
    return build_classifier(minilm, complete({"dropout": 0.0, **given}), 2, head_seed=1, start=start)


def test_the_lowest_three_layers_are_those_of_transformers(
    minilm: Pretrained, texts: tuple[Tensor, Tensor]
) -> None:
    theirs = AutoModel.from_pretrained(fetch(MODEL), num_hidden_layers=3, dtype=torch.float32).eval()
    model = build(minilm, num_layers=3).eval()
    with torch.no_grad():
        hidden = theirs(input_ids=texts[0], attention_mask=texts[1]).last_hidden_state
        torch.testing.assert_close(model(*texts), model.head(hidden[:, 0]), **TOLERANCE)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_adapters_have_the_size_that_peft_says_and_learn_above_stored_hidden_states(
    minilm: Pretrained, texts: tuple[Tensor, Tensor], method: str
) -> None:
    config = peft.LoraConfig(r=8, use_dora=method == "dora", layers_to_transform=[4, 5])
    theirs = peft.get_peft_model(copy.deepcopy(minilm.body), config)  # type: ignore[arg-type]
    given = {"fine_tuning": method, "frozen_layers": 4}
    whole, begun = build(minilm, **given), build(minilm, start=4, **given)
    found = sum(p.numel() for n, p in whole.trained().items() if not n.startswith("head."))
    assert found == theirs.get_nb_trainable_parameters()[0]
    hidden = stretch(minilm.body, 0, 4)(*texts).clone()
    labels = torch.tensor([1, 0, 0])
    losses = []
    for model, read in ((whole, texts[0]), (begun, hidden)):
        optimizer = torch.optim.AdamW(model.trained().values(), lr=3e-3)
        for _ in range(8):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model.train()(read, texts[1]), labels)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    assert losses[7] < 0.7 * losses[0]
    assert losses[8:] == pytest.approx(losses[:8], rel=1e-3)
