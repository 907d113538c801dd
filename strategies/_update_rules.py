"""What optimizers do with a gradient: those of torch, and own lines for others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import SGD, AdamW, Optimizer

from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Adafactor", "Lion", "Muon", "ScheduleFree", "sgd"]


def sgd(groups: Sequence[dict[str, Any]], *, momentum: float) -> SGD:
    """As torch has it; the decay of weights is a part of the gradient (L2)."""
    # Not fused: that cannot have parameters with momentum beside others without, as where layers train in turn.
    return SGD(groups, momentum=momentum)


class ByParameter(Optimizer):
    """Steps one parameter after the other, with no more memory for passing values than the largest needs."""

    def __init__(self, groups: Sequence[dict[str, Any]]) -> None:
        """Keep `groups` as they are; a rule has no defaults for them."""
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        del closure
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, self.state[param], group["lr"], group["weight_decay"])

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        """Move a parameter; `state` is empty in its first step."""
        raise NotImplementedError


class Lion(ByParameter):
    """The sign of a mean of gradients (Chen et al. 2023, Algorithm 2); the decay of weights is decoupled."""

    def __init__(self, groups: Sequence[dict[str, Any]], *, beta1: float, beta2: float) -> None:
        """Step by `beta1` of the momentum, and keep `beta2` of it."""
        super().__init__(groups)
        self._beta1, self._beta2 = beta1, beta2

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        if not state:
            state["exp_avg"] = torch.zeros_like(param)
        momentum = state["exp_avg"]
        param.mul_(1 - lr * weight_decay).sub_(momentum.lerp(grad, 1 - self._beta1).sign_(), alpha=lr)
        momentum.lerp_(grad, 1 - self._beta2)


class Adafactor(ByParameter):
    """Second moments of matrices from those of rows and columns, and updates that are clipped (Shazeer and Stern 2018, Algorithm 4).

    How the rate goes on is the run's to say, and the decay of weights is decoupled. torch.optim.Adafactor is not used: it puts a floor of 1e-7 under mean
    squares of gradients by default, which those of large models that were clipped are far below, and 1e-30, as in the paper, makes it divide zero by zero.
    """

    DECAY = 0.8
    """Mean squares in step t remember 1 - t ** -DECAY."""
    CLIP = 1.0
    """The largest root mean square of an update."""
    TINY_SQUARE, TINY_SIZE = 1e-30, 1e-3

    def __init__(self, groups: Sequence[dict[str, Any]], *, scale_parameter: bool) -> None:
        """Make updates relative to the size of what they update, where `scale_parameter` says so."""
        super().__init__(groups)
        self._scale_parameter = scale_parameter

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        grad = grad.float()
        state["step"] = state.get("step", 0) + 1
        weight = state["step"] ** -self.DECAY
        if grad.ndim > 1:
            rows = self._mean(state, "rows", _mean_square(grad, -1), weight)
            columns = self._mean(state, "columns", _mean_square(grad, -2), weight)
            update = grad * (rows / rows.mean(-2, keepdim=True)).rsqrt_()
            update.mul_(columns.rsqrt())
        else:
            update = self._mean(state, "all", grad.square(), weight).rsqrt().mul_(grad)
        scale = lr / (_size(update) / self.CLIP).clamp_(min=1.0)
        if self._scale_parameter:
            scale *= _size(param).clamp_(min=self.TINY_SIZE)
        param.mul_(1 - lr * weight_decay).sub_(update.mul_(scale))

    def _mean(self, state: dict[str, Any], name: str, square: torch.Tensor, weight: float) -> torch.Tensor:
        """Take a square into its running mean, in place."""
        mean: torch.Tensor = state.setdefault(name, torch.zeros_like(square))
        return mean.lerp_(square.add_(self.TINY_SQUARE), weight)


def _mean_square(grad: torch.Tensor, dim: int) -> torch.Tensor:
    """The mean of squares along a dimension, which stays, with no memory for the squares."""
    norm: torch.Tensor = torch.linalg.vector_norm(grad, dim=dim, keepdim=True)
    return norm.square().div_(grad.shape[dim])


def _size(values: torch.Tensor) -> torch.Tensor:
    """The root mean square, a scalar that nobody waits for."""
    norm: torch.Tensor = torch.linalg.vector_norm(values.float())
    return norm / math.sqrt(values.numel())


class ScheduleFree(ByParameter):
    """AdamW that averages its steps (Defazio et al. 2024, Algorithm 1).

    While training, a parameter is y, between the average x (`beta1` of it) and z, which takes the steps; evaluated, it is x.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], *, beta1: float, beta2: float) -> None:
        """Begin where all three are the same.

        Raises:
            Unsupported: weights are in half precision, in which the average would stand still.

        """
        if any(param.element_size() < 4 for group in groups for param in group["params"]):  # noqa: PLR2004  (bytes of fp32)
            raise Unsupported(
                "schedule_free averages its steps in the weights themselves, and weights in half precision are too coarse for a step of "
                "an average: leave them in fp32, with amp beside it where time matters"
            )
        super().__init__(groups)
        self._beta1, self._beta2 = beta1, beta2
        self._is_average = False

    def train(self) -> None:
        """Let parameters be y."""
        self._move(is_average=False, share_of_z=1 - self._beta1)

    def eval(self) -> None:
        """Let parameters be x."""
        self._move(is_average=True, share_of_z=1 - 1 / self._beta1)

    @torch.no_grad()
    def _move(self, *, is_average: bool, share_of_z: float) -> None:
        if is_average != self._is_average:
            for param, state in self.state.items():
                param.lerp_(state["z"], share_of_z)
        self._is_average = is_average

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        if not state:
            state |= {"z": param.clone(), "exp_avg_sq": torch.zeros_like(param), "step": 0, "sum_of_weights": 0.0}
        state["step"] += 1
        second = state["exp_avg_sq"].mul_(self._beta2).addcmul_(grad, grad, value=1 - self._beta2)
        rate = lr * math.sqrt(1 - self._beta2 ** state["step"])
        state["sum_of_weights"] += rate**2
        share = rate**2 / (state["sum_of_weights"] or 1.0)  # of this step in the average
        step = grad / second.sqrt().add_(1e-8)
        step.add_(param, alpha=weight_decay)
        param.lerp_(state["z"], share).sub_(step, alpha=rate * (1 - self._beta1 * (1 - share)))
        state["z"].sub_(step, alpha=rate)


