"""On a real model a text's hidden states have the same bits whatever texts it is passed with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hpo.config.parameters import complete
from hpo.data.batches import Batch
from hpo.data.texts import Texts
from hpo.models.pretrained import Pretrained, load_pretrained
from hpo.training.precision import choose_precision
from hpo.training.prefixes import Prefixes
from hpo.training.store import Store

LENGTHS = (20, 9, 33, 24, 5, 61, 17, 22)  # 24: a text that fills its width


@pytest.fixture(scope="module")
def minilm() -> Pretrained:
    return load_pretrained("all-MiniLM-L6-v2")


@pytest.mark.parametrize("depth", [4, 6])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_text_has_the_same_bits_by_itself_and_among_others(
    minilm: Pretrained, tmp_path: Path, threads: int, depth: int
) -> None:
    rng = np.random.default_rng(0)
    texts = Texts([rng.integers(1000, 5000, length).astype(np.int32) for length in LENGTHS * 5])
    how = complete({"frozen_layers": depth, "pooling": "cls"})

    def prefixes(name: str) -> Prefixes:
        return Prefixes(
            minilm, Store(tmp_path / name), choose_precision("cpu"), {"weights": "w"}, (depth,), 0
        )

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        wanted = prefixes("all").hidden(texts, depth, how)
        for item in (0, 3, 5, 17, 39):
            alone = prefixes(str(item)).hidden(Texts([texts.ids[item]]), depth, how)
            among = wanted.batch(Batch(np.array([item]), 64))
            assert np.array_equal(alone.batch(Batch(np.array([0]), 64)), among)
    finally:
        torch.set_num_threads(before)
