"""Token ids of the training texts and of their augmented variants, made when an epoch first reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.augmentation import pool_choice, variant
from hpo.data.task_data import Part
from hpo.data.tokens import tokenize
from hpo.data.wordnet import Synonyms
from hpo.seeds import derive

Ids = NDArray[np.int32]  # (length,) of one text


class TrainingTexts:
    """The training split as token ids.

    Args:
        part: texts and labels.
        tokenizer: of the pretrained model.
        max_length: in tokens; longer texts are cut.
        synonyms: for augmentation that needs them, else None.
        seed: of the pool of variants, the same for all trainings of a run.
    """

    def __init__(
        self, part: Part, tokenizer: Any, max_length: int, synonyms: Synonyms | None, seed: int
    ) -> None:
        self.labels = np.asarray(part.labels, dtype=np.int64)
        self.pad_id: int = tokenizer.pad_token_id or 0
        self._texts = part.texts
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._synonyms = synonyms
        self._pool_seed = derive(seed, "variants")
        self._originals = tuple(tokenize(tokenizer, part.texts, max_length))

    def epoch_ids(self, parameters: Mapping[str, Any], epoch: int, seed: int) -> tuple[Ids, ...]:
        """Ids of every text as epoch ``epoch`` of the training with ``seed`` reads it: the original or a variant."""
        method = parameters["augmentation"]
        if method == "none" or parameters["augmentation_strength"] == 0:
            return self._originals
        strength = parameters["augmentation_strength"]
        items = np.arange(len(self._texts))
        chosen = pool_choice(items, epoch, parameters["augmentation_variants"], derive(seed, "pool"))
        changed = [item for item, number in enumerate(chosen) if number]
        texts = [
            variant(self._texts[i], method, strength, int(chosen[i]), self._pool_seed, self._synonyms)
            for i in changed
        ]
        ids = list(self._originals)
        for item, row in zip(changed, tokenize(self._tokenizer, texts, self._max_length), strict=True):
            ids[item] = row
        return tuple(ids)
