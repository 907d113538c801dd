"""The evaluation once more, with the adapters merged into the weights: what the model costs where it is deployed like that.

Only models that can merge and take it back are asked, whoever made them: those with `merge_adapter()` and
`unmerge_adapter()`, as peft's have. The weights are afterwards what they were, bit by bit.
"""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.errors import Unsupported, first_line
from bench.records.record import Flag
from bench.training.evaluation import predict
from bench.training.forward.trial import TOLERANCES
from bench.training.precision import observe_dtypes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from bench.tasks.classification import Predictions
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["Merging", "evaluate_merged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """The evaluation of the merged model, and how long finding it out took."""

    evaluation_seconds: float | None
    """None where there is nothing to merge, and where the merged model would be another one."""
    flags: tuple[Flag, ...]
    seconds: float


def evaluate_merged(prepared: Prepared, split: Split, unmerged: Predictions) -> Merging:
    """Predict the rows of `split` once more with the adapters merged, and hold it against `unmerged`.

    Weights that are stored in few bits are left alone: merging would round them.
    """
    began = time.perf_counter()
    flags: tuple[Flag, ...] = ()
    if prepared.parallel.cuts:
        return Merging(evaluation_seconds=None, flags=(), seconds=0.0)
    try:
        seconds = _seconds(prepared, split, unmerged)
    except Exception as error:  # noqa: BLE001  (the run has its numbers; what an adapter does here may fail in any way)
        seconds, flags = None, (Flag(code="not-merged", message=f"evaluating merged: {first_line(error)}"),)
    return Merging(evaluation_seconds=seconds, flags=flags, seconds=time.perf_counter() - began)


def _seconds(prepared: Prepared, split: Split, unmerged: Predictions) -> float | None:
    model: Any = prepared.model
    if not (hasattr(model, "merge_adapter") and hasattr(model, "unmerge_adapter")):
        return None
    params = _merged_into(model)
    if not all(param.is_floating_point() for param in params):
        return None
    # By averaged adapters, where there are such, and watched as the evaluation was, since that takes time.
    with prepared.evaluating(), _merged(model, params), observe_dtypes(model):
        merged = predict(prepared, split)
    tolerance = max(TOLERANCES[dtype] for dtype in {prepared.precision.dtype, *(param.dtype for param in params)})
    difference = float(np.abs(merged.losses - unmerged.losses).max() / max(1.0, unmerged.losses.max()))
    if difference > tolerance:
        raise Unsupported(f"the loss of a row differs by {difference:.1g} of the largest")
    return merged.seconds


def _merged_into(model: nn.Module) -> list[nn.Parameter]:
    """Find the weights that merging changes: all in modules that can merge."""
    found = (param for module in model.modules() if hasattr(module, "merge") for param in module.parameters())
    return list(dict.fromkeys(found))


@contextmanager
def _merged(model: Any, params: list[nn.Parameter]) -> Iterator[None]:
    """Merge the adapters, and take it back; in the main memory lie copies, as taking it back rounds."""
    before = [param.detach().to("cpu", copy=True) for param in params]
    with warnings.catch_warnings(action="ignore"):
        try:
            model.merge_adapter()
            yield
        finally:
            with suppress(Exception):  # where merging failed half-way
                model.unmerge_adapter()
            with torch.no_grad():
                for param, values in zip(params, before, strict=True):
                    param.copy_(values)
