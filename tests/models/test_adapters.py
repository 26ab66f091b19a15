"""LoRA and DoRA against peft by itself and against their formulas."""

from __future__ import annotations

import copy
from typing import Any

import peft
import pytest
import torch
from torch import Tensor

from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.layers import layers_of
from hpo.models.pretrained import Pretrained
from tests.models.bodies import LAYERS, TOLERANCE, batch, body_of, passed
from tests.models.test_shortcuts import TAKE_BOTH, gradients

# Of get_peft_model, which is called here alone.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")

QUERIES_AND_VALUES = {
    "bert": ["query", "value"],
    "roberta": ["query", "value"],
    "electra": ["query", "value"],
    "distilbert": ["q_lin", "v_lin"],
    "gpt2": ["c_attn"],
    "llama": ["q_proj", "v_proj"],
    "modernbert": ["Wqkv"],
}


def build(pretrained: Pretrained, start: int = 0, **given: Any) -> Classifier:
    settings = complete({"dropout": 0.0, "pooling": "mean", **given})
    return build_classifier(pretrained, settings, 2, head_seed=4, start=start)


def adapted(model: Classifier) -> Classifier:
    """``model`` with adapters that change something, as after some training: always the same."""
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, parameter in sorted(model.trained().items()):
            if "lora" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def count(model: Classifier) -> int:
    return sum(p.numel() for name, p in model.trained().items() if not name.startswith("head."))


@pytest.mark.parametrize("method", ["lora", "dora"])
@pytest.mark.parametrize("name", QUERIES_AND_VALUES)
def test_as_many_weights_are_trained_as_peft_says(name: str, method: str) -> None:
    pretrained = body_of(name)
    for frozen in (
        (0, 2) if name in TAKE_BOTH else (0,)
    ):  # peft's numbers of layers want them deeper in a model
        config = peft.LoraConfig(
            r=3,
            target_modules=QUERIES_AND_VALUES[name],
            layers_to_transform=list(range(frozen, LAYERS)) if frozen else None,
            use_dora=method == "dora",
            fan_in_fan_out=name == "gpt2",
        )
        theirs = peft.get_peft_model(copy.deepcopy(pretrained.body), config)  # type: ignore[arg-type]
        ours = build(pretrained, fine_tuning=method, adapter_rank=3, frozen_layers=frozen)
        assert count(ours) == theirs.get_nb_trainable_parameters()[0]


@pytest.mark.parametrize("name", [*TAKE_BOTH, "gpt2"])
def test_all_linear_maps_are_those_that_peft_finds(name: str) -> None:
    pretrained = body_of(name)
    config = peft.LoraConfig(r=2, target_modules="all-linear", fan_in_fan_out=name == "gpt2")
    theirs = peft.get_peft_model(copy.deepcopy(pretrained.body), config)  # type: ignore[arg-type]
    path = layers_of(pretrained.body)[0]
    wanted = sum(p.numel() for n, p in theirs.named_parameters() if p.requires_grad and f"{path}." in n)
    ours = build(pretrained, fine_tuning="lora", adapter_rank=2, adapter_targets="all_linear")
    assert count(ours) == wanted


def test_adapters_begin_as_no_change_and_nothing_else_is_trained(pretrained: Pretrained) -> None:
    ids, mask = torch.tensor([[2, 6, 7, 3]]), torch.ones(1, 4, dtype=torch.int64)
    for method in ("lora", "dora"):
        model = build(pretrained, fine_tuning=method).eval()
        plain = build(pretrained, fine_tuning="head").eval()
        torch.testing.assert_close(model(ids, mask), plain(ids, mask), **TOLERANCE)
        assert {n.split(".", 1)[0] for n in model.trained() if "lora" not in n} == {"head"}
        theirs = {p.data_ptr() for p in pretrained.body.parameters()}
        rest = [p for n, p in model.named_parameters() if n not in model.trained()]
        assert {p.data_ptr() for p in rest} == theirs  # shared, not copied


