from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.training.forward.layout import bounds_of, lay_out, num_pairs
from bench.training.forward.spreading import gather, spread

LENGTHS = arrays(np.int64, st.integers(1, 12), elements=st.integers(1, 9))


@given(LENGTHS)
def test_every_token_has_one_slot_in_the_row_of_its_sequence(lengths: np.ndarray) -> None:
    layout = lay_out(lengths)
    sequences = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))

    assert torch.equal(layout.slots[layout.homes], torch.arange(len(sequences)))
    first = 0
    for mask in layout.masks:
        rows = sequences[layout.slots[first : first + mask.numel()]].view(mask.shape)
        assert (rows == rows[:, :1]).all()
        assert torch.equal(mask.sum(1), torch.from_numpy(lengths)[rows[:, 0]])
        first += mask.numel()
    assert first == len(layout.slots)
    assert layout.longest == lengths.max()
    assert torch.equal(layout.lengths[0], torch.from_numpy(np.repeat(lengths, lengths)))
    assert num_pairs(lengths) == sum(mask.numel() * mask.shape[1] for mask in layout.masks)


@given(LENGTHS)
def test_what_is_spread_and_gathered_is_as_before_and_so_are_gradients(lengths: np.ndarray) -> None:
    layout = lay_out(lengths)
    tokens = torch.randn(int(lengths.sum()), 2, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn_like(tokens)

    found = gather(spread(tokens, layout), layout)
    (gradient,) = torch.autograd.grad((found * weights).sum(), tokens)

    assert torch.equal(found, tokens)
    assert torch.equal(gradient, weights)


def test_short_sequences_are_not_padded_to_the_longest() -> None:
    layout = lay_out(np.array([50, 2, 3, 40]))

    assert [tuple(mask.shape) for mask in layout.masks] == [(2, 3), (2, 50)]
    assert num_pairs(np.array([50, 2, 3, 40])) == 2 * 3**2 + 2 * 50**2


@pytest.mark.parametrize(("num_sequences", "sizes"), [(1, [1]), (3, [3]), (4, [2, 2]), (5, [3, 2])])
def test_no_group_of_several_has_one_sequence(num_sequences: int, sizes: list[int]) -> None:
    assert [len(mask) for mask in lay_out(np.full(num_sequences, 7)).masks] == sizes


def test_bounds_say_where_sequences_begin_and_the_last_ends() -> None:
    lengths = np.array([3, 1, 2])
    bounds = bounds_of(lengths)

    assert (bounds.places.dtype, bounds.places.tolist(), bounds.longest) == (torch.int32, [0, 3, 4, 6], 3)
    assert bounds.lengths.tolist() == lay_out(lengths).lengths.tolist() == [[3, 3, 3, 1, 2, 2]]
