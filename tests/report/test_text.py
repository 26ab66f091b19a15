import pytest

from hpo.records.metrics import Metric
from hpo.report.text import (
    Units,
    capitalised,
    counted,
    listed,
    markdown,
    one_line,
    p_text,
    percent,
    percent_interval,
    points,
    ranged,
    seconds,
    value_text,
)


def test_markdown_leaves_no_tag_link_or_emphasis():
    assert markdown("<b>*a*_b_[c](d)`e`|f") == r"&lt;b&gt;\*a\*\_b\_\[c\](d)\`e\`\|f"


def test_one_line_drops_breaks_and_control_characters():
    assert one_line("a\n# b\t\x1b[31mc\u2028d") == "a # b [31mc d"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2e-4, "2e-4"),
        (9.1334e-5, "9.13e-5"),
        (0.001, "0.001"),
        (0.1, "0.1"),
        (2.0, "2"),
        (0.0, "0"),
        (32, "32"),
        (True, "True"),
        ([64, 32], "[64, 32]"),
        ((), "[]"),
        ("cosine", "cosine"),
    ],
)
def test_parameter_values_are_short_and_readable(value, shown):
    assert value_text(value) == shown


def test_shares_become_percent_and_differences_points():
    assert percent(0.78249) == "78.2 %"
    assert percent_interval((0.765, 0.7991)) == "76.5 to 79.9 %"
    assert points(0.01842) == "+1.84"
    assert points(-0.000001) == "0.00"
    assert Units(Metric()).difference_interval((-0.0012, 0.019)) == "-0.12 to +1.90"


def test_small_p_values_are_bounds():
    assert (p_text(0.0123), p_text(0.00099), p_text(1.0)) == ("0.012", "< 0.001", "1.000")


def test_long_times_come_with_hours():
    assert seconds(1764.66) == "1,764.7"
    assert seconds(36_000) == "36,000 (10.0 h)"


def test_words_are_counted_and_listed():
    assert (counted(1, "seed"), counted(2, "search", "searches")) == ("1 seed", "2 searches")
    assert (listed([]), listed(["a"]), listed(["a", "b", "c"])) == ("none", "a", "a, b and c")


def test_a_metric_that_is_no_share_is_printed_as_a_number_in_its_own_unit():
    loss = Units(Metric(name="log-loss", maximize=False, share=False))
    assert loss.value(0.43219) == "0.4322"
    assert loss.difference(-0.0125) == "-0.0125"
    assert loss.axis("test") == "test log-loss"
    assert Units(Metric()).axis("test") == "test accuracy, %"


def test_what_a_single_unit_cannot_tell_is_said_in_words():
    assert Units(Metric()).interval((float("-inf"), float("inf"))) == "not known"


def test_a_capital_changes_the_first_letter_alone():
    assert [capitalised(name) for name in ("accuracy", "AUC", "f1 of NER", "log-loss", "")] == [
        "Accuracy",
        "AUC",
        "F1 of NER",
        "Log-loss",
        "",
    ]


def test_counts_that_differ_are_told_as_a_range():
    assert ranged([4, 4], "trial") == "4 trials"
    assert ranged({1}, "search", "searches") == "1 search"
    assert ranged([16, 12, 16], "trial") == "12 to 16 trials"
