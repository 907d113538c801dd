"""Reads `parallel`: cuts the parameters of a model among the ranks, where they share it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from bench.training.parallel.base import Parallel
    from bench.training.resolve import Resolved

__all__ = ["cut"]


def cut(
    parallel: Parallel,
    model: nn.Module,
    *,
    layers: Mapping[str, nn.Module],
    params: dict[str, nn.Parameter],
    is_rewritten: dict[nn.Parameter, torch.Tensor | bool],
    resolved: Resolved,
) -> tuple[dict[str, nn.Parameter], dict[nn.Parameter, torch.Tensor | bool]]:
    """Return the parameters that the model had before its transforms, and which a transform changed, as they are from now on.

    Args:
        parallel: Cuts them, or leaves all as it is.
        model: After its transforms.
        layers: Its layers, each of which is gathered as a whole when it runs.
        params: By the names of the view.
        is_rewritten: As `rewrite` returns it.
        resolved: Says what trains in the first step.

    """
    if not parallel.cuts:
        return params, is_rewritten
    trains = resolved.view.params_of(resolved.plan.phases.at(0, resolved.view.num_steps, 0))
    for name, param in params.items():
        param.requires_grad_(name in trains)
    now = parallel.cut(model, layers.values(), {*params.values(), *is_rewritten}, resolved.plan)
    return (
        {name: now.get(param, param) for name, param in params.items()},
        {now.get(param, param): changed for param, changed in is_rewritten.items()},
    )
