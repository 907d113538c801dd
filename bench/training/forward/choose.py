"""The way that was asked for where the model agrees, padded where it does not, on the side that it bears; refused where rows change each other."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from bench.errors import ModelError, Unsupported, first_line
from bench.training.forward.attention import watched
from bench.training.forward.kernel_trial import kernels_differ, kernels_for
from bench.training.forward.packed import PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.forward.rows import RowsForward
from bench.training.forward.trial import TOLERANCES, Trial, disagreement, in_eval_mode, sample
from bench.training.forward.various_lengths import NoKernel
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.training.forward.attention import Asked
    from bench.training.forward.base import WholeForward
    from bench.training.forward.layers import LayersForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["ForwardChoice", "candidates_for", "choose_forward", "first_that_agrees", "not_by"]


class ForwardChoice(Protocol):
    """The call of `choose_forward` where it falls back."""

    def __call__(
        self,
        outer: nn.Module,
        model: PreTrainedModel,
        split: Split,
        pad_token_id: int,
        precision: Precision,
        /,
        *,
        way: Way | None = None,
    ) -> tuple[WholeForward, str | None]:
        """Find how to run the model, and why it is padded where that was not asked for."""
        ...


MOST_TOKENS = 2048
"""In a pack that is tried for being longer than the model's positions; a model with more of them is hardly packed so far."""

PICKS = ((True, True), (True, False), (False, False))
"""Early, and inside the last layer: the least work first."""

_NO_KERNELS = "the kernels for various lengths are of GPUs"


def choose_forward(
    outer: nn.Module,
    model: PreTrainedModel,
    split: Split,
    pad_token_id: int,
    precision: Precision,
    *,
    way: Way | None = None,
    forced: bool = False,
) -> tuple[WholeForward, str | None]:
    """Run the model in a way if its logits are then those of the plain one on each row alone; else pad, and say why.

    Args:
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        split: Any rows; some of them, from the shortest to the longest, are tried.
        pad_token_id: Of the model's tokenizer.
        precision: In which the kernels for various lengths have to do as well, gradients included.
        way: To try; None packs. Where the kernels for various lengths do not serve, packs are spread.
        forced: Whether no other way will do.

    Raises:
        Unsupported: the logits of a row change with the rows beside it, however they are put together; or the model cannot
            be run in the way that is forced.

    """
    padded = PaddedForward(outer, pad_token_id)
    with in_eval_mode(outer):
        trial = Trial(outer, split, sample(split, pad_token_id), precision)
        alone = trial.alone(padded)
        if not alone.isfinite().all():
            return padded, "its logits are no finite numbers"
        asked = way == "padded"
        found = "" if asked else _by_layers(trial, model, alone, pad_token_id, way, forced=forced)
        if not isinstance(found, str):
            return found, None
        if forced and not asked:
            raise not_by(way, model, found)
        reasons: list[str] = []
        for side in ("right", "left"):
            forward = PaddedForward(outer, pad_token_id, on_the_left=side == "left")
            reason = disagreement(trial.attempt(forward), alone, trial.dtype, f"padded on the {side}")
            if not reason:
                return forward, None if asked else "; on the left, for ".join([found, *reasons])
            reasons.append(reason)
        if trial.dtype != torch.float32:  # whose rounding alone may be that much in a deep model: fp32 tells
            return padded, "; ".join(filter(None, (found, reasons[0])))
        cause = disagreement(trial.alone(padded), alone, trial.dtype, "called once more")
    told = f"{cause}: it computes by chance" if cause else f"{'; '.join(reasons)}: it mixes the rows of a batch"
    raise Unsupported(f"{type(model).__name__} cannot be trained on batches of rows of various lengths: {told}")


def not_by(way: Way | None, model: PreTrainedModel, why: str) -> Unsupported:
    """Say that a model cannot be run in the one way that will do."""
    return Unsupported(f"{type(model).__name__} cannot be run by --way {way}: {why}")


