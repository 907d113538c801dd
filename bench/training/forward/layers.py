"""What the ways have in common that know a model's layers: they pick tokens above the last, stop below one, and start above it.

The classifier is called with one token per row, the one whose output counts (the last of a
decoder, the first of an encoder). Its body is called with all tokens of the batch instead; where its
last layer ends, the picked tokens alone go on. So final norm, pooler and head are the model's
own, whatever they are, and run once per row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from bench.training.forward.attention import NAME
from bench.training.forward.last_layer import can_pick, is_within_window, picks_last, run_picked
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.measuring.flops import Extent
    from bench.training.forward.batch import Batch
    from bench.training.forward.layout import Layout
    from bench.workload.data.dataset import Split

__all__ = ["LayersForward"]

_OF_ROWS = {"input_ids", "attention_mask", "position_ids", "token_type_ids", "inputs_embeds"}
"""What a classifier hands to its body that is about its rows, not about the tokens of the batch."""


class LayersForward(ABC):
    """Runs a classifier layer by layer, and can start above layers whose output is stored."""

    various_lengths = False
    """Whether attention is by kernels for various lengths."""
    _of_picked: ClassVar[tuple[int, int]]
    """The shape of picked tokens in a batch of them alone."""

    def __init__(
        self, outer: nn.Module, model: PreTrainedModel, *, picks_early: bool = True, picks_inside: bool = False
    ) -> None:
        """Prepare `model`, inside `outer` (itself, or an adapter around it), to be called with such batches.

        `picks_early` leaves all but the picked tokens behind at the last layer, so that a pooler
        inside the body sees rows; without, that happens where the body ends (GPT-2 needs it).
        `picks_inside` leaves them behind inside the last layer already, if that is one like Llama's.
        """
        self._outer, self._model, self._picks_early = outer, model, picks_early
        self._batch: Batch | None = None
        self._stop_after = 0
        self._in_tuples = False
        self._has_token_types = hasattr(model.config, "type_vocab_size")
        self._layers = list(layers_of(model))
        self.num_layers = len(self._layers)
        self.width: int = model.config.get_text_config().hidden_size
        self.dtype = next(model.parameters()).dtype
        self._picks_last = picks_last(self._layers[0])
        self.picks_inside = picks_inside and can_pick(self._layers[-1])
        self._undo: list[Callable[[], None]] = []
        plain = model.config._attn_implementation  # noqa: SLF001  (there is no public way to ask)
        model.set_attn_implementation(NAME)
        self._undo.append(partial(model.set_attn_implementation, plain))
        self._undo.append(model.base_model.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
        if not picks_early:
            self._undo.append(model.base_model.register_forward_hook(self._leave).remove)
        for number, layer in enumerate(self._layers):
            self._wrap(layer, number)

    def close(self) -> None:
        """Leave the model as it was."""
        for undo in self._undo:
            undo()

    @abstractmethod
    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows together, on the CPU."""

    @abstractmethod
    def plain_batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows together without what a device's kernels ask for."""

    @abstractmethod
    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on, on rows of these lengths."""

    @abstractmethod
    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """What a GPU chooses its kernels by."""

    @abstractmethod
    def _stored(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Take the vectors of tokens, (tokens, width), out of what a layer returns."""

    @abstractmethod
    def _placed(self, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Put the vectors of tokens, (tokens, width), where a layer returns them."""

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        self._batch = batch
        try:
            logits: torch.Tensor = self._outer(**batch.inputs).logits
        finally:
            self._batch = None
        return logits if len(logits) == len(batch) else logits[: len(batch)]

    def layered(self) -> Self:
        """Such a model can run its first layers alone."""
        return self

    def prefix(self, batch: Batch, num_layers: int) -> torch.Tensor:
        """Run the first layers alone: (tokens, width), or (rows, width) of the picked tokens where that is all layers."""
        self._stop_after = num_layers
        try:
            self.logits(batch)
        except _Stopped as stopped:
            return stopped.hidden
        finally:
            self._stop_after = 0
        raise RuntimeError("the model ended without running its layers")

    def above(self, batch: Batch, vectors: torch.Tensor, num_layers: int) -> Batch:
        """Let a batch start above the first layers, with `vectors` as `prefix` returns them."""
        vectors = vectors.to(self.dtype)
        if num_layers == self.num_layers:
            batch = self._pooled(batch)
            prefix = vectors.view(*self._of_picked, vectors.shape[1])
        else:
            prefix = self._placed(vectors, batch)
        return replace(batch, prefix=prefix, num_stored_layers=num_layers)

    def _pooled(self, batch: Batch) -> Batch:
        """Shrink a batch to its picked tokens: all that is left to run where the output of every layer is stored."""
        picked = _picked(batch)[: len(batch)]
        return replace(
            batch,
            inputs={name: rows[: len(batch)] for name, rows in batch.inputs.items()},
            body={
                name: ids.flatten().index_select(0, picked).view(self._of_picked) for name, ids in batch.body.items()
            },
            layout=None,
            picked=torch.arange(len(batch)),
        )

    def _enter(
        self, _module: nn.Module, _args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[()], dict[str, Any]]:
        """Hand the body all tokens, where the classifier hands it the picked ones."""
        others = {name: value for name, value in kwargs.items() if name not in _OF_ROWS}
        batch = self._now()
        return (), {**others, **batch.body, "pack": batch.layout}

    def _now(self) -> Batch:
        """The batch that is run: a body that anything else calls would mix sequences, or find none."""
        if self._batch is None:
            raise RuntimeError("this model runs on packs; call it through bench.training.forward")
        return self._batch

    def _wrap(self, layer: nn.Module, number: int) -> None:
        """Let a layer return what is stored of it, and the last one compute the picked tokens alone."""
        run: Callable[..., Any] = layer.forward
        is_last = number == self.num_layers - 1

        def forward(*args: Any, **kwargs: Any) -> Any:
            batch, stops = self._now(), number + 1 == self._stop_after
            picks = is_last and (self._picks_early or stops)
            others: Sequence[Any] = ()
            if batch.prefix is not None and number < batch.num_stored_layers:
                hidden = batch.prefix
            elif picks and self.picks_inside and is_within_window(layer, layout := _layout(batch)):
                hidden, picks = run_picked(layer, args[0], _picked(batch), layout, **kwargs), False
            else:
                output = run(*args, **kwargs)
                self._in_tuples = isinstance(output, tuple)
                hidden, *others = output if self._in_tuples else (output,)
            if picks:
                hidden = _pick(hidden, batch)
            if stops:
                raise _Stopped(hidden.flatten(0, 1) if is_last else self._stored(hidden, batch))
            return (hidden, *others) if self._in_tuples else hidden

        self._undo.append(partial(setattr, layer, "forward", run))
        layer.forward = forward

    def _leave(self, _module: nn.Module, _args: object, output: Any) -> Any:
        """Hand the classifier one vector per row, where a body must keep its shape to the end."""
        output.last_hidden_state = _pick(output.last_hidden_state, self._now())
        return output


def _picked(batch: Batch) -> torch.Tensor:
    """Say which tokens of a batch are picked: (rows of the inputs,), counted through all rows of the body."""
    assert batch.picked is not None
    return batch.picked


def _layout(batch: Batch) -> Layout:
    """Say where the tokens of a batch stand."""
    assert batch.layout is not None
    return batch.layout


def _pick(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """From (rows of the body, tokens, width) to (rows, 1, width)."""
    return hidden.flatten(0, 1).index_select(0, _picked(batch)).unsqueeze(1)


class _Stopped(Exception):
    """Carries the output of the first layers out of the model."""

    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__()
        self.hidden = hidden
