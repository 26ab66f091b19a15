"""A tiny random BERT and a small labelled file: for mechanics only; tests/e2e uses the real ones."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from hpo.data.task_data import TaskData
    from hpo.models.pretrained import Pretrained

TONES = {
    "positive": ("good", "great", "fine", "superb", "lovely"),
    "negative": ("bad", "awful", "poor", "dull", "weak"),
}
NEUTRAL = ("film", "plot", "scene", "actor", "story", "the", "a", "of", "and", "very", "rather")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random BERT: 3 layers, hidden 32, a vocabulary of a few words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {
        word: number
        for number, word in enumerate([*special, *TONES["positive"], *TONES["negative"], *NEUTRAL])
    }
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 300 different short texts in two classes that a bag of words tells apart."""
    rng = np.random.default_rng(7)
    rows: dict[str, str] = {}
    while len(rows) < 300:
        label = ("negative", "positive")[rng.integers(2)]
        words = [*rng.choice(TONES[label], 2), *rng.choice(NEUTRAL, int(rng.integers(2, 9)))]
        rows[" ".join(rng.permutation(words))] = label
    path = tmp_path_factory.mktemp("tiny-data") / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows.items()))
    return path


@pytest.fixture
def offline_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder and no index: whatever tries to fetch fails."""
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def pretrained(tiny_model: Path) -> Pretrained:
    from hpo.models.pretrained import load_pretrained

    return load_pretrained(str(tiny_model))


@pytest.fixture(scope="session")
def task(tiny_data: Path) -> TaskData:
    from hpo.config.experiment import DataSource, Task
    from hpo.data.task_data import load_task

    return load_task(Task(data=DataSource(path=str(tiny_data)), train=64, validation=40, test=60), seed=3)
