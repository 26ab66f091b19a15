from hpo.data.wordnet import FILES, parse_synsets, read_synonyms

# Lines of WordNet 3.0: its licence above, a synset with two lemmas, one with a marker, one with eleven (0b).
LINES = """\
  1 This software and database is being provided to you, the LICENSEE, by
06613686 10 n 02 movie 0 motion_picture 0 001 @ 06619428 n 0000 | a form of entertainment
00122128 00 s 02 erstwhile(a) 0 former(a) 2 001 & 00122626 a 0000 | belonging to some prior time
00000001 00 n 0b a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 Movie 1 000 | invented
"""


def test_synsets_are_read_with_hexadecimal_counts_and_without_markers(tmp_path):
    (tmp_path / "data.noun1").write_text(LINES)
    assert parse_synsets(tmp_path / "data.noun1") == [
        ("movie", "motion picture"),
        ("erstwhile", "former"),
        (*"abcdefghij", "movie"),
    ]


def test_synonyms_are_the_other_lemmas_of_all_synsets_in_order(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text(LINES if name == "data.noun1" else "")
    synonyms = read_synonyms(tmp_path)
    assert synonyms["movie"] == (*"abcdefghij", "motion picture")
    assert synonyms["former"] == ("erstwhile",)
    assert all(word not in others for word, others in synonyms.items())
