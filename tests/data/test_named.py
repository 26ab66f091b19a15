from hpo.data.named import read_class_folders, read_sentiment

RATINGS = "1_1\t0.5\tfine \r\n1_2\t0.49\tnot clear\r\n2_1\t-0.5\tcaf\u00e9\twith a tab\r\n10_1\t-4\tbad\r\n"


def test_ratings_far_enough_from_zero_become_two_classes(tmp_path):
    path = tmp_path / "ratings.txt"
    path.write_bytes(RATINGS.encode())
    table = read_sentiment(path, grouped=True)
    assert table.texts == ["fine", "caf\u00e9\twith a tab", "bad"]
    assert table.labels == ["positive", "negative", "negative"]
    assert table.groups == ["1", "2", "10"]
    assert read_sentiment(path, grouped=False).groups is None


def test_class_folders_are_read_in_order_whatever_their_encoding(tmp_path):
    for name, content in {"b/1.txt": "caf\u00e9".encode(), "a/2.txt": b"\xa3 2\n", "a/1.txt": b"one"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    table = read_class_folders(tmp_path, "news")
    assert table.texts == ["one", "\u00a3 2", "caf\u00e9"]
    assert table.labels == ["a", "a", "b"]
