"""Where the sequences of a packed batch stand, and how attention spreads them out.

A kernel for various lengths asks for their bounds. For any other, rows of unlike length would be padded to the longest
of them all. So there attention takes a packed batch in two groups, the shorter half of the sequences and the longer one,
and pads each to its own longest. There are always two, whatever it saves: compiled code is made for a number of groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bounds", "Layout", "Rows", "Slots", "bounds_of", "lay_out", "num_pairs", "num_slots"]

LEAST = 4
"""Sequences that are two groups: compiled code is not made for a group of one."""


class Slots(NamedTuple):
    """The places of tokens in a packed batch and in the rows of attention, which are slots end to end."""

    slots: torch.Tensor  # (slots,): the token in each slot; one beyond the end of its sequence repeats the last
    homes: torch.Tensor  # (tokens,): the slot of each token
    masks: tuple[torch.Tensor, ...]
    """Of each group (sequences, longest): whether a slot is the home of a token."""

    @property
    def longest(self) -> int:
        """The tokens of the longest sequence."""
        return self.masks[-1].shape[1]

    @property
    def lengths(self) -> torch.Tensor:
        """How long the sequence of each token is: (1, tokens)."""
        of_slots = [present.sum(1, keepdim=True).expand_as(present).flatten() for present in self.masks]
        return torch.cat(of_slots).index_select(0, self.homes).unsqueeze(0)


class Bounds(NamedTuple):
    """Where the sequences of a packed batch begin and end."""

    places: torch.Tensor  # (sequences + 1,), int32: where each begins, and the last ends
    longest: int
    """The tokens of the longest sequence."""
    num_tokens: int

    @property
    def lengths(self) -> torch.Tensor:
        """How long the sequence of each token is: (1, tokens)."""
        lengths = self.places.diff()
        return lengths.repeat_interleave(lengths, output_size=self.num_tokens).unsqueeze(0)


class Rows(NamedTuple):
    """The places of tokens in rows that are padded on their right, counted through all rows."""

    homes: torch.Tensor  # (tokens,): the place of each token
    present: torch.Tensor  # (rows, longest): whether a place is the home of a token

    @classmethod
    def of(cls, lengths: NDArray[np.integer]) -> Self:
        """Lay out rows of these lengths, on the CPU."""
        present = np.arange(lengths.max()) < lengths[:, None]
        return cls(torch.from_numpy(np.flatnonzero(present)), torch.from_numpy(present))

    @property
    def longest(self) -> int:
        """The tokens of the longest row."""
        return self.present.shape[1]

    @property
    def lengths(self) -> torch.Tensor:
        """How long the row of each token is: (rows, 1)."""
        return self.present.sum(1, keepdim=True)


Layout = Slots | Bounds | Rows


def bounds_of(lengths: NDArray[np.integer]) -> Bounds:
    """Say where sequences of these lengths begin and end, which stand in the batch in the order given."""
    places = np.append(0, np.cumsum(lengths)).astype(np.int32)
    return Bounds(torch.from_numpy(places), int(lengths.max()), int(places[-1]))


def lay_out(lengths: NDArray[np.integer]) -> Slots:
    """Lay out sequences of these lengths, on the CPU; they stand in the batch in the order given."""
    ends = np.cumsum(lengths)
    starts = ends - lengths
    slots, masks = [], []
    homes = np.empty(ends[-1], dtype=np.int64)
    num_slots = 0
    for group in _groups(lengths):
        last = lengths[group, None] - 1
        place = np.arange(last.max() + 1)
        present = place <= last  # (sequences, longest)
        tokens = starts[group, None] + np.minimum(place, last)
        homes[tokens[present]] = num_slots + np.flatnonzero(present)
        num_slots += present.size
        slots.append(tokens.ravel())
        masks.append(torch.from_numpy(present))
    return Slots(torch.from_numpy(np.concatenate(slots)), torch.from_numpy(homes), tuple(masks))


def num_pairs(lengths: NDArray[np.integer]) -> int:
    """Count the pairs of query and key that attention computes for sequences of these lengths, padding included."""
    return sum(len(group) * int(lengths[group].max()) ** 2 for group in _groups(lengths))


def num_slots(lengths: NDArray[np.integer]) -> int:
    """Count the slots of attention for sequences of these lengths, padding included."""
    return sum(len(group) * int(lengths[group].max()) for group in _groups(lengths))


def _groups(lengths: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """Cut the sequences into the shorter half and the longer one."""
    order = np.argsort(lengths, kind="stable")
    return np.array_split(order, 2) if len(order) >= LEAST else [order]
