"""Packed where the model agrees, padded where it does not, on the side that it bears; refused where rows change each other."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import ModelError, Unsupported, first_line
from bench.training.forward.attention import watched
from bench.training.forward.kernel_trial import kernels_differ, kernels_for
from bench.training.forward.packed import PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.forward.various_lengths import NoKernel
from bench.training.precision import is_mixed
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.attention import Asked
    from bench.training.forward.base import Forward, WholeForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

    ForwardChoice = Callable[[nn.Module, PreTrainedModel, Split, int, Precision], tuple[WholeForward, str | None]]
    """The call of `choose_forward`."""

__all__ = ["ForwardChoice", "choose_forward", "pack_where"]

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""By the type that is computed in: how far the logits of a row may be from those of the row alone, relative to the largest."""
MOST_TOKENS = 2048
"""In a pack that is tried for being longer than the model's positions; a model with more of them is hardly packed so far."""


PICKS = ((True, True), (True, False), (False, False))
"""Early, and inside the last layer: the least work first."""


def choose_forward(
    outer: nn.Module, model: PreTrainedModel, split: Split, pad_token_id: int, precision: Precision
) -> tuple[WholeForward, str | None]:
    """Pack if the packed model's logits are those of the plain one on each row alone; else pad, and say why.

    Args:
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        split: Any rows; some of them, from the shortest to the longest, are tried.
        pad_token_id: Of the model's tokenizer.
        precision: In which the kernels for various lengths have to do as well, gradients included.

    Raises:
        Unsupported: the logits of a row change with the rows beside it, however they are put together.

    """
    padded = PaddedForward(outer, pad_token_id)
    with _in_eval_mode(outer):
        trial = _Trial(outer, split, _sample(split, pad_token_id), precision)
        alone = trial.alone(padded)
        if not alone.isfinite().all():
            return padded, "its logits are no finite numbers"
        packed = _packed(trial, model, alone, precision)
        if isinstance(packed, PackedForward):
            return packed, None
        reasons: list[str] = []
        for side in ("right", "left"):
            way = PaddedForward(outer, pad_token_id, on_the_left=side == "left")
            reason = _disagreement(trial.attempt(way), alone, trial.dtype, f"padded on the {side}")
            if not reason:
                return way, f"{packed}; on the left, for {reasons[0]}" if reasons else packed
            reasons.append(reason)
        if trial.dtype != torch.float32:  # whose rounding alone may be that much in a deep model: fp32 tells
            return padded, f"{packed}; {reasons[0]}"
        cause = _disagreement(trial.alone(padded), alone, trial.dtype, "called once more")
    told = f"{cause}: it computes by chance" if cause else f"{'; '.join(reasons)}: it mixes the rows of a batch"
    raise Unsupported(f"{type(model).__name__} cannot be trained on batches of rows of various lengths: {told}")


@dataclass(frozen=True, slots=True)
class _Trial:
    """A model that is asked for some rows, in one way or another."""

    outer: nn.Module
    split: Split
    rows: NDArray[np.int64]
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """That it computes in: of its weights, or of the autocast that several types need."""
        floating = (param.dtype for param in self.outer.parameters() if param.is_floating_point())
        return self.precision.dtype if is_mixed(self.outer) else next(floating)

    @torch.no_grad()
    def logits(self, forward: Forward, rows: NDArray[np.int64]) -> torch.Tensor:
        """Run the model on a batch: (rows, labels)."""
        batch = forward.batch(self.split, rows).to(next(self.outer.parameters()).device)
        with self.precision.forward() if is_mixed(self.outer) else nullcontext():
            return forward.logits(batch).float()

    def train(self, forward: Forward, rows: NDArray[np.int64]) -> None:
        """Run the model on a batch as in training, which raises where there is no kernel with dropout."""
        self.outer.train()
        try:
            self.logits(forward, rows)
        finally:
            self.outer.eval()

    def alone(self, padded: PaddedForward) -> torch.Tensor:
        """Run the model on each row in a batch of its own, without any padding."""
        try:
            return torch.cat([self.logits(padded, row) for row in self.rows[:, None]])
        except (IndexError, RuntimeError) as error:
            if "memory" in str(error):
                raise
            self.logits(padded, self.rows[:1])  # what does not run on the shortest text is not too long for it
            longest = int(self.split.lengths[self.rows].max())
            msg = f"the model does not run on a text of {longest} tokens ({first_line(error)}); give a smaller --max-length"
            raise Unsupported(msg) from error

    def attempt(self, forward: Forward) -> torch.Tensor | str:
        """Run the model on all rows together, or say why it does not run; no other way would mend a want of memory."""
        try:
            return self.logits(forward, self.rows)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            if "memory" in str(error):
                raise
            return first_line(error)


