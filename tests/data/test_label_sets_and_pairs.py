from pathlib import Path

import pytest

from hpo.config.experiment import DataSource, Task
from hpo.data.corpus import load_corpus
from hpo.data.task_data import load_task
from hpo.errors import UserError

LINES = """\
{"text": "one", "label": ["b", "a"]}
{"text": "two", "label": []}
{"text": "three", "label": ["b"]}
"""


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.jsonl", LINES),
        ("x.csv", 'text,label\none,"b, a"\ntwo,\nthree,b\n'),
    ],
)
def test_label_sets_are_lists_or_words_with_commas(tmp_path: Path, name: str, text: str) -> None:
    corpus = load_corpus(DataSource(path=write(tmp_path / name, text)), "multi-label")
    assert corpus.label_names == ("a", "b")
    assert corpus.labels.tolist() == [[1, 1], [0, 0], [0, 1]]


def test_texts_without_any_label_at_all_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text,label\none,\ntwo,\n")
    with pytest.raises(UserError, match="no label at all; at least one label is required"):
        load_corpus(DataSource(path=path), "multi-label")


def test_pairs_are_read_from_two_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "premise,hypothesis,label\na man,a person,yes\na man,a dog,no\n")
    source = DataSource(path=path, text="premise", second_text="hypothesis")
    corpus = load_corpus(source, "pair")
    assert corpus.texts == (("a man", "a person"), ("a man", "a dog"))
    assert corpus.label_names == ("no", "yes")


def test_a_pair_task_without_its_second_column_says_which_to_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text,other,label\na,b,yes\n")
    with pytest.raises(UserError) as error:
        load_corpus(DataSource(path=path), "pair")
    assert error.value.message == (
        f"{path}: no column `second_text` for the second text; its columns are `text`, `other`, `label`"
    )
    assert error.value.hint == "Set `second_text: COLUMN` under `data`."


def test_two_pairs_with_one_text_in_common_are_no_duplicates(tmp_path: Path) -> None:
    rows = "".join(f"same,other {i},{'yes' if i % 2 else 'no'}\n" for i in range(20))
    path = write(tmp_path / "x.csv", "text,second_text,label\n" + rows + "same,OTHER 3,yes\n")
    task = load_task(Task(kind="pair", data=DataSource(path=path), train=10, validation=4, test=6), seed=0)
    assert task.info.duplicates_dropped == 1


def test_a_named_data_set_is_refused_for_a_task_that_its_labels_do_not_do_for() -> None:
    with pytest.raises(UserError, match="`movie` is no data of a task of kind multi-label") as error:
        load_corpus(DataSource(asset="movie"), "multi-label")
    assert error.value.hint == "Set `kind: text-classification` under `task`."


def test_a_named_data_set_of_pairs_is_refused_for_one_text() -> None:
    with pytest.raises(UserError, match="`privacy-qa` is no data of a task of kind sentiment") as error:
        load_corpus(DataSource(asset="privacy-qa"), "sentiment")
    assert error.value.hint == "Set `kind: pair` under `task`."
