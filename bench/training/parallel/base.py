"""What the training loop asks of the processes that share a run; it never asks which way they share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.utils import get_total_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from bench.plan.train_plan import TrainPlan

__all__ = ["Parallel", "Whole", "is_cut"]


class Parallel(Protocol):
    """The processes of a run, its ranks, as one of them sees them."""

    @property
    def rank(self) -> int:
        """Which of them this process is; 0 measures, evaluates and keeps what is kept."""
        ...

    @property
    def num_ranks(self) -> int:
        """How many there are."""
        ...

    @property
    def cuts(self) -> bool:
        """Whether each rank has a part of every parameter, so that running the model takes all of them."""
        ...

    def home(self, device: torch.device, /) -> torch.device:
        """Where parameters wait until they are shared, of a run on `device`."""
        ...

    def cut(
        self, model: nn.Module, layers: Iterable[nn.Module], known: Iterable[nn.Parameter], plan: TrainPlan, /
    ) -> Mapping[nn.Parameter, nn.Parameter]:
        """Share the parameters of a model out, and return what stands for each of the `known` ones that are others now."""
        ...

    def passes(self, rows: NDArray[np.int64], size: int | None, /) -> list[tuple[NDArray[np.int64], float]]:
        """Cut the rows of one optimizer step into those of this rank's forward passes, at most `size` in each.

        Beside the rows of a pass stands what their mean loss counts in the mean loss of the whole step. Over all passes
        of all ranks it is 1. Every rank has as many passes as any other.
        """
        ...

    def last_backward(self, params: Iterable[nn.Parameter], /) -> None:
        """Learn that the last backward pass of a step comes now, after which the gradients of `params` are to be sums over the ranks."""
        ...

    def reduce(self, loss: torch.Tensor, mark: Callable[[str], None], /) -> torch.Tensor:
        """See to it, after the pass, that they are, and return the sum of `loss`; marks "communication" if any."""
        ...

    def norm(self, grads: Sequence[torch.Tensor], /) -> torch.Tensor:
        """The joint norm of gradients that were reduced."""
        ...

    def inferring(self) -> AbstractContextManager[object]:
        """Open the context of a forward pass without gradients."""
        ...

    def differ(self, params: Iterable[nn.Parameter], /) -> bool:
        """Whether `params`, which all ranks have whole, are not the same on all of them."""
        ...

    def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
        """Tell all ranks the numbers of each, as many from each, in the order of the ranks."""
        ...


class Whole:
    """What a rank does that has the whole model, alone or beside others."""

    __slots__ = ()
    cuts = False

    def norm(self, grads: Sequence[torch.Tensor], /) -> torch.Tensor:
        """The joint norm of gradients, which are the same on every rank."""
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


def is_cut(tensor: torch.Tensor) -> bool:
    """Whether it is a part of a parameter that other ranks have the rest of."""
    return hasattr(tensor, "full_tensor")
