"""Where the sequences of a packed batch stand, and how attention spreads them out.

Rows of unlike length would be padded to the longest of them all. So attention takes a packed batch in two
groups, the shorter half of the sequences and the longer one, and pads each to its own longest.
There are always two, whatever it saves: compiled code is made for a number of groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Layout", "lay_out", "num_pairs"]

LEAST = 4
"""Sequences that are two groups: compiled code is not made for a group of one."""


class Layout(NamedTuple):
    """The places of tokens in a packed batch and in the rows of attention, which are slots end to end."""

    slots: torch.Tensor  # (slots,): the token in each slot; one beyond the end of its sequence repeats the last
    homes: torch.Tensor  # (tokens,): the slot of each token
    masks: tuple[torch.Tensor, ...]
    """Of each group (sequences, longest): whether a slot is the home of a token."""
    bounds: torch.Tensor | None = None
    """(sequences + 1,), int32: where sequences begin and the last ends, if varlen attention may be used."""

    @property
    def longest(self) -> int:
        """The tokens of the longest sequence."""
        return self.masks[-1].shape[1]

    @property
    def lengths(self) -> torch.Tensor:
        """How long the sequence of each token is: (tokens,)."""
        of_slots = [present.sum(1, keepdim=True).expand_as(present).flatten() for present in self.masks]
        return torch.cat(of_slots).index_select(0, self.homes)

    def to(self, device: torch.device) -> Layout:
        """Copy the layout to `device`."""
        slots, homes, *masks = (part.to(device, non_blocking=True) for part in (self.slots, self.homes, *self.masks))
        bounds = None if self.bounds is None else self.bounds.to(device, non_blocking=True)
        return Layout(slots, homes, tuple(masks), bounds)


def lay_out(lengths: NDArray[np.integer], *, with_bounds: bool = False) -> Layout:
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
    return Layout(
        torch.from_numpy(np.concatenate(slots)),
        torch.from_numpy(homes),
        tuple(masks),
        torch.from_numpy(np.append(0, ends).astype(np.int32)) if with_bounds else None,
    )


def num_pairs(lengths: NDArray[np.integer]) -> int:
    """Count the pairs of query and key that attention computes for sequences of these lengths, padding included."""
    return sum(len(group) * int(lengths[group].max()) ** 2 for group in _groups(lengths))


def _groups(lengths: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """Cut the sequences into the shorter half and the longer one."""
    order = np.argsort(lengths, kind="stable")
    return np.array_split(order, 2) if len(order) >= LEAST else [order]
