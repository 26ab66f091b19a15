import pytest

from hpo.records.cells import harmless


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "'quoted", "-a"])
def test_what_a_spreadsheet_would_run_is_marked(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("text", ["cosine", "-", "-1.84", "+3", "1e-05", "-12.5 %", "a=b", ""])
def test_numbers_and_words_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text
