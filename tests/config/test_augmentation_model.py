"""The masked language model that a space names, and the augmentation that asks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from space_texts import GOOD, Faults, Load, parameters, replaced

ALLOWED = "augmentation_model: a folder or owner/name of the Hugging Face hub, of a masked language model"
MISSING = (
    f"augmentation can be masked_replacement, and the file names no augmentation_model; allowed: {ALLOWED}"
)
NAMED = "augmentation_model: owner/name\n"


def compared(values: str) -> str:
    return replaced(
        "{parameter: schedule, values: [linear, wsd]}", f"{{parameter: augmentation, values: {values}}}"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (parameters("augmentation: masked_replacement"), "6:3"),
        (parameters("augmentation: {choices: [none, masked_replacement]}"), "6:3"),
        (compared("[none, masked_replacement]"), "4:36"),
        (f"{GOOD}baseline: {{augmentation: masked_replacement}}\n", "9:12"),
    ],
    ids=["fixed", "searched", "compared", "baseline"],
)
def test_it_is_asked_for_wherever_an_augmentation_needs_it_and_then_welcome(
    faults: Faults, load: Load, text: str, place: str
) -> None:
    assert faults(text) == [f"{place}: {MISSING}"]
    assert load(f"{text}{NAMED}").experiment.augmentation_model == "owner/name"


@pytest.mark.parametrize(
    ("text", "only"), [(GOOD, "none"), (compared("[none, case]"), "none, case")], ids=["none", "others"]
)
def test_it_is_told_where_no_augmentation_asks_it(faults: Faults, text: str, only: str) -> None:
    assert faults(f"{text}{NAMED}") == [
        (
            f"9:1: augmentation_model has no effect, as augmentation is only {only}; "
            "allowed: augmentation_model together with augmentation: masked_replacement"
        )
    ]


def test_it_is_a_folder_beside_the_file_or_an_id_of_the_hub(
    faults: Faults, load: Load, tmp_path: Path
) -> None:
    text = parameters("augmentation: masked_replacement")
    (tmp_path / "bert").mkdir()
    assert load(f"{text}augmentation_model: bert\n").experiment.augmentation_model == str(tmp_path / "bert")
    (message,) = faults(f"{text}augmentation_model: all-MiniLM-L6-v2\n")
    assert message.endswith(
        "augmentation_model is 'all-MiniLM-L6-v2'; allowed: an existing path, or owner/name of the Hugging Face hub"
    )


def test_a_space_without_it_has_none(load: Load) -> None:
    assert load(GOOD).experiment.augmentation_model is None
