"""A tiny random BERT and a small labelled file: for overheads and for the small form, where training is no point."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GOOD, BAD = ("good", "great", "fine", "superb", "lovely"), ("bad", "awful", "poor", "dull", "weak")
NEUTRAL = ("film", "plot", "scene", "actor", "story", "the", "a", "of", "and", "very", "rather")


def write_tiny(folder: Path, rows: int) -> None:
    """Write ``model/`` (3 layers, hidden 32) and ``reviews.csv`` (``rows`` different texts in two classes)."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *GOOD, *BAD, *NEUTRAL])}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder / "model")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "model")
    (folder / "reviews.csv").write_text(_reviews(rows), encoding="utf-8")


def _reviews(rows: int) -> str:
    rng = np.random.default_rng(7)
    found: dict[str, str] = {}
    while len(found) < rows:
        label = ("negative", "positive")[rng.integers(2)]
        words = [
            *rng.choice(GOOD if label == "positive" else BAD, 2),
            *rng.choice(NEUTRAL, int(rng.integers(2, 9))),
        ]
        found[" ".join(rng.permutation(words))] = label
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in found.items())
