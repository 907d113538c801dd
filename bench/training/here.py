"""What a plan asks of a machine, held against this one before any model is loaded."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from bench.errors import Unsupported
from bench.experiment.registry import needs_of
from bench.plan.quiet import quietly
from bench.training.passes.compile import check_compiler
from bench.training.precision import resolve_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.plan.train_plan import Strategy

__all__ = ["import_needed", "what_lacks"]


def what_lacks(asked: Mapping[str, Any]) -> str | None:
    """Say why the device that runs would take by default cannot do what fields of a plan ask; None where it can."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolve_dtype(asked.get("precision", "fp32"), device)
        if asked.get("compile"):
            check_compiler(device)
    except Unsupported as error:
        return str(error)
    return None


def import_needed(strategies: Iterable[Strategy]) -> None:
    """Import the packages of strategies now, whoever imports them later: their code is no memory of training."""
    with quietly():
        for name in dict.fromkeys(chain.from_iterable(map(needs_of, strategies))):
            import_module(name)