def _sample(split: Split, pad_token_id: int) -> NDArray[np.int64]:
    """Take rows from the shortest to the longest, and one that ends like padding if there is any."""
    order = np.argsort(split.lengths, kind="stable")
    num = len(order)
    picks = [order[place] for place in (0, num // 4, num // 2, 3 * num // 4, num - 1)]
    ends = np.flatnonzero(split.tokens[split.offsets[1:] - 1] == pad_token_id)
    return np.array(list(dict.fromkeys([*picks[:-1], *ends[:1], picks[-1]])), dtype=np.int64)


def _packed(trial: _Trial, model: PreTrainedModel, alone: torch.Tensor, precision: Precision) -> PackedForward | str:
    """Find the packed way with the least work that agrees, or say why there is none."""
    kernels = kernels_for(trial.outer)
    in_its_precision, is_another = alone, precision.dtype not in {torch.float32, trial.dtype}
    if kernels[0] and is_another:
        with precision.forward():
            in_its_precision = trial.alone(PaddedForward(trial.outer, 0))
    num_times = _num_times(model, int(trial.split.lengths[trial.rows].sum()))
    pack = np.tile(trial.rows, num_times)

    def differs(packed: PackedForward, asked: Asked) -> str:
        reason = ""
        with suppress(NoKernel) if is_another else nullcontext():
            reason = _disagreement(trial.logits(packed, pack), alone.repeat(num_times, 1), trial.dtype, "packed")
        if not packed.various_lengths or reason:
            return reason
        with precision.forward():
            if is_another:
                asked.calls.clear()
                found = trial.logits(packed, pack)
                reason = _disagreement(found, in_its_precision.repeat(num_times, 1), precision.dtype, "packed")
            reason = reason or kernels_differ(asked, TOLERANCES)
            trial.train(packed, pack)
        return reason

    return pack_where(differs, trial.outer, model, kernels)


def pack_where(
    differs: Callable[[PackedForward, Asked], str], outer: nn.Module, model: PreTrainedModel, kernels: Sequence[bool]
) -> PackedForward | str:
    """Find the packed way with the least work that `differs` has nothing against, or say why there is none.

    Args:
        differs: Runs the model packed; says what is wrong with what comes out, or raises what comes in the way.
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        kernels: As `kernels_for` returns them.

    """
    if not model._can_set_attn_implementation():  # noqa: SLF001  (there is no public way to ask)
        return "its attention is not one of those that transformers lets one choose"
    reason = ""
    for various_lengths, (picks_early, picks_inside) in product(kernels, PICKS):
        try:
            packed = PackedForward(
                outer,
                model,
                picks_early=picks_early,
                picks_inside=picks_inside,
                various_lengths=various_lengths,
                fills_up=kernels[0],
            )
        except ModelError as error:
            return str(error)
        try:
            with watched() as asked:
                reason = differs(packed, asked)
            reason = reason or _unasked(model, asked.modules, but_last=packed.picks_inside)
        except Exception as error:  # noqa: BLE001  (a body or kernel that was not made for packs may fail in any way)
            reason = first_line(error)
        if not reason:
            return packed
        packed.close()
    return reason


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


def _disagreement(found: torch.Tensor | str, alone: torch.Tensor, dtype: torch.dtype, how: str) -> str:
    """Say by how much logits differ, if it is too much for the type that they were computed in."""
    if isinstance(found, str):
        return found
    difference = float((found - alone).abs().max() / alone.abs().max().clamp_min(torch.finfo(torch.float32).tiny))
    if difference <= TOLERANCES[dtype]:
        return ""
    return f"{how}, the logits of a row differ by {difference:.1g} of the largest from those of the row alone"


@contextmanager
def _in_eval_mode(outer: nn.Module) -> Iterator[None]:
    training = outer.training
    outer.eval()
    devices = range(torch.cuda.device_count()) if next(outer.parameters()).is_cuda else ()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        outer.train(training)
