import re

import pytest
from nasty_records import PRINTED, STRATEGIES

from hpo.report.kit.tex import LONGEST_WORD, breakable, pieces, reads, tex


def test_each_special_character_is_escaped():
    assert tex(r"\ { } $ & # % _ ^ ~ < > | ` " + '"') == (
        r"\textbackslash{} \textbraceleft{} \textbraceright{} \$ \& \# \% \_ \textasciicircum{} \textasciitilde{} "
        r"\textless{} \textgreater{} \textbar{} \textasciigrave{} \textquotedbl{}"
    )


def test_braces_stay_balanced_for_bibtex_whatever_the_text():
    for name in (*STRATEGIES, "{{{", "}}}", r"\{", "a}b{c"):
        assert tex(name).count("{") == tex(name).count("}")


def test_pairs_that_fonts_join_are_kept_apart():
    assert tex("--lr ''a'' ,,b ---") == "-{}-lr '{}'a'{}' ,{},b -{}-{}-"


def test_a_minus_before_a_number_is_one_and_hyphens_are_not():
    assert tex("-0.42 to +1.10, all-MiniLM-6, 1e-5, a -b") == (
        r"\ensuremath{-}0.42 to +1.10, all-MiniLM-6, 1e-5, a -b"
    )


def test_a_per_cent_sign_stays_with_its_number():
    assert tex("95 % of 50%") == r"95\,\% of 50\%"


def test_letters_of_t1_stay_and_greek_and_relations_are_mathematics():
    assert tex("Łódź Größe “q” ½") == "Łódź Größe “q” ½"
    assert tex("λ₁≤x²") == r"\ensuremath{\lambda}\textsubscript{1}\ensuremath{\leq}x²"


def test_greek_letters_have_their_own_names():
    assert tex("αβγεθφωΩ") == "".join(
        rf"\ensuremath{{\{name}}}"
        for name in ("alpha", "beta", "gamma", "varepsilon", "theta", "varphi", "omega", "Omega")
    )


def test_a_character_without_a_glyph_stands_as_its_code_point():
    assert tex("余弦 a😀") == r"\texttt{U+4F59 U+5F26} a\texttt{U+1F600}"


def test_a_letter_written_with_a_combining_accent_is_the_letter():
    assert tex("Cafe\u0301") == "Café"


@pytest.mark.parametrize("text", ["\x00a\x01b\x02\x03c\x04d\x05", "a\nb\tc", "a\u2028b"])
def test_control_characters_and_line_breaks_are_spaces(text):
    assert tex(text) == tex(re.sub(r"[\x00-\x1f\u2028]+", " ", text).strip())
    assert "\n" not in tex(text)


def test_no_two_names_read_alike():
    names = [*STRATEGIES, "余", "弦", "😀", "--", "-", "{", "}"]
    assert len({tex(name) for name in names}) == len(names)


def test_what_is_typeset_reads_as_it_was():
    assert reads(r"a_b%c&d#e$f\g~h^i") == r"a_b%c&d#e$f\g~h^i"
    assert [reads(name).replace("₁", "1") for name in STRATEGIES] == list(PRINTED)


def test_long_words_may_break_behind_marks_and_in_pieces_but_not_in_numbers():
    assert breakable("sentence-transformers/all-MiniLM") == (
        r"sentence-\allowbreak{}transformers/\allowbreak{}all-\allowbreak{}MiniLM"
    )
    assert breakable("learning_rate=0.00012") == r"learning\_\allowbreak{}rate=\allowbreak{}0.00012"
    assert breakable("short words stay") == "short words stay"
    assert max(map(len, pieces("5430d3d9" * 8))) == LONGEST_WORD


def test_pieces_are_what_stands_between_breaks():
    text = "sentence-transformers/all-MiniLM 余弦"
    assert pieces(text) == ["sentence-", "transformers/", "all-", "MiniLM", "U+4F59", "U+5F26"]
