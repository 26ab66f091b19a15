"""The decoder of the catalogue, converted from its GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import pipeline

from hpo.config.parameters import complete
from hpo.data.batches import Batch
from hpo.data.texts import Texts
from hpo.data.tokens import padding_id, tokenize
from hpo.models.classifier import build_classifier
from hpo.models.exported import Exported, write_folder
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.training.precision import choose_precision
from hpo.training.prefixes import Prefixes
from hpo.training.store import Store

pytestmark = pytest.mark.slow
NAME = "SmolLM2-135M-Instruct"
REVIEWS = (
    "A moving film with a superb cast.",
    "Dull.",
    "It takes two hours to say nothing, and says it twice.",
    "I laughed, I cried, and in 1994 I would have bought 3 tickets.",
    "",
)


@pytest.fixture(scope="module")
def lowest() -> Pretrained:
    return load_pretrained(NAME, num_layers=6)


def test_the_converted_decoder_knows_what_it_was_taught() -> None:
    """Weights, rotation, tokens: whatever of them were wrong, it would go on with another word."""
    whole = load_pretrained(NAME)
    assert (whole.info.layers, whole.info.hidden_size) == (30, 576)
    assert whole.info.parameters == 134_515_008  # of the model's card: 135M
    body: Any = whole.body
    for text, goes_on in (
        ("The capital of France is", " Paris"),
        ("One, two, three, four,", " five"),
        ("The opposite of hot is", " cold"),
    ):
        ids = torch.tensor([whole.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            last = body(input_ids=ids).last_hidden_state[0, -1]
            best = int((body.get_input_embeddings().weight @ last).argmax())  # its head is its embeddings
        assert whole.tokenizer.decode([best]) == goes_on


def test_its_lowest_layers_are_a_third_of_it(lowest: Pretrained) -> None:
    assert lowest.info.layers == 6
    assert lowest.info.parameters == pytest.approx(49.6e6, rel=0.002)


def test_padding_on_either_side_gives_the_logits_of_a_text_alone(lowest: Pretrained) -> None:
    settings = complete({"pooling": "mean"})
    model = build_classifier(lowest, settings, 2, head_seed=4).eval()
    rows = tokenize(lowest.tokenizer, REVIEWS, 64)
    width = max(map(len, rows)) + 5
    pad = padding_id(lowest.tokenizer)
    body: Any = lowest.body
    for row in rows:
        ids, blank = row.astype(np.int64), np.full(width - len(row), pad)
        mask = np.arange(width) < len(row)
        alone, right, left = (torch.from_numpy(i)[None] for i in (ids, np.r_[ids, blank], np.r_[blank, ids]))
        real = torch.from_numpy(mask.astype(np.int64))[None]
        behind = real.flip(1)
        with torch.no_grad():
            wanted = model(alone, torch.ones_like(alone))
            positions = (behind.cumsum(1) - 1).clamp(min=0)
            hidden = body(input_ids=left, attention_mask=behind, position_ids=positions).last_hidden_state
            mean = (hidden * behind[..., None]).sum(1) / len(row)
            torch.testing.assert_close(model(right, real), wanted, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(model.head(mean), wanted, rtol=1e-5, atol=1e-5)


def test_it_begins_at_each_depth(lowest: Pretrained) -> None:
    assert all(lowest.starts_at(depth) for depth in range(1, 7))


def test_a_text_has_the_same_bits_by_itself_and_among_others(lowest: Pretrained, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = (20, 9, 33, 24, 5, 61, 17, 22)
    texts = Texts([rng.integers(1000, 5000, length).astype(np.int32) for length in lengths * 3])

    def prefixes(name: str) -> Prefixes:
        return Prefixes(lowest, Store(tmp_path / name), choose_precision("cpu"), {"weights": "w"}, (4,), 0)

    how = complete({"frozen_layers": 4, "pooling": "mean"})
    wanted = prefixes("all").hidden(texts, 4, how)
    for item in (0, 3, 5, 17):
        alone = prefixes(str(item)).hidden(Texts([texts.ids[item]]), 4, how)
        among = wanted.batch(Batch(np.array([item]), 64))
        assert np.array_equal(alone.batch(Batch(np.array([0]), 64)), among)


def test_its_adapted_layers_load_with_transformers_alone_and_read_batches_as_single_texts(
    lowest: Pretrained, tmp_path: Path
) -> None:
    """Layers left out, DoRA, the last token, no token for padding of its own: as `hpo export` writes them."""
    settings = complete({"pooling": "last", "num_layers": 2, "fine_tuning": "dora", "frozen_layers": 0})
    model = build_classifier(lowest, settings, 2, head_seed=4).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.trained().values():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    reviews = [text for text in REVIEWS if text]
    exported = Exported(model, settings, lowest.tokenizer, "sentiment", ("bad", "good"), max_length=12)
    ids = tokenize(lowest.tokenizer, reviews, 12)
    assert write_folder(exported, ids, tmp_path)[0] == "own"
    with torch.no_grad():
        rows = [torch.from_numpy(row[None].astype(np.int64)) for row in ids]
        wanted = torch.cat([model(row, torch.ones_like(row)) for row in rows]).softmax(-1)
    classify: Any = pipeline("text-classification", model=str(tmp_path), truncation=True, device=-1)
    found = classify(reviews, batch_size=len(reviews))
    assert [one["label"] for one in found] == [("bad", "good")[best] for best in wanted.argmax(-1)]
    assert [one["score"] for one in found] == pytest.approx(wanted.amax(-1).tolist(), abs=1e-5)
    assert type(classify.model).__name__ == "LlamaForSequenceClassification"
    assert classify.model.config.num_hidden_layers == 2
