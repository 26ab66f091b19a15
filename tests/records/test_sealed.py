"""A flipped bit in what is sealed is seen, wherever it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hpo.records.sealed import BrokenSealError, seal, unseal
from hpo.records.trainings import Trial
from tests.records.test_record_files import trial


def flipped(data: bytes, every: int = 1) -> Iterator[bytes]:
    """``data`` with one bit flipped, each in turn, or one in ``every`` of them."""
    for bit in range(0, 8 * len(data), every):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_sealed_record_is_json_and_reads_back_as_it_was(indent: int | None) -> None:
    record = trial(3, ("a",))
    sealed = seal(record.model_dump_json(indent=indent))
    assert set(json.loads(sealed)) == {*Trial.model_fields, "checksum"}
    assert sealed.count("\n") == (0 if indent is None else record.model_dump_json(indent=1).count("\n") + 1)
    assert Trial.model_validate_json(unseal(f"{sealed}\n".encode())) == record


@pytest.mark.parametrize("indent", [None, 1])
def test_every_flipped_bit_of_a_sealed_record_is_an_error_or_changes_nothing(indent: int | None) -> None:
    record = trial(3, ("a",))
    whole = f"{seal(record.model_dump_json(indent=indent))}\n".encode()
    seen = 0
    for data in flipped(whole):
        try:
            found = Trial.model_validate_json(unseal(data))
        except ValueError:
            seen += 1
        else:
            assert found == record
    assert seen > 0.98 * 8 * len(whole)  # the rest are blanks around the checksum


def test_a_digit_that_becomes_another_is_told_in_a_sentence() -> None:
    sealed = seal(trial(3, ("a",)).model_dump_json())
    assert Trial.model_validate_json(unseal(sealed.encode())).rungs[0].score == 0.5
    with pytest.raises(BrokenSealError, match="damaged, or changed by hand"):
        unseal(sealed.replace('"score":0.5', '"score":0.7').encode())


def test_what_was_written_before_there_were_checksums_is_read_as_it_is() -> None:
    old = b'{"score": 0.5, "note": "a checksum: none"}\n'
    assert unseal(old) == old
