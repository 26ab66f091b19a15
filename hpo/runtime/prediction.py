"""What an exported model says of texts without labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hpo.data.batches import collate, evaluation_batches
from hpo.data.entities import spans_of
from hpo.data.scrubbing import scrub_all
from hpo.data.tokens import count_longer, padding_id, tokenize, tokenize_words
from hpo.data.unlabelled import Unlabelled, read_unlabelled
from hpo.errors import UserError
from hpo.models.exported import load_model, pass_of
from hpo.models.reading import separator_told
from hpo.records.origin import Origin, read_origin
from hpo.training.precision import choose_precision, on_device


@dataclass(frozen=True)
class Entity:
    """One entity.

    Attributes:
        start, end: first character and the one behind the last; words where a row was a list of words.
        probability: mean of its words' predicted tags.
    """

    start: int
    end: int
    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What is said of one text: ``labels`` with the probability of each, or ``entities``.

    Of one class ``labels`` has that alone; of label sets every label, the predicted ones being those above a half.
    """

    labels: Mapping[str, float]
    entities: tuple[Entity, ...] = ()


def read_given(path: Path, origin: Origin, text: str | None, second_text: str | None) -> Unlabelled:
    """The texts of a file in the columns named, else in those of the data that ``origin`` was trained on; scrubbed as
    those were.

    Raises:
        UserError: a column is missing, or a row has no text.
    """
    columns = [text or origin.text]
    if origin.kind == "pair":
        columns.append(second_text or origin.second_text)
    given = read_unlabelled(path, origin.kind, columns)
    return replace(given, texts=scrub_all(given.texts)) if origin.scrub else given


class Predictor:
    """An exported model, loaded.

    Args:
        device: as `--device` names it; None: the best at hand.

    Attributes:
        origin: where it comes from.

    Raises:
        UserError: ``folder`` is none of `hpo export`, or cannot be loaded.
    """

    def __init__(self, folder: Path, device: str | None) -> None:
        self.origin = read_origin(folder)
        self._precision = choose_precision(device)
        try:
            self._tokenizer, self._model = _load(folder, self.origin.kind)
        except (
            Exception
        ) as error:  # a folder can be changed in any way, and transformers raises whatever comes
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(f"{folder} cannot be loaded: {reason}", "Export the run again.") from error
        self._model.to(self._precision.device)
        names = self._model.config.id2label
        self._names = tuple(names[number] for number in range(len(names)))

    def count_cut(self, given: Unlabelled) -> int:
        """How many texts have more tokens than are read."""
        words = self.origin.kind == "token-classification"
        return count_longer(self._tokenizer, given.texts, self.origin.max_length, words=words)

    def predict(self, given: Unlabelled) -> list[Prediction]:
        """What the model says of each text."""
        kind, length = self.origin.kind, self.origin.max_length
        if kind == "token-classification":
            rows = tokenize_words(self._tokenizer, given.texts, length)
            scores = self._scores([ids for ids, _ in rows])
            sentences = zip(given.texts, given.places, rows, scores, strict=True)
            return [
                Prediction({}, tuple(self._entities(len(words), places, begins, own)))
                for words, places, (_, begins), own in sentences
            ]
        scores = self._scores(tokenize(self._tokenizer, given.texts, length))
        if kind == "multi-label":
            return [Prediction(dict(zip(self._names, map(float, own), strict=True))) for own in scores]
        return [Prediction({self._names[own.argmax()]: float(own.max())}) for own in scores]

    def _scores(self, ids: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Probabilities of each text: (classes,), or (tokens, tags)."""
        separator = None
        if self.origin.kind == "pair":
            separator = separator_told(self._model, self._tokenizer)
        forward, precision = pass_of(self._model, separator), self._precision
        lengths = np.array([len(row) for row in ids], np.int64)
        found: dict[int, NDArray[np.float32]] = {}
        for batch in evaluation_batches(lengths, precision.texts_at_once, precision.batch_overhead):
            rows, mask = collate(ids, batch, padding_id(self._tokenizer))
            with torch.inference_mode(), precision.autocast():
                logits = forward(on_device(rows, precision.device), on_device(mask, precision.device)).float()
            several = self.origin.kind == "multi-label"
            scores = (logits.sigmoid() if several else logits.softmax(-1)).cpu().numpy()
            found.update(zip(batch.items.tolist(), scores, strict=True))
        return [found[item] for item in range(len(ids))]

    def _entities(
        self,
        words: int,
        places: Sequence[tuple[int, int]] | None,
        begins: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> Iterator[Entity]:
        """Entities of one sentence; a word that was cut off lies outside of all."""
        tags = ["O"] * words
        sure = np.ones(words)
        for token, word in enumerate(begins):
            if word >= 0:
                tags[word] = self._names[scores[token].argmax()]
                sure[word] = scores[token].max()
        for first, end, label in spans_of(tags):
            start, stop = (first, end) if places is None else (places[first][0], places[end - 1][1])
            yield Entity(start, stop, label, float(sure[first:end].mean()))


def _load(folder: Path, kind: str) -> tuple[Any, Any]:
    from transformers import AutoTokenizer

    model = load_model(folder, kind)  # first: it makes the config of our classes known
    return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False), model
