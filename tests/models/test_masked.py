"""Predictions of a masked language model, as augmentation takes them: by a model whose scores are known, and from
real files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, BertTokenizer, PreTrainedTokenizerFast

from hpo.data.augmentation import Sources, variant
from hpo.errors import UserError
from hpo.models.masked import AT_ONCE, PredictedWords, load_masked_words, whole_words

VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "movie", "##ing", "plot", "the", "9", "!", "good", "fine",
]  # fmt: skip
WORDS = ("the", "good", "(film)!")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return BertTokenizer(vocab={word: i for i, word in enumerate(VOCABULARY)})


class Scores(torch.nn.Module):
    """A model that gives each token the same score in every place, and counts its calls."""

    def __init__(self, scores: Mapping[str, float], positions: int = 64) -> None:
        super().__init__()
        self.config = SimpleNamespace(vocab_size=len(VOCABULARY), max_position_embeddings=positions)
        self.scores = torch.tensor([scores.get(token, -9.0) for token in VOCABULARY])
        self.seen: list[list[list[int]]] = []

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        self.seen.append(input_ids.tolist())
        return SimpleNamespace(logits=self.scores.expand(*input_ids.shape, -1))


LIKELY = {
    "##ing": 9.0, "[MASK]": 8.0, "[UNK]": 8.0, "9": 7.0, "!": 6.0, "film": 5.0, "plot": 4.0, "movie": 3.0, "fine": 2.0,
}  # fmt: skip


def test_the_most_probable_whole_words_come_first_without_pieces_marks_numbers_and_the_word_itself(tokenizer):
    predicted = PredictedWords(Scores(LIKELY), tokenizer, top=3)
    assert predicted(WORDS, 2) == ("plot", "movie", "fine")
    assert predicted(WORDS, 1) == ("film", "plot", "movie")


def test_each_place_is_masked_alone_with_its_punctuation_left(tokenizer):
    model = Scores(LIKELY)
    PredictedWords(model, tokenizer)(WORDS, 0)
    (batch,) = model.seen
    assert [tokenizer.convert_ids_to_tokens(row) for row in batch] == [
        ["[CLS]", "[MASK]", "good", "[UNK]", "film", "[UNK]", "!", "[SEP]"],
        ["[CLS]", "the", "[MASK]", "[UNK]", "film", "[UNK]", "!", "[SEP]"],
        ["[CLS]", "the", "good", "[UNK]", "[MASK]", "[UNK]", "!", "[SEP]"],
    ]


def test_a_text_is_predicted_once_in_batches_that_do_not_depend_on_who_asks(tokenizer):
    words = ["good"] * (AT_ONCE + 3)
    one, other = Scores(LIKELY), Scores(LIKELY)
    first, second = PredictedWords(one, tokenizer), PredictedWords(other, tokenizer)
    forwards = [first(words, i) for i in range(len(words))]
    backwards = [second(words, i) for i in reversed(range(len(words)))]
    assert forwards == backwards[::-1]
    assert one.seen == other.seen[::-1]
    assert [len(batch) for batch in one.seen] == [AT_ONCE, 3]
    first(words, 0)
    assert len(one.seen) == 2


def test_a_word_past_what_the_model_reads_and_one_beside_a_mask_of_the_text_have_none(tokenizer):
    predicted = PredictedWords(Scores(LIKELY, positions=8), tokenizer)  # four tokens between the special ones
    words = ["good"] * 6
    assert [bool(predicted(words, i)) for i in range(6)] == [True] * 4 + [False] * 2
    assert predicted(["good", "[MASK]"], 0) == ()


def test_words_of_byte_level_bpe_begin_with_its_mark():
    vocabulary = {
        t: i for i, t in enumerate(["<pad>", "<mask>", "Ġgood", "good", "ing", "ĠcafÃ©", "Ġ9", "ĠA", "Ġ"])
    }
    bare = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    from tokenizers import decoders

    bare.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=bare, pad_token="<pad>", mask_token="<mask>")
    assert whole_words(fast, 11) == ["", "", "good", "", "", "café", "", "A", "", "", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """A random BERT with its head."""
    path = tmp_path_factory.mktemp("masked")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertForMaskedLM(config).save_pretrained(path / "bert")
    tokenizer.save_pretrained(path / "bert")
    return path


def test_a_model_of_a_folder_predicts_what_transformers_own_pipeline_does(folder, tokenizer):
    from transformers import pipeline

    predicted = load_masked_words("bert", folder)
    fill = pipeline(
        "fill-mask", model=str(folder / "bert"), tokenizer=str(folder / "bert"), top_k=len(VOCABULARY)
    )
    ranked = [found["token_str"] for found in fill("the [MASK] (film)!")]
    words = [
        word for word in ranked if word in {"film", "movie", "plot", "the", "fine"}
    ]  # "good" is the word itself
    assert predicted(WORDS, 1) == tuple(words)


def test_a_variant_by_its_predictions_is_a_function_of_its_arguments(folder):
    text = "the good film the fine plot good"
    drawn = []
    for _ in range(2):
        load_masked_words.cache_clear()
        sources = Sources(masked=load_masked_words("bert", folder))
        drawn.append(
            [variant(text, "masked_replacement", 0.5, number, 0, sources) for number in range(1, 20)]
        )
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 5
    for words in map(str.split, drawn[0]):
        assert all(word in VOCABULARY for word in words)
        assert [words[0], words[3]] == ["the", "the"]


def test_a_model_without_the_head_is_refused(tiny_model: Path):
    with pytest.raises(UserError) as caught:
        load_masked_words(str(tiny_model))
    assert caught.value.message.startswith(
        f"augmentation_model '{tiny_model}' has no weights that predict words, such as cls.predictions."
    )


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be loaded: "):
        load_masked_words(str(tmp_path))
