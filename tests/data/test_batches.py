import numpy as np
import pytest

from hpo.data.batches import (
    Batch,
    collate,
    epoch_batches,
    evaluation_batches,
    own_width,
    own_width_batches,
    padded_width,
    widest_within,
)


@pytest.fixture
def lengths() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 70, size=517)


def flat(batches: list[Batch]) -> np.ndarray:
    return np.concatenate([batch.items for batch in batches])


@pytest.mark.parametrize("batch_size", [1, 16, 32, 516, 517, 600])
def test_every_text_comes_once_an_epoch(lengths, batch_size):
    training, evaluation = (
        epoch_batches(lengths, batch_size, 3, 1),
        evaluation_batches(lengths, batch_size, 24),
    )
    assert sorted(flat(training)) == sorted(flat(evaluation)) == list(range(517))
    assert all(len(batch.items) == batch_size for batch in training[:-1])
    assert all(len(batch.items) <= batch_size for batch in evaluation)


def test_batches_depend_on_seed_and_epoch_alone(lengths):
    np.random.seed(1)
    first = flat(epoch_batches(lengths, 32, 7, 2))
    np.random.seed(2)
    assert first.tolist() == flat(epoch_batches(lengths, 32, 7, 2)).tolist()
    assert first.tolist() != flat(epoch_batches(lengths, 32, 7, 3)).tolist()
    assert first.tolist() != flat(epoch_batches(lengths, 32, 8, 2)).tolist()


def test_a_batch_is_as_wide_as_its_longest_text_needs(lengths):
    for batch in epoch_batches(lengths, 32, 0, 0) + evaluation_batches(lengths, 32, 24):
        assert batch.width == padded_width(lengths[batch.items].max())


def test_length_buckets_pad_less_than_half_of_what_random_batches_pad(lengths):
    def padding(batches: list[Batch]) -> int:
        return sum(len(batch.items) * batch.width for batch in batches) - int(lengths.sum())

    shuffled = np.array_split(np.random.default_rng(1).permutation(517), 17)
    random = [Batch(items, padded_width(lengths[items].max())) for items in shuffled]
    assert padding(epoch_batches(lengths, 32, 0, 0)) < padding(random) / 2


@pytest.mark.parametrize("overhead", [0, 10, 100])
def test_no_other_cut_of_the_sorted_texts_costs_less(overhead):
    lengths = np.array([5, 30, 6, 8, 8, 20, 21, 9, 60])
    ordered = np.sort(lengths)

    def cost(parts) -> int:
        return sum(len(part) * padded_width(int(max(part))) + overhead for part in parts if len(part))

    def cuts():
        for chosen in range(2 ** (len(ordered) - 1)):
            at = [i + 1 for i in range(len(ordered) - 1) if chosen >> i & 1]
            parts = np.split(ordered, at)
            if max(map(len, parts)) <= 4:
                yield parts

    found = evaluation_batches(lengths, 4, overhead)
    assert cost([lengths[batch.items] for batch in found]) == min(map(cost, cuts()))
    assert max(len(batch.items) for batch in found) <= 4


def test_short_and_long_batches_are_mixed_within_an_epoch(lengths):
    widths = [batch.width for batch in epoch_batches(lengths, 8, 0, 0)]
    assert widths != sorted(widths)
    assert min(widths[:16]) < 40 < max(widths[:16])


def test_the_short_last_batch_is_not_made_of_the_longest_texts(lengths):
    # Each epoch leaves 5 of 517 texts over: over many epochs they are as long as any.
    rest = [lengths[epoch_batches(lengths, 32, 0, epoch)[-1].items].mean() for epoch in range(200)]
    deviation = lengths.std() / np.sqrt(5 * 200)
    assert abs(np.mean(rest) - lengths.mean()) < 5 * deviation


def test_width_is_the_next_of_a_short_list():
    assert [padded_width(n) for n in (1, 4, 5, 32, 33, 64, 65, 128, 129, 512, 513)] == [
        4, 4, 6, 32, 34, 64, 72, 128, 144, 512, 1024,
    ]  # fmt: skip


def test_a_batch_of_own_widths_is_as_wide_as_each_of_its_texts_asks(lengths):
    batches = own_width_batches(lengths, 16)
    assert sorted(flat(batches).tolist()) == list(range(517))
    assert all(len(batch.items) <= 16 for batch in batches)
    for batch in batches:
        assert {own_width(int(n)) for n in lengths[batch.items]} == {batch.width}


def test_the_most_tokens_within_some_positions_are_padded_to_no_more():
    for positions in (16, 17, 63, 64, 65, 511, 512, 514, 1023, 1024, 8192):
        most = widest_within(positions)
        assert padded_width(most) <= own_width(most) <= positions < own_width(most + 1)


def test_collate_pads_at_the_right_and_masks_the_padding():
    ids = [np.array([5, 6], np.int32), np.array([7], np.int32), np.array([1, 2, 3], np.int32)]
    tokens, mask = collate(ids, Batch(np.array([2, 1]), 8), pad_id=9)
    assert tokens.tolist() == [[1, 2, 3, 9, 9, 9, 9, 9], [7, 9, 9, 9, 9, 9, 9, 9]]
    assert mask.tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]
    assert tokens.dtype == mask.dtype == np.int64
