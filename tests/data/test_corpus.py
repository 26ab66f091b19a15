import json
import sys

import pandas as pd
import pytest

from hpo.config.experiment import DataSource, Task
from hpo.data.corpus import load_corpus
from hpo.data.task_data import load_task
from hpo.errors import UserError

ROWS = [("fine film", "10"), ("NA", "2"), ("dull, long", "10"), ("null", "9")]


def write(path, rows=ROWS, names=("text", "label")) -> str:
    frame = pd.DataFrame(rows, columns=list(names))
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=path.suffix == ".jsonl")
    return str(path)


def refusal(source: DataSource) -> UserError:
    with pytest.raises(UserError) as caught:
        load_corpus(source)
    return caught.value


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
def test_every_file_type_gives_the_same_corpus(tmp_path, ending):
    corpus = load_corpus(DataSource(path=write(tmp_path / f"films{ending}")))
    assert corpus.texts == ("fine film", "NA", "dull, long", "null")
    assert corpus.label_names == ("2", "9", "10")
    assert corpus.labels.tolist() == [2, 0, 2, 1]
    assert corpus.splits is None
    assert corpus.groups is None


def test_labels_are_in_natural_order_whatever_digits_they_hold(tmp_path):
    long = "9" * 5_000  # Python reads no such number
    names = (f"p{long}", "p2", "p10", "²", "01", "1")
    rows = [(f"text {number}", name) for number, name in enumerate([*names, *names])]
    corpus = load_corpus(DataSource(path=write(tmp_path / "films.csv", rows)))
    assert corpus.label_names == ("01", "1", "p2", "p10", f"p{long}", "²")


def test_columns_have_the_names_that_the_source_gives(tmp_path):
    path = write(
        tmp_path / "a.csv", [("u", "x", "1"), ("v", "y", "2"), ("w", "x", "1")], ("body", "kind", "doc")
    )
    corpus = load_corpus(DataSource(path=path, text="body", label="kind", group="doc"))
    assert corpus.texts == ("u", "v", "w")
    assert corpus.groups is not None
    assert corpus.groups.tolist() == [0, 1, 0]


def test_numbers_and_truth_values_are_labels_too(tmp_path):
    path = tmp_path / "a.json"
    labels = [1, 0, 2.0, True, "zero"]
    path.write_text(json.dumps([{"text": "t", "label": label} for label in labels]))
    assert load_corpus(DataSource(path=str(path))).label_names == ("0", "1", "2", "true", "zero")


def test_a_folder_gives_its_splits(tmp_path):
    write(tmp_path / "train.csv")
    write(tmp_path / "test.jsonl", [("new", "9")])
    corpus = load_corpus(DataSource(path=str(tmp_path)))
    assert corpus.splits == ("train",) * 4 + ("test",)
    assert corpus.labels.tolist() == [2, 0, 2, 1, 1]


def test_a_missing_column_names_the_nearest(tmp_path):
    path = write(tmp_path / "a.csv", names=("texts", "label"))
    error = refusal(DataSource(path=path))
    assert error.message == f"{path}: no column `text` for the text; its columns are `texts`, `label`"
    assert error.hint == "Set `text: texts` under `data`."


def test_an_empty_text_names_file_and_row_and_no_text(tmp_path):
    path = write(tmp_path / "a.csv", [("secret", "x"), ("  ", "y")])
    error = refusal(DataSource(path=path))
    assert error.message == f"{path}, row 2: the text is empty"
    assert error.hint == "Fill it in or remove the row."


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
def test_an_empty_label_names_file_and_row(tmp_path, ending):
    path = write(tmp_path / f"a{ending}", [("s", "x"), ("t", "y"), ("u", None)])
    assert refusal(DataSource(path=path)).message == f"{path}, row 3: the label is empty"


def test_an_empty_group_names_file_and_row(tmp_path):
    path = write(tmp_path / "a.csv", [("s", "x", "1"), ("t", "y", "")], ("text", "label", "doc"))
    assert refusal(DataSource(path=path, group="doc")).message == f"{path}, row 2: the group is empty"


def test_a_cell_that_is_no_text_names_file_row_and_what_it_is(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"text": "s", "label": "x"}, {"text": 5, "label": "y"}]')
    error = refusal(DataSource(path=str(path)))
    assert error.message == f"{path}, row 2: the text is a number; a text is required"
    path.write_text('[{"text": "s", "label": 0.5}]')
    error = refusal(DataSource(path=str(path)))
    assert error.message == f"{path}, row 1: the label is a number; a word or a whole number is required"


def test_a_parquet_column_of_whole_numbers_may_have_gaps(tmp_path):
    path = tmp_path / "a.parquet"
    labels = pd.array([1, None, 0], dtype="Int64")
    pd.DataFrame({"text": ["s", "t", "u"], "label": labels}).to_parquet(path)
    assert refusal(DataSource(path=str(path))).message == f"{path}, row 2: the label is empty"
    pd.DataFrame({"text": list("stuv"), "label": pd.array([1, 0, 1, 0], dtype="Int64")}).to_parquet(path)
    assert load_corpus(DataSource(path=str(path))).label_names == ("0", "1")


