from pathlib import Path

import pytest

from hpo.config.experiment import DataSource, Task
from hpo.data.conll import read_conll
from hpo.data.corpus import load_corpus
from hpo.data.task_data import load_task
from hpo.errors import UserError

CONLL = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- O O

BRUSSELS NNP I-NP I-LOC
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_sentences_documents_and_entities_are_read(tmp_path: Path) -> None:
    table = read_conll(write(tmp_path / "train.conll", CONLL))
    assert table.texts == [("EU", "rejects", "German"), ("Peter", "Blackburn"), ("BRUSSELS",)]
    assert table.labels == [((0, 1, "ORG"), (2, 3, "MISC")), ((0, 2, "PER"),), ((0, 1, "LOC"),)]
    assert table.groups == ["train.conll 1", "train.conll 1", "train.conll 2"]


def test_tabs_comments_and_a_missing_last_empty_line_are_read(tmp_path: Path) -> None:
    text = "# newdoc id = a\n# text = Ann saw it\nAnn\tB-PER\n# \tO\n\n# newdoc\nRome\tS-LOC\n#\tO"
    table = read_conll(write(tmp_path / "x.iob2", text))
    assert table.texts == [("Ann", "#"), ("Rome", "#")]
    assert table.labels == [((0, 1, "PER"),), ((0, 1, "LOC"),)]
    assert table.groups == ["x.iob2 1", "x.iob2 2"]
    plain = read_conll(write(tmp_path / "y.bio", "a O\nb B-X\n"))
    assert plain.groups is None


def test_a_line_without_a_tag_and_a_tag_that_is_none_say_where(tmp_path: Path) -> None:
    path = write(tmp_path / "x.conll", "a O\n\nsecret\n")
    with pytest.raises(UserError) as error:
        read_conll(path)
    assert error.value.message == f"{path}, line 3: a word without a tag"
    path = write(tmp_path / "y.conll", "a O\n\nsecret PER\n")
    with pytest.raises(UserError) as error:
        read_conll(path)
    assert error.value.message.startswith(f"{path}, the sentence of line 3: a tag is O")
    assert "secret" not in error.value.message


def test_a_corpus_of_entities_has_the_tags_of_its_types(tmp_path: Path) -> None:
    path = write(tmp_path / "all.conll", CONLL)
    corpus = load_corpus(DataSource(path=str(path)), "token-classification")
    assert corpus.label_names == (
        "O", "B-LOC", "I-LOC", "B-MISC", "I-MISC", "B-ORG", "I-ORG", "B-PER", "I-PER",
    )  # fmt: skip
    assert [row.tolist() for row in corpus.labels] == [[5, 0, 3], [7, 8], [1]]


@pytest.mark.parametrize("form", ["tags", "spans"])
def test_json_lines_hold_tags_or_entities_by_characters(tmp_path: Path, form: str) -> None:
    tags = '{"text": ["Ann", "saw", "Rome"], "label": ["B-PER", "O", "S-LOC"]}'
    spans = (
        '{"text": "Ann saw Rome", "label": [{"start": 0, "end": 3, "label": "PER"}, '
        '{"start": 8, "end": 12, "label": "LOC"}]}'
    )
    path = write(tmp_path / "x.jsonl", {"tags": tags, "spans": spans}[form] + "\n")
    corpus = load_corpus(DataSource(path=str(path)), "token-classification")
    assert corpus.texts == (("Ann", "saw", "Rome"),)
    assert [corpus.label_names[tag] for tag in corpus.labels[0]] == ["B-PER", "O", "B-LOC"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": ["a", "b"], "label": ["O"]}', "row 1: 2 words have 1 tags"),
        ('{"text": ["a"], "label": ["PER"]}', "row 1: a tag is O"),
        ('{"text": "a b", "label": [{"start": 0}]}', "row 1: an entity is no object such as"),
        (
            '{"text": "a b", "label": [{"start": 0, "end": 9, "label": "X"}]}',
            "row 1: an entity holds no word",
        ),
        ('{"text": 3, "label": ["O"]}', "row 1: the text is a number"),
        ('{"text": "a", "label": "O"}', "row 1: the label is a text"),
    ],
)
def test_rows_that_hold_no_entities_say_where_and_why(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path / "x.jsonl", row + "\n")
    with pytest.raises(UserError) as error:
        load_corpus(DataSource(path=str(path)), "token-classification")
    assert f"{path}, {message}" in error.value.message


def test_a_file_of_entities_is_refused_for_another_task(tmp_path: Path) -> None:
    path = write(tmp_path / "x.conll", CONLL)
    with pytest.raises(UserError, match="a CoNLL file holds entities, and the task is text-classification"):
        load_corpus(DataSource(path=str(path)))


def test_no_document_stands_in_two_splits(tmp_path: Path) -> None:
    sentences = [f"word{i} O\nRome{i} B-LOC\n" for i in range(60)]
    text = "".join(
        ("-DOCSTART- O\n\n" if i % 3 == 0 else "") + sentence + "\n" for i, sentence in enumerate(sentences)
    )
    path = write(tmp_path / "x.conll", text)
    data = Task(
        kind="token-classification",
        metric="entity_f1",
        data=DataSource(path=str(path)),
        train=24,
        validation=12,
        test=12,
    )
    task = load_task(data, seed=1)
    number = [
        {int(words[0].removeprefix("word")) // 3 for words in part.texts}
        for part in (task.train, task.validation, task.test)
    ]
    assert not (number[0] & number[1]) | (number[0] & number[2]) | (number[1] & number[2])
    assert task.info.groups is not None
