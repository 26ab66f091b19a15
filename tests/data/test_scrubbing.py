from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hpo.config.experiment import DataSource, Kind, Task
from hpo.data.scrubbing import luhn, scrub
from hpo.data.task_data import load_task

# RFC 3696, section 3, without its quoted forms.
ADDRESSES = (
    "user+mailbox@example.com",
    "customer/department=shipping@example.com",
    "$A12345@example.com",
    "!def!xyz%abc@example.com",
    "_somename@example.com",
    "first.last@mail.example.co.uk",
    "jörg@müller-bücher.example",
)
# ITU-T E.123 (the first four), RFC 3966, and numbers that are kept for fiction.
TELEPHONES = (
    "(0607) 123 4567",
    "+22 607 123 4567",
    "+22 (0)607 123 4567",
    "0607 123 4567",
    "+1-201-555-0123",
    "(212) 555-0142",
    "212.555.0142",
    "1-800-555-0199",
    "020 7946 0018",
    "+44 20 7946 0018",
    "00441632960961",
    "030/23125 000",
)
# What makers of payment services publish for tests.
CARDS = (
    "4242424242424242",
    "4242 4242 4242 4242",
    "5555-5555-5555-4444",
    "378282246310005",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "3056 930902 5904",
    "3566002020360505",
)
NEITHER = (
    "4242424242424243",
    "4242 4242 4242 4243",
    "on 2019-10-12 or 12.10.2019",
    "01.02.2003 10:30",
    "2003-01-02 10:30:00",
    "from 1914-1918 for $1,000,000.00",
    "0.12345678901 of 3.14159265358",
    "@user at 5 @ 3 each",
    "room 101, 20 000 people",
    "a.b.c and a@b",
)


@pytest.mark.parametrize(
    ("found", "kind"),
    [*((a, "EMAIL") for a in ADDRESSES), *((t, "PHONE") for t in TELEPHONES), *((c, "CARD") for c in CARDS)],
)
@pytest.mark.parametrize("around", ["{}", "write to {}.", "({}), or not", "call:{}; soon", "it is\n{}\nnow"])
def test_known_forms_are_replaced_and_counted(found: str, kind: str, around: str) -> None:
    counts: Counter[str] = Counter()
    assert scrub(around.format(found), counts) == around.format(f"[{kind}]")
    assert counts == {kind: 1}


@pytest.mark.parametrize("text", NEITHER)
def test_dates_amounts_and_numbers_with_a_wrong_check_digit_stay(text: str) -> None:
    assert scrub(text) == text


def test_several_in_one_text_are_each_replaced() -> None:
    counts: Counter[str] = Counter()
    text = "4242 4242 4242 4242 of a@example.com or b@example.org, +44 20 7946 0018"
    assert scrub(text, counts) == "[CARD] of [EMAIL] or [EMAIL], [PHONE]"
    assert counts == {"CARD": 1, "EMAIL": 2, "PHONE": 1}


def test_the_check_digit_is_luhns() -> None:
    """The example of US patent 2,950,048 in today's notation, and each other digit in its place."""
    assert [d for d in range(10) if luhn(f"7992739871{d}")] == [3]


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "!" * 100_000, "0 " * 50_000, "1" * 100_000, "a." * 50_000 + "@"]
)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    import time

    started = time.perf_counter()
    scrub(text)
    assert time.perf_counter() - started < 5


def rows(kind: Kind) -> str:
    match kind:
        case "pair":
            return "text,second_text,label\n" + "".join(
                f"mail {n}@example.com,or call 212-555-01{n:02} on {n},{'ab'[n % 2]}\n" for n in range(24)
            )
        case "token-classification":
            return "".join(f"mail O\nPeter{n} B-PER\n{n}@example.com O\n\n" for n in range(24))
        case _:
            return "text,label\n" + "".join(
                f"mail {n}@example.com number {n},{'ab'[n % 2]}\n" for n in range(24)
            )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("text-classification", {"EMAIL": 24, "CARD": 0, "PHONE": 0}),
        ("pair", {"EMAIL": 24, "CARD": 0, "PHONE": 24}),
        ("token-classification", {"EMAIL": 24, "CARD": 0, "PHONE": 0}),
    ],
)
def test_a_task_reads_scrubbed_texts_and_tells_how_many_were_replaced(
    tmp_path: Path, kind: Kind, found: dict[str, int]
) -> None:
    path = tmp_path / ("rows.conll" if kind == "token-classification" else "rows.csv")
    path.write_text(rows(kind))
    given: dict[str, Any] = {"kind": kind, "data": DataSource(path=str(path)), "validation": 2, "test": 2}
    plain = load_task(Task(**given, train=16), seed=1)
    assert plain.info.scrubbed is None
    assert any("@" in str(text) for text in plain.train.texts)
    scrubbed = load_task(Task(**given, train=16, scrub=True), seed=1)
    assert scrubbed.info.scrubbed == found
    parts = (scrubbed.train, scrubbed.validation, scrubbed.test)
    assert not any("@" in str(text) for part in parts for text in part.texts)
    assert scrubbed.info.sha256 != plain.info.sha256


def test_texts_that_differ_in_what_is_replaced_alone_are_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "text,label\n" + "".join(f"write to {n}@example.com {n % 12},{'ab'[n % 2]}\n" for n in range(24))
    )
    task = Task(data=DataSource(path=str(path)), train=6, validation=2, test=2, scrub=True)
    assert load_task(task, seed=1).info.duplicates_dropped == 12
