"""What a masked language model predicts in place of one word of a text, for augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from hpo.data.words import core
from hpo.errors import UserError
from hpo.models.folders import checked_config
from hpo.pulse import progress

TOP = 10  # predictions of a place that may stand there
AT_ONCE = 16  # places of a text that are predicted together
# Marks that begin a word in the vocabularies of byte-level BPE and of SentencePiece; they do where many tokens have one.
WORD_MARKS = ("Ġ", "▁")
MANY = 0.05


class PredictedWords:
    """The ``top`` most probable whole words in place of each word of a text, itself left out; kept for the life of
    the process.

    A function of the text and the place alone: places are predicted in batches that do not depend on who asks for which.
    Predictions are words of one token of letters, never pieces or special tokens. A word past what the model can
    read has none.

    Args:
        model: of transformers, with a head that predicts tokens; on the CPU, in float32.
        tokenizer: its own.
    """

    def __init__(self, model: Any, tokenizer: Any, top: int = TOP) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._top = top
        self._longest = min(tokenizer.model_max_length, model.config.max_position_embeddings - 2)
        self._vocabulary = whole_words(tokenizer, model.config.vocab_size)
        self._barred = torch.tensor([0.0 if word else -torch.inf for word in self._vocabulary])
        self._known: dict[tuple[tuple[str, ...], int], list[tuple[str, ...]]] = {}

    def __call__(self, words: Sequence[str], position: int) -> tuple[str, ...]:
        """The words that may stand at ``position``, most probable first."""
        key = (tuple(words), position // AT_ONCE)
        if key not in self._known:
            first = key[1] * AT_ONCE
            self._known[key] = self._predict(key[0], range(first, min(first + AT_ONCE, len(words))))
        return self._known[key][position % AT_ONCE]

    def _predict(self, words: tuple[str, ...], places: range) -> list[tuple[str, ...]]:
        inputs = self._tokenizer(
            [self._masked(words, place) for place in places],
            truncation=True,
            max_length=self._longest,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = self._model(**inputs).logits + self._barred
        progress()
        masks = inputs["input_ids"] == self._tokenizer.mask_token_id
        found = []
        for row, place in enumerate(places):
            at = masks[row].nonzero().flatten().tolist()
            # None where the word was cut off, several where the text itself has such a token.
            found.append(self._best(logits[row, at[0]], core(words[place])[1]) if len(at) == 1 else ())
        return found

    def _masked(self, words: tuple[str, ...], place: int) -> str:
        before, _, after = core(words[place])
        mask = f"{before}{self._tokenizer.mask_token}{after}"
        return " ".join((*words[:place], mask, *words[place + 1 :]))

    def _best(self, scores: torch.Tensor, own: str) -> tuple[str, ...]:
        best, ids = scores.topk(
            min(3 * self._top, len(scores))
        )  # of some, other capitals are words of their own
        ranked = [
            self._vocabulary[i] for s, i in zip(best.tolist(), ids.tolist(), strict=True) if s > -torch.inf
        ]
        different: dict[str, str] = {}
        for word in ranked:
            different.setdefault(word.casefold(), word)
        different.pop(own.casefold(), None)
        return tuple(different.values())[: self._top]


def whole_words(tokenizer: Any, size: int) -> list[str]:
    """Of each of ``size`` token ids the word that it stands for, empty where it is a piece, special or not of
    letters alone."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    marks = [m for m in WORD_MARKS if sum(t.startswith(m) for t in tokens) > MANY * len(tokens)]
    special = set(tokenizer.all_special_ids)
    words = [""] * size
    for i, token in enumerate(tokens):
        begins = token.startswith(marks[0]) if marks else not token.startswith("##")
        if begins and i not in special:
            word = tokenizer.convert_tokens_to_string([token]).strip()
            words[i] = word if word.isalpha() else ""
    return words


@lru_cache(maxsize=1)
def load_masked_words(name: str, base: Path | None = None) -> PredictedWords:
    """Load a masked language model by its folder (relative to ``base``) or its id on the hub.

    Raises:
        UserError: it is not there, has no safetensors, or is no masked language model.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = (base or Path()) / name
    place = str(folder) if folder.is_dir() else name
    try:
        config = checked_config(place)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
        model, report = AutoModelForMaskedLM.from_pretrained(
            place,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # a folder can be wrong in any way, and transformers raises whatever comes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _unusable(name, f"cannot be loaded: {reason}") from error
    unset = {key for key, _ in model.named_parameters()} & set(report["missing_keys"])
    if unset:
        raise _unusable(name, f"has no weights that predict words, such as {min(unset)}")
    if tokenizer.mask_token_id is None:
        raise _unusable(name, "has a tokenizer without a mask token")
    model.requires_grad_(False)
    return PredictedWords(model, tokenizer)


def _unusable(name: str, what: str) -> UserError:
    return UserError(
        f"augmentation_model {name!r} {what}",
        "Name the folder or hub id of a masked language model, such as a BERT with its pretraining head.",
    )
