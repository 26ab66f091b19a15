"""Where augmentation takes words from: WordNet, and a masked language model, each loaded where it is asked for."""

from __future__ import annotations

from collections.abc import Collection

from hpo.config.parameters import NEEDS_MASKED, NEEDS_SYNONYMS, Value
from hpo.data.augmentation import Sources
from hpo.data.wordnet import load_synonyms
from hpo.errors import UserError


def load_sources(methods: Collection[Value], model: str | None) -> Sources:
    """What these augmentations read.

    Args:
        model: the space's ``augmentation_model``, if it names one.

    Raises:
        UserError: an asset cannot be fetched, or the model is not named or cannot be loaded.
    """
    masked = None
    if not set(NEEDS_MASKED).isdisjoint(methods):
        if model is None:
            raise UserError(
                f"{NEEDS_MASKED[0]} asks a masked language model, and the space file names none",
                "Add augmentation_model: a folder or owner/name of the Hugging Face hub.",
            )
        from hpo.models.masked import load_masked_words  # torch and transformers take seconds

        masked = load_masked_words(model)
    synonyms = None if set(NEEDS_SYNONYMS).isdisjoint(methods) else load_synonyms()
    return Sources(synonyms, masked)
