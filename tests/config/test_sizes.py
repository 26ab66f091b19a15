from __future__ import annotations

import jsonschema
import pytest
from space_texts import GOOD, Faults, Load

from hpo.config.fragments import SIZE
from hpo.config.sizes import parse_size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("2GB", 2_000_000_000),
        ("500 MB", 500_000_000),
        ("2 GiB", 2 * 2**30),
        ("1.5gib", 3 * 2**29),
        ("0.1 kB", 100),
        ("7B", 7),
        ("1TB", 10**12),
        ("1 TiB", 2**40),
        ("3KiB", 3072),
        ("9MiB", 9 * 2**20),
        ("1234", 1234),
        ("1_000", 1000),
        ("2e9", 2_000_000_000),
        ("0", 0),
    ],
)
def test_a_size_is_bytes_with_decimal_or_binary_units(load: Load, written: str, size: int) -> None:
    assert load(f"{GOOD}store_limit: {written}\n").experiment.store_limit == size


def test_a_space_without_a_limit_leaves_it_open(load: Load) -> None:
    assert load(GOOD).experiment.store_limit is None


@pytest.mark.parametrize(
    "written",
    ["2G", "GB", "-1", "'-1 GB'", "1.5", "2  GB", "1,5 GB", "2 GB left", "[1]", "true", ".inf", "9" * 5000],
)
def test_what_is_no_size_is_told_with_its_place(faults: Faults, written: str) -> None:
    (message,) = faults(f"{GOOD}store_limit: {written}\n")
    assert message.startswith("9:14: store_limit is ")
    assert message.endswith("; allowed: a size such as 2GB, 500 MB or 1.5 GiB, or a whole number of bytes")


@pytest.mark.parametrize(
    "text", ["2GB", "2 gib", "0.5 TB", "12", "2G", "2 GBs", "GB", ".5GB", "", " 2GB", "\u0663GB"]
)
def test_the_schema_and_hpo_agree_on_what_is_a_size(text: str) -> None:
    assert jsonschema.Draft202012Validator(SIZE).is_valid(text) == (parse_size(text) is not None)
