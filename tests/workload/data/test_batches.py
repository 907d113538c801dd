from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.training.forward.padded import collate
from bench.workload.data.batches import by_token_budget, longest_batch, micro_batches, ordered_batches
from bench.workload.toy import toy_split

lengths_of_rows = st.integers(1, 300).flatmap(lambda n: arrays(np.int64, n, elements=st.integers(1, 90)))


@given(lengths_of_rows, st.integers(1, 20), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_shows_every_row_once(lengths: np.ndarray, size: int, seed: int, epoch: int) -> None:
    batches = ordered_batches(lengths, size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == size for batch in batches[:-1])
    assert 1 <= len(batches[-1]) <= size


@given(lengths_of_rows, st.integers(1, 500))
def test_a_budget_of_tokens_is_kept_and_shows_every_row_once(lengths: np.ndarray, budget: int) -> None:
    rows = np.flatnonzero(lengths % 2)
    parts = list(by_token_budget(lengths, rows, budget))
    assert sorted(int(row) for part in parts for row in part) == rows.tolist()
    assert all(len(part) == 1 or lengths[part].max() * len(part) <= budget for part in parts)


def test_the_order_is_a_function_of_the_seed_and_the_epoch() -> None:
    lengths = toy_split(200).lengths

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(ordered_batches(lengths, 16, seed=seed, epoch=epoch)).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_rows_of_similar_length_meet() -> None:
    lengths = np.random.default_rng(0).integers(1, 80, 2048)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(int(lengths[rows].max()) * len(rows) for rows in batches)

    at_random = [np.arange(start, start + 16) for start in range(0, 2048, 16)]
    assert padded(ordered_batches(lengths, 16, seed=0, epoch=0)) < 0.7 * padded(at_random)


def test_the_longest_batch_is_the_hardest() -> None:
    lengths = np.array([3, 9, 1, 7, 8])
    assert longest_batch(lengths, 2).tolist() == [1, 4]
    assert longest_batch(lengths, 9).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("size", "parts"), [(None, [5]), (2, [2, 2, 1]), (9, [5])])
def test_micro_batches_cover_the_step(size: int | None, parts: list[int]) -> None:
    assert [len(part) for part in micro_batches(np.arange(5), size)] == parts


def test_padding_is_on_the_right_and_masked() -> None:
    split = toy_split(8)
    rows = [3, 0, 5]
    batch = collate(split, rows, pad_token_id=63)
    assert (
        batch.inputs["input_ids"].shape == batch.inputs["attention_mask"].shape == (3, int(split.lengths[rows].max()))
    )
    assert batch.num_tokens == int(split.lengths[rows].sum()) == int(batch.inputs["attention_mask"].sum())
    assert batch.targets.tolist() == split.labels[rows].tolist()
    for place, row in enumerate(rows):
        length = int(split.lengths[row])
        assert batch.inputs["input_ids"][place, :length].tolist() == split.row(row).tolist()
        assert set(batch.inputs["input_ids"][place, length:].tolist()) <= {63}
        assert batch.inputs["attention_mask"][place].tolist() == [1] * length + [0] * (
            batch.inputs["input_ids"].shape[1] - length
        )