class _OfMatrices(ByParameter):
    """Muon (Jordan et al. 2024): momentum, orthogonalised, as large as a step of AdamW (Liu et al. 2025, Equation 4).

    torch.optim.Muon is not used: it rounds to bf16 in runs that are to compute in fp32, which few CPUs do fast.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], *, momentum: float) -> None:
        """Keep `momentum` of what was there, and look ahead by it (Nesterov)."""
        super().__init__(groups)
        self._momentum = momentum

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        if not state:
            state["momentum_buffer"] = torch.zeros_like(param)
        mean = state["momentum_buffer"].lerp_(grad, 1 - self._momentum)
        update = orthogonalised(grad.lerp(mean, self._momentum).float())
        size = 0.2 * math.sqrt(max(param.shape))
        param.mul_(1 - lr * weight_decay).sub_(update, alpha=lr * size)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of a matrix near 1 (0.7 to 1.2), by five steps of Newton and Schulz; a new matrix."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    values = matrix.T if is_tall else matrix
    values = values / torch.linalg.vector_norm(values).clamp(min=1e-30)
    for _ in range(5):
        product = values @ values.T
        polynomial = torch.addmm(product, product, product, beta=-4.7750, alpha=2.0315)
        values = torch.addmm(values, polynomial, values, beta=3.4445)
    return values.T if is_tall else values


class Muon(Optimizer):
    """Muon for the matrices of layers and adapters, and AdamW for all else, whose groups and state are in this one."""

    def __init__(self, groups: Sequence[dict[str, Any]], *, momentum: float, apart: Sequence[str]) -> None:
        """Leave the layers `apart` to AdamW.

        Raises:
            Unsupported: there is no matrix for Muon.

        """
        matrices, rest = (list(_part(groups, apart, of_muon=of_muon)) for of_muon in (True, False))
        if not matrices:
            raise Unsupported("muon is for matrices of layers or adapters, and none trains: it would be AdamW")
        super().__init__([*matrices, *rest], {})
        self._optimizers: list[Optimizer] = [_OfMatrices(matrices, momentum=momentum)]
        if rest:
            self._optimizers.append(AdamW(rest, fused=True))
        for one in self._optimizers:
            one.state = self.state

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Let both take one step."""
        del closure
        for one in self._optimizers:
            one.step()


def _part(groups: Sequence[dict[str, Any]], apart: Sequence[str], *, of_muon: bool) -> Iterator[dict[str, Any]]:
    """The groups with those of their parameters alone that Muon steps, or that it does not."""
    for group in groups:
        entries = zip(group["params"], group["layers"], group["kinds"], strict=True)
        chosen = [
            entry
            for entry in entries
            if (entry[0].ndim == 2 and entry[1] not in apart and entry[2] == "weight") == of_muon  # noqa: PLR2004
        ]
        if chosen:
            params, layers, kinds = map(list, zip(*chosen, strict=True))
            yield {**group, "params": params, "layers": layers, "kinds": kinds}