def test_a_parquet_cell_that_is_a_list_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": ["s", "t"], "label": [["x"], ["x", "y"]]}).to_parquet(path)
    error = refusal(DataSource(path=str(path)))
    assert error.message == f"{path}, row 1: the label is a list; a word or a whole number is required"


@pytest.mark.parametrize("role", ["text", "label"])
def test_half_a_surrogate_pair_names_file_and_row(tmp_path, role):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"text": "s", "label": "x"}, {"text": "t", "label": "y", role: "a\ud83d"}]))
    error = refusal(DataSource(path=str(path)))
    assert error.message == (
        f"{path}, row 2: the {role} holds half of a surrogate pair, which is no character"
    )
    assert error.hint == "Write the file again as UTF-8, or remove the row."


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_a_file_that_nests_too_deeply_is_refused(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_text("[" * 100_000)
    error = refusal(DataSource(path=str(path)))
    line = "line 1: " if ending == ".jsonl" else ""
    assert error.message == f"{path} cannot be read as {ending[1:].upper()}: {line}it nests too deeply"


def test_one_class_only_is_an_error(tmp_path):
    path = write(tmp_path / "a.csv", [("s", "x"), ("t", "x")])
    message = f"{path}: one class only, `x`; at least two classes are required"
    assert refusal(DataSource(path=path)).message == message


def test_a_file_without_rows_is_an_error(tmp_path):
    path = write(tmp_path / "a.csv", [])
    assert (
        refusal(DataSource(path=path)).message == f"{path}: no row at all; at least two classes are required"
    )


def test_a_label_unseen_in_training_names_file_and_row(tmp_path):
    train = write(tmp_path / "train.csv")
    test = write(tmp_path / "test.csv", [("s", "10"), ("t", "11")])
    error = refusal(DataSource(path=str(tmp_path)))
    assert error.message == f"{test}, row 2: the label `11` stands in no row of {train}"


def test_a_long_label_is_never_printed(tmp_path):
    long = "secret " * 8
    path = write(tmp_path / "a.csv", [("s", long), ("t", long)])
    assert refusal(DataSource(path=path)).message == (
        f"{path}: one class only, of 55 characters; at least two classes are required"
    )
    train, test = write(tmp_path / "train.csv"), write(tmp_path / "test.csv", [("s", "10"), ("t", long)])
    assert refusal(DataSource(path=str(tmp_path))).message == (
        f"{test}, row 2: the label of 55 characters stands in no row of {train}"
    )


@pytest.mark.parametrize(("classes", "rows"), [(21, 41), (1001, 3000)])
def test_labels_that_are_hardly_ever_twice_are_no_classes(tmp_path, classes, rows):
    path = write(tmp_path / "a.csv", [(f"t{i}", f"secret {i % classes}") for i in range(rows)])
    error = refusal(DataSource(path=path))
    assert error.message == f"{path}: {classes} different labels in {rows} rows; these are no classes"
    assert error.hint == f"Look whether `label` names the column of {path} that you mean."
    path = write(tmp_path / "b.csv", [(f"t{i}", f"c{i % (classes - 1)}") for i in range(rows)])
    assert len(load_corpus(DataSource(path=path)).label_names) == classes - 1


def test_an_unknown_file_type_names_the_known_ones(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"x")
    assert refusal(DataSource(path=str(path))).message == (
        f"{path}: files of type `.xlsx` are not known; the known ones are .csv, .json, .jsonl, .parquet"
    )


def test_a_path_that_leads_nowhere_names_the_nearest(tmp_path):
    write(tmp_path / "films.csv")
    error = refusal(DataSource(path=str(tmp_path / "film.csv")))
    assert error.message == f"{tmp_path / 'film.csv'}: no such file or folder"
    assert error.hint == f"Did you mean `{tmp_path / 'films.csv'}`?"


def test_a_folder_without_training_texts_is_an_error(tmp_path):
    write(tmp_path / "test.csv")
    assert refusal(DataSource(path=str(tmp_path))).message == (
        f"{tmp_path}: no file with the training texts; it is one of train.csv, train.json, train.jsonl, train.parquet"
    )


def test_two_files_of_one_split_are_an_error(tmp_path):
    write(tmp_path / "train.csv")
    write(tmp_path / "train.json")
    message = f"{tmp_path}: both train.csv and train.json stand there"
    assert refusal(DataSource(path=str(tmp_path))).message == message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b'text,label\n"secret,x\n', "line 2: unexpected end of data"),
        ("a.csv", b"text,label,text\nsecret,x,\n", "two columns have one name"),
        ("a.csv", b"text,label\nsecret \xe9,x\n", "utf-8"),
        ("a.csv", b"", "no header with the columns' names"),
        ("a.json", b'[{"text": "secret",}]', "line 1 column 20"),
        ("a.json", b'{"text": "secret"}', "a list of objects is required"),
        ("a.jsonl", b'{"text": "s", "label": "x"}\n{"text": secret}\n', "line 2, column 10"),
        ("a.jsonl", b'{"text": "s", "label": "x"}\n["secret"]\n', "row 2 is not an object"),
        ("a.parquet", b"secret", "arquet"),
    ],
)
def test_a_broken_file_names_the_place_and_not_the_text(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(DataSource(path=str(path))).message
    assert message.startswith(f"{path} cannot be read as {path.suffix[1:].upper()}: ")
    assert said in message
    assert "secret" not in message


@pytest.mark.parametrize(("rows", "row"), [("secret, world,x\n" * 3, 1), ("a,x\n\nb,y\nsecret,z,\nd,y\n", 3)])
def test_a_csv_row_with_more_cells_than_columns_is_named(tmp_path, rows, row):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{rows}")
    error = refusal(DataSource(path=str(path)))
    assert error.message == f"{path}, row {row}: 3 cells, but the header names 2 columns"
    assert error.hint == 'Put quotes around texts that hold a comma: "so, like this",label.'


def test_a_csv_row_that_ends_early_lacks_its_label(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,x\nb\n")
    assert refusal(DataSource(path=str(path))).message == f"{path}, row 2: the label is empty"


def test_a_csv_text_may_be_long_and_hold_commas_quotes_and_lines(tmp_path):
    path = tmp_path / "a.csv"
    long = "word " * 40_000
    path.write_text(f'label,text\nx,"a, ""b""\nc"\ny,{long}\nx,007\ny,NA\n')
    corpus = load_corpus(DataSource(path=str(path)))
    assert corpus.texts == ('a, "b"\nc', long, "007", "NA")


def test_an_unknown_asset_names_the_nearest():
    error = refusal(DataSource(asset="movies"))
    assert error.message.startswith("no asset is named `movies`; there are all-MiniLM-L6-v2, ")
    assert error.hint == "Did you mean `movie`?"


def test_a_model_is_no_data_set():
    error = refusal(DataSource(asset="wordnet"))
    assert error.message == "`wordnet` is a lexicon, not a data set"
    assert error.hint == "Name one of movie, amazon, tweets, nyt, bbc-news, conll-2003, privacy-qa."


def test_a_task_has_its_parts_and_says_what_they_are(tmp_path):
    rows = [(f"text {i}", "yes" if i % 3 else "no", f"{i // 4}") for i in range(120)]
    path = write(tmp_path / "a.csv", [*rows, rows[0]], ("text", "label", "doc"))
    data = DataSource(path=path, group="doc")
    task = load_task(Task(data=data, train=30, validation=15, test=12), seed=4)
    assert task.label_names == ("no", "yes")
    for part, size in ((task.train, 30), (task.validation, 15), (task.test, 12)):
        assert len(part.texts) == len(part.labels) == size
        assert [task.label_names[label] for label in part.labels] == [
            dict(r[:2] for r in rows)[t] for t in part.texts
        ]
    assert task.info.source == path
    assert (task.info.train, task.info.validation, task.info.test) == (30, 15, 12)
    assert task.info.duplicates_dropped == 1
    assert task.info.groups is not None
    document = [int(text.split()[1]) // 4 for text in task.test.texts]
    assert (
        len({*zip(document, task.info.groups, strict=True)})
        == len(set(document))
        == len(set(task.info.groups))
    )


class FakeHub:
    """Stands where the library ``datasets`` would be, which cannot be asked here for a data set of the hub."""

    def __init__(self, answer):
        self.answer = answer

    def load_dataset(self, name):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_hub_data_set_keeps_its_class_names_and_drops_hidden_labels(monkeypatch):
    import datasets

    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])}
    )

    def rows(labels):
        return datasets.Dataset.from_dict(
            {"sentence": [f"t{i}" for i in range(len(labels))], "label": labels}, features
        )

    answer = datasets.DatasetDict(
        {"train": rows([0, 1, 1]), "validation": rows([1]), "test": rows([-1, -1]), "extra": rows([0])}
    )
    monkeypatch.setitem(sys.modules, "datasets", FakeHub(answer))
    corpus = load_corpus(DataSource(hub="some/sst2", text="sentence"))
    assert corpus.label_names == ("pos", "neg")
    assert corpus.labels.tolist() == [0, 1, 1, 1]
    assert corpus.splits == ("train", "train", "train", "validation")
    assert corpus.source == "some/sst2 of the Hugging Face hub"


def test_a_hub_data_set_that_cannot_be_loaded_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", FakeHub(ConnectionError("Couldn't reach the Hub\nmore")))
    error = refusal(DataSource(hub="some/data"))
    assert error.message == "some/data: the hub's data set cannot be loaded: Couldn't reach the Hub"


def test_reading_files_and_assets_imports_no_datasets():
    import subprocess

    code = "import hpo.data.task_data, sys; print('datasets' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
