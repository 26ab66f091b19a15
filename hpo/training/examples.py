"""Token ids of the training texts and of their augmented variants, made when an epoch first reads them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo.data.augmentation import Sources, pool_choice
from hpo.data.read import read_texts
from hpo.data.task_data import Part
from hpo.data.texts import Texts
from hpo.data.tokens import digest, padding_id
from hpo.data.variants import Variants
from hpo.seeds import derive

EPOCHS_KEPT = 64  # augmented epochs in memory: paired draws of several strategies read the same ones in turn


def pool_seed(seed: int) -> int:
    """Seed of the variants of each text of ``TrainingTexts`` made with ``seed``."""
    return derive(seed, "variants")


class TrainingTexts:
    """The training split as token ids.

    Args:
        part: texts and labels.
        tokenizer: of the pretrained model.
        max_length: in tokens; longer texts are cut.
        sources: of the words that augmentation puts in, where a training may need them.
        seed: of the pool of variants, the same for all trainings of a run (`pool_seed` gives the one that they are
            drawn from).
        names: of the tags of words, where labels are of words.
    """

    def __init__(
        self,
        part: Part,
        tokenizer: Any,
        max_length: int,
        sources: Sources | None,
        seed: int,
        names: tuple[str, ...] = (),
    ) -> None:
        self.labels = part.labels
        self.pad_id = padding_id(tokenizer)
        self._texts = part.texts
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._variants = Variants(part, names, sources, pool_seed(seed))
        self._originals = read_texts(tokenizer, part.texts, part.labels, max_length)
        self._epochs: OrderedDict[tuple[Any, ...], Texts] = OrderedDict()

    def epoch(self, parameters: Mapping[str, Any], epoch: int, seed: int) -> Texts:
        """Every text as epoch ``epoch`` of the training with ``seed`` reads it: the original or a variant."""
        if parameters["augmentation"] == "none" or parameters["augmentation_strength"] == 0:
            return self._originals
        variants = parameters["augmentation_variants"]
        turn = epoch % (variants + 1)  # after it the texts come round again
        key = (parameters["augmentation"], parameters["augmentation_strength"], variants, turn, seed)
        if key not in self._epochs:
            self._epochs[key] = self._augmented(*key)
        self._epochs.move_to_end(key)
        while len(self._epochs) > EPOCHS_KEPT:
            self._epochs.popitem(last=False)
        return self._epochs[key]

    @property
    def key(self) -> str:
        """Digest of all original texts and labels."""
        one_list = self.labels.ndim == 1 and self.labels.dtype != object
        rows = [self.labels] if one_list else list(self.labels)
        return f"{self._originals.key}/{digest([np.asarray(row, np.int32) for row in rows])}"

    @property
    def tokens(self) -> int:
        """Tokens of all original texts together."""
        return self._originals.tokens

    def _augmented(self, method: str, strength: float, variants: int, epoch: int, seed: int) -> Texts:
        items = np.arange(len(self._texts))
        chosen = pool_choice(items, epoch, variants, derive(seed, "pool"))
        changed = [item for item, number in enumerate(chosen) if number]
        made = [self._variants.make(i, method, strength, int(chosen[i])) for i in changed]
        labels = self.labels[changed]
        for place, (_, own) in enumerate(made):
            labels[place] = own
        texts = read_texts(self._tokenizer, [text for text, _ in made], labels, self._max_length)
        return self._originals.replaced(changed, texts)
