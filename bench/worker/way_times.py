"""How long each way of running a model takes under a strategy, timed in turns after the step of a dry run: no run is billed for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import Unsupported
from bench.training.forward.choose import choose_forward
from bench.training.set_up import try_pass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.training.forward.base import WholeForward
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Data, Split

__all__ = ["NUM_TURNS", "time_ways"]

NUM_TURNS = 3
"""As many must agree that a way is faster."""


def time_ways(
    prepared: Prepared, model: PreTrainedModel, data: Data, steps: Sequence[NDArray[np.int64]], ways: Sequence[Way]
) -> dict[Way, tuple[float, ...]]:
    """Time the first forward and backward pass of each step in every way in which the model runs: seconds of all, by turn.

    A way that the model does not agree with, or that runs out of memory, is left out.

    Args:
        prepared: Has trained, and is left without any way.
        model: As it was loaded, inside that of `prepared`.
        data: Of the run.
        steps: The rows of each.
        ways: To be timed, in this order in every turn.

    """
    if not ways:
        return {}
    prepared.forward.close()
    passes = [prepared.parts(rows)[0] for rows in steps]
    rows = data.train if prepared.prompt is None else prepared.prompt.before(data.train, range(len(data.train)))
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(NUM_TURNS):
        for way in list(seconds):
            try:
                forward, why_not = choose_forward(
                    prepared.model, model, rows, data.pad_token_id, prepared.precision, way=way, forced=True
                )
            except (Unsupported, torch.OutOfMemoryError) as error:
                why_not = str(error)
            if why_not is None:
                try:
                    seconds[way].append(_timed(_in_way(prepared, forward, data.train, passes), data.train, passes))
                except (Unsupported, torch.OutOfMemoryError) as error:
                    why_not = str(error)
                forward.close()
            if why_not is not None:
                del seconds[way]
    return {way: tuple(turns) for way, turns in seconds.items()}


def _in_way(prepared: Prepared, forward: WholeForward, split: Split, passes: Sequence[NDArray[np.int64]]) -> Prepared:
    """Run the model so, above its stored layers where it has such: what they would have put out is zeros here."""
    if prepared.cache is None:
        return replace(prepared, forward=forward)
    cached = prepared.cache.forward.on(forward.layered())
    rows = np.unique(np.concatenate(passes))
    cached.start_from(torch.zeros(int(cached.num_vectors(split, rows).sum()), cached.width), split, rows)
    return replace(prepared, forward=cached)


def _timed(prepared: Prepared, split: Split, passes: Sequence[NDArray[np.int64]]) -> float:
    for rows in passes:
        try_pass(prepared, split, rows)  # which loads kernels
    began = _now(prepared.device)
    for rows in passes:
        try_pass(prepared, split, rows)
    return _now(prepared.device) - began


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
