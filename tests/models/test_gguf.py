"""A decoder written as llama.cpp writes it, against the decoder itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from hpo.models import pretrained as loading
from hpo.models.pretrained import UnusableModelError, load_pretrained

LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = "<|endoftext|>"
MERGES = ["g o", "go o", "goo d", "Ġ good"]
TOKENS = [END, "Ġ", *LETTERS, "go", "goo", "good", "Ġgood"]
HEADS, PAIRS = 4, 2  # heads of queries, and of keys and values


def decoder() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=PAIRS,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    model: LlamaForCausalLM = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10).add_(torch.rand_like(parameter) * 0.1)  # norms that are not all alike
    return model


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head with the two that are rotated together side by side, as llama.cpp has them."""
    rows = [
        head * size + half * size // 2 + pair
        for size in [len(weight) // heads]
        for head in range(heads)
        for pair in range(size // 2)
        for half in range(2)
    ]
    return np.ascontiguousarray(weight[rows])


PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def write(model: LlamaForCausalLM, path: Path, leave_out: str = "") -> None:
    writer: Any = gguf.GGUFWriter(path, "llama")
    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(PAIRS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3 if token == END else 1 for token in TOKENS])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    for layer in range(config.num_hidden_layers):
        for ours, theirs in PARTS.items():
            names[f"model.layers.{layer}.{ours}.weight"] = f"blk.{layer}.{theirs}.weight"
    weights = model.state_dict()
    for ours, theirs in names.items():
        weight = weights[ours].numpy()
        if ".attn_q." in theirs or ".attn_k." in theirs:
            weight = interleaved(weight, HEADS if ".attn_q." in theirs else PAIRS)
        if theirs != leave_out:
            writer.add_tensor(theirs, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_gguf_decoder_is_the_decoder_that_it_was_made_of(cache: Path, tmp_path: Path) -> None:
    model = decoder()
    write(model, tmp_path / "small.gguf")
    loaded = load_pretrained(str(tmp_path / "small.gguf"))
    assert loaded.info.source == "file small.gguf"
    assert loaded.info.parameters == sum(p.numel() for p in model.parameters())
    ids = loaded.tokenizer(["goodgod good", "a"])["input_ids"]
    assert ids == [[TOKENS.index(t) for t in ("good", "go", "d", "Ġgood")], [TOKENS.index("a")]]
    batch = torch.tensor([ids[0]])
    with torch.no_grad():
        wanted = model.model(input_ids=batch).last_hidden_state
    torch.testing.assert_close(loaded.body(input_ids=batch).last_hidden_state, wanted)


def test_later_loads_read_safetensors_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(decoder(), tmp_path / "small.gguf")
    first = load_pretrained(str(tmp_path / "small.gguf"))
    [folder] = [path for path in (cache / "converted").iterdir() if path.is_dir()]
    assert {path.name for path in folder.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert "quantization_config" not in (folder / "config.json").read_text()

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(loading, "write_safetensors", never)
    again = load_pretrained(str(tmp_path / "small.gguf"), num_layers=2)
    assert again.info.sha256 == first.info.sha256


def test_a_gguf_file_that_lacks_weights_is_refused(cache: Path, tmp_path: Path) -> None:
    write(decoder(), tmp_path / "small.gguf", leave_out="blk.1.ffn_up.weight")
    with pytest.raises(UnusableModelError) as caught:
        load_pretrained(str(tmp_path / "small.gguf"))
    assert caught.value.message == (
        f"model '{tmp_path / 'small.gguf'}' cannot be loaded: it has no weights for 1 tensors, "
        "such as model.layers.1.mlp.up_proj.weight"
    )


def test_a_file_that_is_no_gguf_inside_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"not at all")
    with pytest.raises(UnusableModelError, match="cannot be loaded: "):
        load_pretrained(str(tmp_path / "small.gguf"))
