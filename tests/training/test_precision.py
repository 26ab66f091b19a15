from __future__ import annotations

import importlib.metadata

import pytest
import torch

from hpo.errors import UserError
from hpo.training.precision import choose_precision


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["meta", "cuda:2", "mps", "cpu:0", "gpu", "xla"])
@pytest.mark.usefixtures("two_cards")
def test_a_device_that_is_not_at_hand_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(UserError) as caught:
        choose_precision(name)
    assert caught.value.message == (
        f"--device {name}: not at hand; this machine offers cpu, cuda, cuda:0, cuda:1"
    )
    assert caught.value.hint == "Leave --device out to take the best device at hand."


@pytest.mark.usefixtures("two_cards")
def test_a_card_that_does_not_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: out of memory\nmore")

    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(UserError) as caught:
        choose_precision("cuda:1")
    assert caught.value.message == "--device cuda:1 does not answer: CUDA error: out of memory"
    assert caught.value.hint == "Free the device, or name another with --device."


def test_a_processor_computes_in_float32_and_its_numerics_name_what_they_depend_on() -> None:
    precision = choose_precision("cpu")
    assert (precision.device.type, precision.info.precision) == ("cpu", "float32")
    version = importlib.metadata.version("transformers")
    assert precision.numerics_class() == (
        f"torch {torch.__version__}, transformers {version}, {precision.info.name}, float32, "
        f"{torch.get_num_threads()} threads"
    )
