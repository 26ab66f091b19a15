"""What is kept of a model and what of it is trained, against transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier, structure_faults
from hpo.models.layers import layers_of
from hpo.models.pretrained import Pretrained
from tests.models.bodies import LAYERS, TOLERANCE, batch, body_of, passed
from tests.models.test_shortcuts import TAKE_BOTH, gradients


def build(pretrained: Pretrained, start: int = 0, **given: Any) -> Classifier:
    return build_classifier(pretrained, complete(given), 2, head_seed=4, start=start)


def sizes(model: Classifier) -> dict[str, int]:
    """Weights that training changes, by where they stand."""
    found = {"embeddings": 0, "layers": 0, "behind": 0, "head": 0}
    for name, parameter in model.trained().items():
        below = model.below_head[name]
        place = "layers" if 0 < below <= LAYERS else "embeddings" if below else name.split(".", 1)[0]
        found["behind" if place == "body" else place] += parameter.numel()
    return found


# Layers kept


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_the_lowest_layers_are_those_that_transformers_keeps(
    pretrained: Pretrained, tiny_model: Path, kept: int
) -> None:
    ids, mask = torch.tensor([[2, 6, 7, 3], [2, 6, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    theirs = AutoModel.from_pretrained(
        tiny_model, num_hidden_layers=kept, dtype=torch.float32, add_pooling_layer=False
    ).eval()
    model = build(pretrained, num_layers=kept, pooling="mean").eval()
    hidden = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
    wanted = model.head((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
    torch.testing.assert_close(model(ids, mask), wanted, **TOLERANCE)
    count = sum(p.numel() for p in theirs.parameters())
    assert pretrained.lowest(kept).info.parameters == count
    assert sum(p.numel() for p in model.trained().values()) == count + 2 * 32 + 2


@pytest.mark.parametrize("kept", [1, 2])
@pytest.mark.parametrize(
    "name", [*TAKE_BOTH, "gpt2", "llama", "opt", "modernbert", "prelayernorm", "mobilebert"]
)
def test_every_architecture_can_be_cut_with_what_stands_behind_its_layers(name: str, kept: int) -> None:
    pretrained = body_of(name)
    config = type(pretrained.body.config).from_dict(pretrained.body.config.to_dict())
    config.num_hidden_layers = kept
    theirs = type(pretrained.body)(config).eval()
    theirs.pooler = None
    weights = theirs.state_dict()
    theirs.load_state_dict({n: w for n, w in pretrained.body.state_dict().items() if n in weights})
    ids, mask = batch()
    model = build(pretrained, num_layers=kept, pooling="last").eval()
    hidden = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
    wanted = model.head(hidden[torch.arange(3), mask.sum(1) - 1])
    torch.testing.assert_close(model(ids, mask), wanted, **TOLERANCE)


def test_a_cut_configuration_names_the_kinds_of_the_layers_that_are_kept() -> None:
    pretrained = body_of("qwen3")
    kinds = pretrained.body.config.layer_types
    assert pretrained.lowest(2).body.config.layer_types == kinds[:2]
    assert len(pretrained.body.config.layer_types) == LAYERS


def test_cutting_a_model_leaves_the_whole_one_as_it_is(pretrained: Pretrained) -> None:
    ids = torch.tensor([[2, 6, 7, 3]])
    before = pretrained.body(input_ids=ids).last_hidden_state
    short = pretrained.lowest(1)
    assert short is pretrained.lowest(1)
    assert pretrained.lowest(3) is pretrained
    assert (len(layers_of(short.body)[1]), len(layers_of(pretrained.body)[1])) == (1, 3)
    assert pretrained.body.config.num_hidden_layers == 3
    theirs = {p.data_ptr() for p in pretrained.body.parameters()}
    assert {p.data_ptr() for p in short.body.parameters()} < theirs
    assert torch.equal(pretrained.body(input_ids=ids).last_hidden_state, before)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "last"])
@pytest.mark.parametrize(("kept", "depth"), [(2, 1), (2, 2), (1, 1)])
@pytest.mark.parametrize("name", [*TAKE_BOTH, "prelayernorm", "llama", "gpt2", "opt"])
def test_a_cut_body_that_begins_at_a_depth_trains_as_the_whole_of_it(
    name: str, kept: int, depth: int, pooling: str
) -> None:
    pretrained = body_of(name)
    given: dict[str, Any] = {"num_layers": kept, "frozen_layers": depth, "pooling": pooling, "dropout": 0.0}
    ids, mask = batch()
    whole, begun = build(pretrained, **given), build(pretrained, start=depth, **given)
    short = pretrained.lowest(kept) if depth == kept else pretrained
    assert list(whole.trained()) == list(begun.trained())
    wanted, wanted_gradients = gradients(whole, ids, mask)
    found, found_gradients = gradients(begun, passed(short, ids, mask, (depth,)), mask)
    torch.testing.assert_close(found, wanted, **TOLERANCE)
    for parameter, gradient in wanted_gradients.items():
        torch.testing.assert_close(found_gradients[parameter], gradient, **TOLERANCE, msg=parameter)


@pytest.mark.parametrize("name", TAKE_BOTH)
def test_the_last_layer_that_is_kept_is_computed_for_the_first_token_alone(name: str) -> None:
    pretrained = body_of(name)
    ids, mask = batch()
    model = build(pretrained, num_layers=2, pooling="cls").eval()
    short = model.body(input_ids=ids, attention_mask=mask).last_hidden_state  # type: ignore[misc]
    whole = pretrained.lowest(2).body(input_ids=ids, attention_mask=mask).last_hidden_state
    assert short.shape == (3, 1, 32)
    torch.testing.assert_close(short[:, 0], whole[:, 0], **TOLERANCE)


# What is trained


def test_what_is_trained_beside_the_head(pretrained: Pretrained) -> None:
    layer = sum(p.numel() for p in layers_of(pretrained.body)[1][0].parameters())
    embeddings = sum(p.numel() for p in pretrained.body.embeddings.parameters())  # type: ignore[union-attr]
    head = 2 * 32 + 2
    all_of_it = {"embeddings": embeddings, "layers": 3 * layer, "behind": 0, "head": head}
    no_embeddings = all_of_it | {"embeddings": 0}
    assert sizes(build(pretrained, fine_tuning="full")) == all_of_it
    assert sizes(build(pretrained, frozen_layers=0)) == all_of_it
    assert sizes(build(pretrained, fine_tuning="full", embeddings="frozen")) == no_embeddings
    assert sizes(build(pretrained, frozen_layers=2)) == no_embeddings | {"layers": layer}
    assert sizes(build(pretrained, fine_tuning="head")) == no_embeddings | {"layers": 0}
    assert sizes(build(pretrained, fine_tuning="head", num_layers=1)) == no_embeddings | {"layers": 0}
    assert sizes(build(pretrained, num_layers=2, frozen_layers=1)) == no_embeddings | {"layers": layer}


def test_frozen_embeddings_are_the_pretrained_ones_in_eval_mode(pretrained: Pretrained) -> None:
    model = build(pretrained, fine_tuning="full", embeddings="frozen").train()
    embeddings: Any = model.body.embeddings  # type: ignore[union-attr]
    assert embeddings is pretrained.body.embeddings
    assert not embeddings.training
    assert model.body.encoder.training  # type: ignore[union-attr]


def test_how_far_below_the_head_parameters_stand(pretrained: Pretrained) -> None:
    model = build(pretrained, fine_tuning="full")
    assert model.below_head["head.1.weight"] == 0
    assert model.below_head["body.encoder.layer.2.output.dense.weight"] == 1
    assert model.below_head["body.encoder.layer.0.output.dense.weight"] == 3
    assert model.below_head["body.embeddings.word_embeddings.weight"] == 4
    cut = build(pretrained, num_layers=1)
    assert cut.below_head["body.encoder.layer.0.output.dense.weight"] == 1
    assert cut.below_head["body.embeddings.word_embeddings.weight"] == 2
    normed = build(body_of("prelayernorm"))
    assert normed.below_head["body.LayerNorm.weight"] == 0  # it stands behind the layers


# Fresh layers


@pytest.mark.parametrize("name", [*TAKE_BOTH, "gpt2", "modernbert", "mobilebert"])
def test_the_highest_layers_begin_as_those_of_a_model_without_pretraining(name: str) -> None:
    pretrained = body_of(name)  # its matrices are ten times what a fresh one has
    path, theirs = layers_of(pretrained.body)
    model = build(pretrained, reinitialised_layers=2)
    assert set(model.trained()) == set(build(pretrained).trained())
    own = model.body.get_submodule(path)  # type: ignore[union-attr]
    assert all(torch.equal(a, b) for a, b in zip(own[0].parameters(), theirs[0].parameters(), strict=True))  # type: ignore[index]
    fresh = type(pretrained.body)(pretrained.body.config)
    for layer in (1, 2):
        wanted = dict(layers_of(fresh)[1][layer].named_parameters())
        for part, parameter in own[layer].named_parameters():  # type: ignore[index]
            if parameter.ndim < 2:  # biases and norms
                assert torch.equal(parameter, wanted[part]), part
            else:
                assert parameter.std().item() == pytest.approx(wanted[part].std().item(), rel=0.15), part


def test_fresh_weights_are_drawn_from_the_seed_alone(pretrained: Pretrained) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(int(torch.randint(2**31, (1,))))  # whatever was drawn before
        model = build_classifier(pretrained, complete({"reinitialised_layers": 1}), 2, head_seed=seed)
        return torch.cat([p.detach().flatten() for n, p in model.trained().items() if "layer.2" in n])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


# What cannot be


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"num_layers": 3, "frozen_layers": 3}, {}),
        ({"num_layers": 4}, {"num_layers": "4 was found; the model has 3 layers"}),
        (
            {"num_layers": 2, "frozen_layers": 3},
            {"frozen_layers": "3 was found; num_layers keeps 2 layers, all of which may be frozen"},
        ),
        ({"frozen_layers": 1, "reinitialised_layers": 2}, {}),
        (
            {"frozen_layers": 2, "reinitialised_layers": 2},
            {
                "reinitialised_layers": "2 was found; the model has 3 layers, of which frozen_layers are 2; "
                "allowed is at most 1"
            },
        ),
        (
            {"num_layers": 2, "reinitialised_layers": 3},
            {"reinitialised_layers": "3 was found; num_layers keeps 2 layers; allowed is at most 2"},
        ),
        ({"fine_tuning": "lora", "frozen_layers": 2}, {}),
        (
            {"fine_tuning": "dora", "frozen_layers": 3},
            {"frozen_layers": "3 was found; the model has 3 layers, one of which must be left for adapters"},
        ),
    ],
)
def test_layers_that_the_model_does_not_have_are_told(
    pretrained: Pretrained, given: dict[str, Any], fault: dict[str, str]
) -> None:
    good = complete({})
    for structures in ([complete(given)], [good, complete(given)], [complete(given), good]):
        assert structure_faults(pretrained, structures, {"cls"}, 64) == fault


def test_maps_that_no_adapter_is_known_for_are_told() -> None:
    structures = [complete({"fine_tuning": "lora"})]
    assert structure_faults(body_of("gpt2"), structures, {"mean"}, 64) == {}
    assert structure_faults(body_of("mobilebert"), structures, {"mean"}, 64) == {
        "adapter_targets": "attention was found; no such maps are known of mobilebert models; allowed is all_linear"
    }
    everything = [complete({"fine_tuning": "lora", "adapter_targets": "all_linear"})]
    assert structure_faults(body_of("mobilebert"), everything, {"mean"}, 64) == {}
