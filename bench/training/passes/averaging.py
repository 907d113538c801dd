"""Reads `averaging`: the average of the weights over the steps, which is what is evaluated and kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from bench.training.parallel.base import is_cut
from bench.training.parallel.parts import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import nn

    from bench.plan.callables import Averaging

__all__ = ["AveragedWeights"]


class AveragedWeights:
    """The average of the parameters that train, beside them."""

    def __init__(self, rule: Averaging, params: Iterable[nn.Parameter]) -> None:
        """Begin to average once `rule` says so; until then the weights are their own average."""
        self._rule, self._params = rule, list(params)
        self._average = get_ema_multi_avg_fn(rule.decay) if rule.kind == "exponential" else get_swa_multi_avg_fn()
        self.values: list[torch.Tensor] = []
        """As the parameters, or this rank's parts of them, in fp32 at least, once it has begun: in bf16 a small pull would be rounded away."""
        self._num_averaged = 0
        self._is_in_place = False

    @torch.no_grad()
    def update(self, num_done: int, num_steps: int) -> None:
        """Take the weights in after `num_done` of `num_steps` steps."""
        if num_done <= self._rule.start * num_steps:
            return
        if self.values:
            self._average(self.values, [_exact(local(param)) for param in self._params], self._num_averaged)
        else:
            self.values = [_exact(local(param)).clone() for param in self._params]
        self._num_averaged += 1

    def state(self) -> dict[str, Any]:
        """What another process goes on from."""
        return {"values": self.values, "num_averaged": self._num_averaged}

    def go_on_from(self, state: Mapping[str, Any]) -> None:
        """Be what `state` returned in another process."""
        self._num_averaged = state["num_averaged"]
        self.values = [value.to(param.device) for value, param in zip(state["values"], self._params, strict=False)]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the averaged weights while the context is open; one that is open already stays so."""
        if self._is_in_place or not self.values:
            yield
            return
        raw = [local(param).clone() if is_cut(param) else param.data for param in self._params]
        self._is_in_place = True
        try:
            self._put(self.values)
            yield
        finally:
            self._put(raw)
            self._is_in_place = False

    def _put(self, weights: Iterable[torch.Tensor]) -> None:
        """Let the parameters be these."""
        for param, one in zip(self._params, weights, strict=True):
            if is_cut(param):
                local(param).copy_(one)  # where the ranks gather it from
            else:
                param.data = one.to(param.dtype)


def _exact(weights: torch.Tensor) -> torch.Tensor:
    return weights.to(torch.promote_types(weights.dtype, torch.float32))
