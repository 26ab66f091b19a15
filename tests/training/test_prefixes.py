from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hpo.config.parameters import complete
from hpo.data.batches import Batch, collate, evaluation_batches
from hpo.data.task_data import TaskData
from hpo.data.texts import Texts
from hpo.data.tokens import tokenize
from hpo.models.pretrained import Pretrained
from hpo.pulse import progressed
from hpo.training import prefixes as module
from hpo.training.precision import Precision, choose_precision
from hpo.training.prefixes import BYTES, LARGEST, LEAST_ON_GPU, Place, Prefixes
from hpo.training.store import Store

WIDTH = 32  # hidden size of the tiny model


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> Texts:
    return Texts(tokenize(pretrained.tokenizer, task.train.texts, 32))


def made(
    pretrained: Pretrained,
    store: Store,
    depths: tuple[int, ...] = (1, 2, 3),
    largest: int = LARGEST,
    **given: Any,
) -> Prefixes:
    precision = given.pop("precision", choose_precision("cpu"))
    prefixes = Prefixes(pretrained, store, precision, {"weights": "w"}, depths, 0, **given)
    prefixes._largest = largest
    return prefixes


def settings(frozen: int, pooling: str = "cls") -> dict[str, Any]:
    return complete({"frozen_layers": frozen, "pooling": pooling})


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_hidden_states_are_those_of_transformers_and_zero_where_padded(
    pretrained: Pretrained, texts: Texts, tmp_path: Path, depth: int
) -> None:
    prefixes = made(pretrained, Store(tmp_path))
    batch = Batch(np.array([3, 60, 0, 17]), 24)
    found = prefixes.hidden(texts, depth, settings(depth, "mean")).batch(batch)
    ids, mask = collate(texts.ids, batch, 0)
    body: Any = pretrained.body
    output = body(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), output_hidden_states=True)
    wanted = output.hidden_states[depth].numpy() * mask[..., None]
    assert found.shape == (4, 24, WIDTH)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert not found[mask == 0].any()


def test_of_all_layers_the_first_token_alone_is_kept_where_the_head_reads_no_other(
    pretrained: Pretrained, texts: Texts, tmp_path: Path
) -> None:
    prefixes = made(pretrained, Store(tmp_path))
    batch = Batch(np.array([5, 9]), 16)
    first = prefixes.hidden(texts, 3, settings(3, "cls"))
    everything = prefixes.hidden(texts, 3, settings(3, "mean"))
    assert first.values.shape == (64, WIDTH)
    assert everything.values.shape == (texts.tokens, WIDTH)
    assert first.batch(batch).shape == (2, 1, WIDTH)
    np.testing.assert_allclose(first.batch(batch)[:, 0], everything.batch(batch)[:, 0], rtol=1e-4, atol=1e-5)


def test_stored_hidden_states_have_the_bits_of_computed_ones(
    pretrained: Pretrained, texts: Texts, tmp_path: Path
) -> None:
    batch = Batch(np.arange(64), 32)
    computed = made(pretrained, Store(tmp_path)).hidden(texts, 2, settings(2)).batch(batch)
    read = made(pretrained, Store(tmp_path)).hidden(texts, 2, settings(2))
    assert isinstance(read.values, np.memmap)
    assert np.array_equal(read.batch(batch), computed)
    never = made(pretrained, Store(tmp_path / "none", limit=0)).hidden(texts, 2, settings(2))
    assert not isinstance(never.values, np.memmap)
    assert np.array_equal(never.batch(batch), computed)


def test_work_is_what_each_stretch_took_once_all_were_made(
    pretrained: Pretrained, texts: Texts, tmp_path: Path
) -> None:
    prefixes = made(pretrained, Store(tmp_path), share=0.5)
    assert prefixes.work(texts, 3, settings(3)) is None
    took = prefixes.make(texts, 3, settings(3))
    work = prefixes.work(texts, 3, settings(3))
    assert work is not None
    assert len({w.key for w in work}) == 3
    assert sum(w.seconds for w in work) == pytest.approx(took)
    assert sum(w.spent for w in work) == pytest.approx(took)
    assert prefixes.make(texts, 3, settings(3)) == 0.0
    assert prefixes.work(texts, 2, settings(2)) == work[:2]
    assert made(pretrained, Store(tmp_path)).work(texts, 3, settings(3)) == work