def test_the_pretrained_body_knows_nothing_of_adapters(pretrained: Pretrained) -> None:
    names = [name for name, _ in pretrained.body.named_modules()]
    weights = [p.clone() for p in pretrained.body.parameters()]
    model = build(pretrained, fine_tuning="lora", adapter_targets="all_linear")
    ids, mask = batch()
    logits, _ = gradients(model, ids % 20, mask)
    torch.optim.AdamW(model.trained().values(), lr=0.1).step()
    assert not torch.equal(model(ids % 20, mask), logits)
    assert [name for name, _ in pretrained.body.named_modules()] == names
    assert all(torch.equal(a, b) for a, b in zip(weights, pretrained.body.parameters(), strict=True))
    assert not pretrained.body.training


def weight_of(module: Any, method: str) -> Tensor:
    """The weight that an adapted map stands for: Hu et al. 2021, equation 3; Liu et al. 2024, equation 5."""
    low, high = module.lora_A["default"].weight, module.lora_B["default"].weight
    weight = module.base_layer.weight + 16.0 / 8 * high @ low
    if method == "lora":
        return weight
    magnitude = module.lora_magnitude_vector["default"].weight
    return magnitude[:, None] * weight / weight.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_an_adapted_map_is_that_of_the_formula(pretrained: Pretrained, method: str) -> None:
    model = adapted(build(pretrained, fine_tuning=method, adapter_rank=8, adapter_alpha=16.0))
    module: Any = model.body.encoder.layer[1].attention.self.query  # type: ignore[union-attr, index]
    read = torch.randn(5, 32, generator=torch.Generator().manual_seed(1))
    wanted = read @ weight_of(module, method).T + module.base_layer.bias
    torch.testing.assert_close(module(read), wanted, **TOLERANCE)
    assert not torch.allclose(module(read), module.base_layer(read), atol=1e-2)


@pytest.mark.parametrize("targets", ["attention", "all_linear"])
@pytest.mark.parametrize("method", ["lora", "dora"])
@pytest.mark.parametrize("name", TAKE_BOTH)
def test_the_first_token_alone_trains_adapters_as_the_whole_layer_does(
    name: str, method: str, targets: str
) -> None:
    pretrained = body_of(name)
    given = {"fine_tuning": method, "adapter_targets": targets, "pooling": "cls"}
    ids, mask = batch()
    short = adapted(build(pretrained, **given))
    pretrained.__dict__["first_token_works"] = False
    whole = adapted(build(pretrained, **given))
    assert short.body(input_ids=ids, attention_mask=mask).last_hidden_state.shape == (3, 1, 32)  # type: ignore[misc]
    assert whole.body(input_ids=ids, attention_mask=mask).last_hidden_state.shape == (3, 9, 32)  # type: ignore[misc]
    same_gradients(gradients(short, ids, mask), gradients(whole, ids, mask))


@pytest.mark.parametrize("method", ["lora", "dora"])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", TAKE_BOTH)
def test_adapters_above_stored_hidden_states_train_as_those_of_the_whole_body(
    name: str, depth: int, method: str
) -> None:
    pretrained = body_of(name)
    given: dict[str, Any] = {"fine_tuning": method, "frozen_layers": depth, "adapter_targets": "all_linear"}
    ids, mask = batch()
    whole, begun = (adapted(build(pretrained, start, **given)) for start in (0, depth))
    same_gradients(
        gradients(begun, passed(pretrained, ids, mask, (depth,)), mask), gradients(whole, ids, mask)
    )


def same_gradients(found: tuple[Tensor, dict[str, Tensor]], wanted: tuple[Tensor, dict[str, Tensor]]) -> None:
    torch.testing.assert_close(found[0], wanted[0], **TOLERANCE)
    assert found[1].keys() == wanted[1].keys()
    for name, gradient in wanted[1].items():
        torch.testing.assert_close(found[1][name], gradient, **TOLERANCE, msg=name)


def test_first_weights_of_adapters_are_drawn_from_the_seed_alone(pretrained: Pretrained) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(int(torch.randint(2**31, (1,))))  # whatever was drawn before
        model = build_classifier(pretrained, complete({"fine_tuning": "lora"}), 2, head_seed=seed)
        return torch.cat([p.detach().flatten() for n, p in model.trained().items() if "lora_A" in n])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
