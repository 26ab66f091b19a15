from __future__ import annotations

from pathlib import Path

import pytest

from hpo.cli.augment import lines
from hpo.cli.main import execute
from hpo.data.augmentation import Edited
from hpo.search.examples import Shown

SPACE = """\
question: Which augmentation?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60}}
model: {model}
compare: {{parameter: augmentation, values: {values}}}
parameters: {{epochs: 1, batch_size: 16, learning_rate: 1e-3{more}}}
budget: {{replicates: 1, trials: 1}}
confirmation: {{seeds: 5}}
"""
LEGEND = "[new] in place of a word, [+new] put in, [] left out"


@pytest.fixture
def write(tiny_data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def space(values: str = "[none, typing_errors, random_swap]", more: str = "") -> None:
        text = SPACE.format(data=tiny_data, model=tiny_model, values=values, more=more)
        Path("s.yaml").write_text(text)

    return space


def test_each_method_of_the_space_is_shown_on_its_training_texts(write, tiny_data: Path, capsys) -> None:
    write()
    assert execute(["augment", "--space", "s.yaml", "-n", "3", "--strength", "0.5"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in printed[:-2:7]] == ["random_swap", "typing_errors"]
    assert printed[-2:] == [LEGEND, "next: hpo run --space s.yaml"]
    known = tiny_data.read_text()
    for line in printed[:-2]:
        if line.startswith("  text"):
            assert f"\n{line.removeprefix('  text').strip()}," in known
        elif line.startswith("  variant"):
            assert line.count("[") >= 2
    assert len(printed) == 2 * 7 + 2
    assert all("strength 0.5: " in printed[at] and " of 64 texts changed" in printed[at] for at in (0, 7))


def test_one_method_is_shown_whether_the_space_uses_it_or_not(write, capsys) -> None:
    write(more=", augmentation_strength: 0.25")
    assert execute(["augment", "--space", "s.yaml", "--method", "punctuation_insertion"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("punctuation_insertion, strength 0.25: ")
    assert len(printed) == 1 + 2 * 5 + 2


def test_nothing_is_written(write, tmp_path: Path, capsys) -> None:
    write()
    assert execute(["augment", "--space", "s.yaml"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (["--method", "random_swop"], "--method is 'random_swop'; allowed: ", "Did you mean random_swap?"),
        (["--method", "zzz"], "--method is 'zzz'; allowed: ", "Name one of them."),
        (
            ["--strength", "1.5"],
            "Invalid value for '--strength'",
            "Run `hpo augment --help` for what it takes",
        ),
        (["-n", "0"], "Invalid value for '--number' / '-n'", "Run `hpo augment --help` for what it takes"),
        (
            ["--method", "masked_replacement"],
            "masked_replacement asks a masked language model, and the space file names none",
            "Add augmentation_model: ",
        ),
    ],
)
def test_what_cannot_be_shown_is_told(write, options, message, hint, capsys) -> None:
    write()
    assert execute(["augment", "--space", "s.yaml", *options]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith(f"hint: {hint}")


def test_a_space_without_augmentation_is_told_what_to_name(write, capsys) -> None:
    write()
    text = Path("s.yaml").read_text()
    Path("s.yaml").write_text(
        text.replace(
            "augmentation, values: [none, typing_errors, random_swap]", "schedule, values: [linear, cosine]"
        )
    )
    assert execute(["augment", "--space", "s.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: no training of s augments its texts",
        (
            "hint: Name a method with --method: synonym_replacement, masked_replacement, random_swap, random_deletion, "
            "random_insertion, punctuation_insertion, typing_errors, case, mention_replacement."
        ),
    ]


def test_wordnet_is_fetched_for_the_methods_that_read_it_alone(write, monkeypatch, capsys) -> None:
    write()
    fetched: list[str] = []
    monkeypatch.setattr("hpo.assets.fetch.is_cached", lambda name: False)
    monkeypatch.setattr("hpo.assets.fetch.fetch", lambda name, say: fetched.append(name))
    monkeypatch.setattr("hpo.search.examples.show", lambda *_: iter(()))
    assert execute(["augment", "--space", "s.yaml"]) == 0
    assert fetched == []
    assert execute(["augment", "--space", "s.yaml", "--method", "random_insertion"]) == 0
    assert fetched == ["wordnet"]


def test_what_changed_is_marked_and_no_control_character_reaches_the_terminal(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    words = ("a", "very", "\x1b[2Jbad", "film", "indeed")
    slots = [("a",), (), ("\x1b[2Jpoor",), ("motion", "picture"), ("indeed",)]
    gaps: list[tuple[str, ...]] = [(), (), (), ("!",), (), ("so", ",")]
    example = Edited(words, slots, gaps)
    assert example.touched == 6
    assert "\n".join(lines(Shown("m", 0.5, 1, 1, 1.2, (example,)))).splitlines() == [
        "m, strength 0.5: 120.0% of the words touched, 1 of 1 text changed",
        "  text     a very  [2Jbad film indeed",
        "  variant  a [] [ [2Jpoor] [+!] [motion",
        "           picture] indeed [+so] [+,]",
    ]