@pytest.mark.parametrize(("depth", "pooling"), [(2, "cls"), (3, "cls"), (3, "mean")])
def test_a_text_is_passed_once_whatever_lists_hold_it(
    pretrained: Pretrained,
    texts: Texts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    depth: int,
    pooling: str,
) -> None:
    how = settings(depth, pooling)
    store = Store(tmp_path)
    made(pretrained, store, (depth,)).make(Texts(texts.ids[:40]), depth, how)
    passed: list[int] = []
    run = Prefixes._pass

    def counted(self: Prefixes, items: Any, *rest: Any) -> float:
        passed.extend(items.tolist())
        return run(self, items, *rest)

    monkeypatch.setattr(Prefixes, "_pass", counted)
    mixed = Texts([*texts.ids[50:], *texts.ids[10:30]])
    here = made(pretrained, store, (depth,))  # a process that passed none of them
    took = here.make(mixed, depth, how)
    fresh = set(passed)
    assert fresh <= set(range(14))  # of the last twenty none
    assert {mixed.ids[i].tobytes() for i in fresh} == {row.tobytes() for row in mixed.ids} - {
        row.tobytes() for row in texts.ids[:40]
    }
    (work,) = here.work(mixed, depth, how) or ()
    assert work.spent == took < work.seconds
    alone = made(pretrained, Store(tmp_path / "alone"), (depth,))
    assert np.array_equal(here.hidden(mixed, depth, how).values, alone.hidden(mixed, depth, how).values)
    passed.clear()
    assert here.make(Texts(texts.ids[12:25]), depth, how) == 0.0
    assert passed == []


def test_what_gave_way_is_computed_again_and_charged_as_the_first_time(
    pretrained: Pretrained, texts: Texts, tmp_path: Path
) -> None:
    first = made(pretrained, Store(tmp_path))
    first.make(texts, 2, settings(2))
    work = first.work(texts, 2, settings(2))
    for path in (tmp_path / "prefixes").iterdir():
        path.unlink()
    again = made(pretrained, Store(tmp_path))
    assert again.make(texts, 2, settings(2)) > 0
    assert again.work(texts, 2, settings(2)) == work


def test_passes_of_other_weights_texts_depths_and_readings_have_keys_of_their_own(
    pretrained: Pretrained, texts: Texts, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    prefixes = made(pretrained, store)
    other = Prefixes(pretrained, store, choose_precision("cpu"), {"weights": "v"}, (1, 2, 3), 0)
    fewer = Texts(texts.ids[:-1])
    asked = [
        (prefixes, texts, settings(3)),
        (prefixes, texts, settings(3, "mean")),
        (prefixes, texts, settings(2)),
        (prefixes, fewer, settings(3)),
        (other, texts, settings(3)),
    ]
    last = []
    for who, what, how in asked:
        who.make(what, how["frozen_layers"], how)
        work = who.work(what, how["frozen_layers"], how)
        assert work is not None
        last.append(work[-1].key)
    assert len(set(last)) == len(asked)


def test_a_training_begins_behind_what_it_freezes_where_its_texts_are_not_too_large(
    pretrained: Pretrained, tmp_path: Path
) -> None:
    tokens = 500
    enough = tokens * WIDTH * BYTES
    store = Store(tmp_path)
    for largest, start in ((enough, 2), (enough - 1, 0)):
        assert made(pretrained, store, largest=largest).start_of(settings(2), tokens) == start
    # Of first tokens the texts take one each, whatever their tokens.
    assert made(pretrained, store, largest=enough // tokens).start_of(settings(3), tokens) == 3
    assert made(pretrained, store, largest=enough // tokens).start_of(settings(3, "mean"), tokens) == 0
    assert made(pretrained, store).start_of(settings(0), tokens) == 0


def test_a_gpu_computes_what_it_has_sooner_than_it_reads_it(pretrained: Pretrained, tmp_path: Path) -> None:
    card = Precision(torch.device("cuda"), choose_precision("cpu").info)
    assert 3 * WIDTH < LEAST_ON_GPU
    assert made(pretrained, Store(tmp_path), precision=card).start_of(settings(3), 500) == 0


def test_every_text_is_passed_in_the_same_batch_whoever_asks(texts: Texts) -> None:
    """The bits of a text depend on the batch that it is in."""
    again = Texts(list(texts.ids))
    one, other = (evaluation_batches(t.lengths, 64, 24) for t in (texts, again))
    assert all(
        np.array_equal(a.items, b.items) and a.width == b.width for a, b in zip(one, other, strict=True)
    )


def test_who_waits_for_anothers_pass_tells_that_it_does_not_hang(
    pretrained: Pretrained, texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.01)
    prefixes = made(pretrained, Store(tmp_path))
    lock = Store(tmp_path).lock(prefixes.key(texts, Place(1, 3)))
    waiting = threading.Thread(target=prefixes.hidden, args=(texts, 1, settings(1)))
    with lock:
        before = progressed()
        waiting.start()
        for _ in range(1000):
            if progressed() >= before + 3:
                break
            waiting.join(0.01)
        assert progressed() >= before + 3
        assert waiting.is_alive(), "it waits for the pass"
        assert list((tmp_path / "prefixes").iterdir()) == []
    waiting.join()
    assert len(list((tmp_path / "prefixes").iterdir())) == 1
