import re

import pytest

from hpo.assets.catalogue import CATALOGUE, find_asset
from hpo.assets.pip_download import _failure, without_credentials
from hpo.errors import UserError


def test_every_asset_is_pinned_and_states_licence_and_source():
    for name, asset in CATALOGUE.items():
        assert asset.name == name
        assert re.fullmatch(r"[0-9a-f]{64}", asset.sha256)
        assert asset.file.endswith((".whl", ".tar.gz"))
        assert f"-{asset.version}" in asset.file
        assert asset.size_bytes > 1_000_000
        assert asset.licence
        assert asset.source
        assert asset.description


def test_assets_of_one_package_state_the_same_archive_and_files():
    packages = {}
    for asset in CATALOGUE.values():
        facts = (asset.version, asset.sha256, asset.size_bytes, asset.inner, asset.folder, asset.members)
        assert packages.setdefault(asset.package, facts) == facts


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UserError) as caught:
        find_asset("all-minilm-l6")
    assert caught.value.message == (
        "no asset is named `all-minilm-l6`; there are all-MiniLM-L6-v2, SmolLM2-135M-Instruct, movie, amazon, tweets, "
        "nyt, bbc-news, conll-2003, privacy-qa, wordnet"
    )
    assert caught.value.hint == "Did you mean `all-MiniLM-L6-v2`?"
    with pytest.raises(UserError) as caught:
        find_asset("xyz")
    assert caught.value.hint == "See `hpo assets` for the list."


def test_credentials_of_an_index_are_not_shown():
    said = "Looking in https://user:s3cret@pypi.example.org/simple and https://token@a.example.org, not me@example.org"
    assert without_credentials(said) == (
        "Looking in https://***@pypi.example.org/simple and https://***@a.example.org, not me@example.org"
    )
    error = _failure(CATALOGUE["movie"], "ERROR: https://user:s3cret@pypi.example.org/simple is not there\n")
    assert "s3cret" not in error.message
    assert "pypi.example.org" in error.message


def test_a_missing_pip_is_named():
    error = _failure(CATALOGUE["movie"], "/usr/bin/python: No module named pip\n")
    assert error.hint.startswith("Install pip for this Python: ")
    assert error.hint.endswith(" -m ensurepip")
