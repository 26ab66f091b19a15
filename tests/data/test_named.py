import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hpo.config.experiment import DataSource, Task
from hpo.data.corpus import Corpus, load_corpus
from hpo.data.named import read_class_folders, read_privacy_qa, read_sentiment, with_types
from hpo.data.tables import Table
from hpo.data.task_data import load_task

RATINGS = "1_1\t0.5\tfine \r\n1_2\t0.49\tnot clear\r\n2_1\t-0.5\tcaf\u00e9\twith a tab\r\n10_1\t-4\tbad\r\n"


def test_ratings_far_enough_from_zero_become_two_classes(tmp_path):
    path = tmp_path / "ratings.txt"
    path.write_bytes(RATINGS.encode())
    table = read_sentiment(path, grouped=True)
    assert table.texts == ["fine", "caf\u00e9\twith a tab", "bad"]
    assert table.labels == ["positive", "negative", "negative"]
    assert table.groups == ["1", "2", "10"]
    assert read_sentiment(path, grouped=False).groups is None


def test_class_folders_are_read_in_order_whatever_their_encoding(tmp_path):
    for name, content in {"b/1.txt": "caf\u00e9".encode(), "a/2.txt": b"\xa3 2\n", "a/1.txt": b"one"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    table = read_class_folders(tmp_path, "news")
    assert table.texts == ["one", "\u00a3 2", "caf\u00e9"]
    assert table.labels == ["a", "a", "b"]


def test_a_question_and_a_clause_are_a_pair_and_the_question_is_the_group(tmp_path: Path) -> None:
    rows = [
        {"context": "  We sell it.", "question": "do you sell my data", "answer": "True"},
        {"context": "Be kind.", "question": "do you sell my data", "answer": "False"},
        {"context": "Be kind.", "question": "who are you?", "answer": "False"},
    ]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = read_privacy_qa(path)
    assert table.texts == [
        ("do you sell my data", "We sell it."),
        ("do you sell my data", "Be kind."),
        ("who are you?", "Be kind."),
    ]
    assert table.labels == ["relevant", "irrelevant", "irrelevant"]
    assert table.groups == ["do you sell my data", "do you sell my data", "who are you?"]


def test_a_sentence_has_each_type_of_its_entities_once_and_may_have_none() -> None:
    entities = ((0, 1, "PER"), (2, 3, "PER"), (3, 5, "LOC"))
    table = Table("x", [("Ann", "met", "Bob", "New", "York"), ("So", "what")], [entities, ()], ["a", "b"])
    assert with_types(table) == Table(
        "x", ["Ann met Bob New York", "So what"], [frozenset({"PER", "LOC"}), frozenset()], ["a", "b"]
    )


@pytest.fixture(scope="module")
def privacy_qa() -> Corpus:
    return load_corpus(DataSource(asset="privacy-qa"), "pair")


def test_the_questions_about_policies_are_as_many_as_their_makers_say(privacy_qa: Corpus) -> None:
    # LegalBench's own count of the task's test set; half of the pairs are relevant.
    assert len(privacy_qa.texts) == 10_923
    assert privacy_qa.label_names == ("irrelevant", "relevant")
    assert abs(privacy_qa.labels.mean() - 0.5) < 0.005
    assert privacy_qa.groups is not None
    assert len(np.unique(privacy_qa.groups)) == len({text[0] for text in privacy_qa.texts})


def test_no_question_stands_in_two_splits(privacy_qa: Corpus) -> None:
    task = Task(kind="pair", data=DataSource(asset="privacy-qa"), train=800, validation=300, test=1000)
    data = load_task(task, seed=0)
    asked = [{text[0] for text in part.texts} for part in (data.train, data.validation, data.test)]
    assert not asked[0] & asked[1]
    assert not asked[2] & (asked[0] | asked[1])
    assert abs(data.test.labels.mean() - 0.5) < 0.05


def test_the_label_sets_of_the_news_are_the_entities_of_the_same_sentences() -> None:
    source = DataSource(asset="conll-2003")
    sets, tags = load_corpus(source, "multi-label"), load_corpus(source, "token-classification")
    assert sets.label_names == ("LOC", "MISC", "ORG", "PER")
    assert sets.texts == tuple(" ".join(words) for words in tags.texts)
    assert (sets.splits, sets.licence) == (tags.splits, tags.licence)
    of_types = [
        [any(tags.label_names[tag] == f"B-{name}" for tag in own) for name in sets.label_names]
        for own in tags.labels
    ]
    assert (sets.labels == np.array(of_types)).all()
    # Sentences as Tjong Kim Sang and De Meulder (2003, table 1) count them, less the line that begins each article.
    assert Counter(sets.splits) == {"train": 14_987 - 946, "validation": 3_466 - 216, "test": 3_684 - 231}
