"""The one process of a run that is not shared: its rows are all rows, and there is nobody to tell anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.utils import get_total_norm

from bench.workload.data.batches import micro_batches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

__all__ = ["Single"]


class Single:
    """Does what a loop without ranks would do, and no operation more."""

    rank, num_ranks, cuts = 0, 1, False

    def passes(self, rows: NDArray[np.int64], size: int | None, /) -> list[tuple[NDArray[np.int64], float]]:
        """All rows, in order."""
        return [(part, len(part) / len(rows)) for part in micro_batches(rows, size)]

    def reduce(self, _params: object, loss: torch.Tensor, _mark: object, /) -> torch.Tensor:
        """Leave the gradients and the loss as they are."""
        return loss

    def norm(self, grads: Sequence[torch.Tensor], /) -> torch.Tensor:
        """The joint norm of gradients."""
        return get_total_norm(grads)

    def cut(self, *_: object) -> Mapping[nn.Parameter, nn.Parameter]:
        """Leave them whole."""
        return {}

    def home(self, device: torch.device, /) -> torch.device:
        """Where it trains."""
        return device

    def inferring(self) -> AbstractContextManager[object]:
        """Without a trace of gradients."""
        return torch.inference_mode()

    def differ(self, _params: object, /) -> bool:
        """Whether it is unlike itself."""
        return False

    def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
        """Return the numbers of the one rank."""
        return [list(numbers)]