def candidates_for(
    outer: nn.Module, model: PreTrainedModel, pad_token_id: int, way: Way | None, *, forced: bool = False
) -> Sequence[Callable[[], LayersForward]] | str:
    """List what to try for a way, the least work first, or say why there is nothing.

    Args:
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        pad_token_id: Of the model's tokenizer.
        way: None packs. Without kernels for various lengths, packs are spread, unless that way is `forced`.
        forced: Whether no other way will do.

    """
    if not model._can_set_attn_implementation():  # noqa: SLF001  (there is no public way to ask)
        return "its attention is not one of those that transformers lets one choose"
    if way == "rows":
        by_rows = partial(RowsForward, outer, model, pad_token_id)
        return [partial(by_rows, picks_early=early, picks_inside=inside) for early, inside in PICKS]
    has_kernels, *_ = there = kernels_for(outer)
    if way == "packed-spread":
        there = (False,)
    elif way == "packed-varlen" and forced:
        if not has_kernels:
            return _NO_KERNELS
        there = (True,)
    return [
        partial(
            PackedForward,
            outer,
            model,
            picks_early=early,
            picks_inside=inside,
            various_lengths=various_lengths,
            fills_up=has_kernels,
        )
        for various_lengths in there
        for early, inside in PICKS
    ]


def first_that_agrees(
    candidates: Sequence[Callable[[], LayersForward]] | str,
    model: PreTrainedModel,
    differs: Callable[[LayersForward, Asked], str],
) -> LayersForward | str:
    """Find the first candidate that `differs` has nothing against, or say why there is none.

    Args:
        candidates: As `candidates_for` lists them.
        model: The classifier of transformers inside.
        differs: Runs the model so; says what is wrong with what comes out, or raises what comes in the way.

    """
    if isinstance(candidates, str):
        return candidates
    reason = ""
    for candidate in candidates:
        try:
            forward = candidate()
        except ModelError as error:
            return str(error)
        try:
            with watched() as asked:
                reason = differs(forward, asked)
            reason = reason or _unasked(model, asked.modules, but_last=forward.picks_inside)
        except Exception as error:  # noqa: BLE001  (a body or kernel that was not made for packs may fail in any way)
            reason = first_line(error)
        if not reason:
            return forward
        forward.close()
    return reason


def _by_layers(
    trial: Trial, model: PreTrainedModel, alone: torch.Tensor, pad_token_id: int, way: Way | None, *, forced: bool
) -> LayersForward | str:
    """Find how the model runs in this way with the least work and agrees, or say why it does not."""
    precision = trial.precision
    in_its_precision, is_another = alone, precision.dtype not in {torch.float32, trial.dtype}
    if is_another and way in {None, "packed-varlen"} and kernels_for(trial.outer)[0]:
        with precision.forward():
            in_its_precision = trial.alone(PaddedForward(trial.outer, pad_token_id))
    how = "by rows" if way == "rows" else "packed"
    num_times = 1 if way == "rows" else _num_times(model, int(trial.split.lengths[trial.rows].sum()))
    batch = np.tile(trial.rows, num_times)

    def differs(forward: LayersForward, asked: Asked) -> str:
        reason = ""
        with suppress(NoKernel) if is_another else nullcontext():
            reason = disagreement(trial.logits(forward, batch), alone.repeat(num_times, 1), trial.dtype, how)
        if not forward.various_lengths or reason:
            return reason
        with precision.forward():
            if is_another:
                asked.calls.clear()
                found = trial.logits(forward, batch)
                reason = disagreement(found, in_its_precision.repeat(num_times, 1), precision.dtype, how)
            reason = reason or kernels_differ(asked, TOLERANCES)
            trial.train(forward, batch)
        return reason

    return first_that_agrees(candidates_for(trial.outer, model, pad_token_id, way, forced=forced), model, differs)


def _num_times(model: PreTrainedModel, num_tokens: int) -> int:
    """Count how often rows of so many tokens are to stand in a pack to be more than the model has positions."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 0
    return positions // num_tokens + 1 if positions <= MOST_TOKENS else 1


def _unasked(model: PreTrainedModel, asked: list[nn.Module], *, but_last: bool) -> str:
    """Name a layer that lets tokens see each other in a way of its own: so little that it did not show may become much."""
    layers = list(layers_of(model))
    for number, layer in enumerate(layers[: len(layers) - but_last]):
        if not any(module is one for module in layer.modules() for one in asked):
            return f"its layer {number} has no attention that can be told where rows end"
    return ""
