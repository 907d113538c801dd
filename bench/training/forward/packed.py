"""The fast way: the rows of a batch end to end in one, so that nothing outside attention computes padding.

The classifier is called with one token per row, the one whose output counts (the last of a
decoder, the first of an encoder). Its body is called with the whole packed batch instead; where its
last layer ends, the picked tokens alone go on. So final norm, pooler and head are the model's
own, whatever they are, and run once per row.

On a GPU a packed batch ends with a sequence that is no row, which fills it up to a
multiple of `GRAIN` tokens: a GPU chooses its kernels by size, and loading each takes longer than many a step.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.measuring.flops import Extent
from bench.tasks.classification import targets_of
from bench.training.forward.attention import NAME
from bench.training.forward.batch import Batch
from bench.training.forward.last_layer import can_pick, is_within_window, picks_last, run_picked
from bench.training.forward.layout import bounds_of, lay_out, num_pairs
from bench.workload.models.layers import layers_of
from bench.workload.models.load import first_position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.workload.data.dataset import Split

__all__ = ["GRAIN", "PackedForward"]

GRAIN = 64
"""Tokens: no more are filled up than the smallest tiles of a GPU's matmuls compute for nothing anyway."""

_OF_ROWS = {"input_ids", "attention_mask", "position_ids", "token_type_ids", "inputs_embeds"}
"""What a classifier hands to its body that is about rows, not about packed tokens."""


class PackedForward:
    """Runs a classifier on packed rows, and can start above layers whose output is stored."""

    def __init__(
        self,
        outer: nn.Module,
        model: PreTrainedModel,
        *,
        picks_early: bool = True,
        picks_inside: bool = False,
        various_lengths: bool = False,
        fills_up: bool = False,
    ) -> None:
        """Prepare `model`, inside `outer` (itself, or an adapter around it), to be called with packed batches.

        `picks_early` leaves all but the picked tokens behind at the last layer, so that a pooler
        inside the body sees rows; without, that happens where the body ends (GPT-2 needs it).
        `picks_inside` leaves them behind inside the last layer already, if that is one like Llama's.
        `various_lengths` takes kernels for them, which a GPU has, and `fills_up` batches to whole GRAINs.
        """
        self._outer, self._model = outer, model
        self._picks_early, self.various_lengths, self._fills_up = picks_early, various_lengths, fills_up
        self._batch: Batch | None = None
        self._stop_after = 0
        self._in_tuples = False
        self._first_position = first_position(model.config)
        self._has_token_types = hasattr(model.config, "type_vocab_size")
        self._layers = list(layers_of(model))
        self.num_layers = len(self._layers)
        self.picks_inside = picks_inside and can_pick(self._layers[-1])
        self.width: int = model.config.get_text_config().hidden_size
        self.dtype = next(model.parameters()).dtype
        self._picks_last = picks_last(self._layers[0])
        self._plain = model.config._attn_implementation  # noqa: SLF001  (there is no public way to ask)
        model.set_attn_implementation(NAME)
        self._undo: list[Callable[[], None]] = []
        self._undo.append(model.base_model.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
        if not picks_early:
            self._undo.append(model.base_model.register_forward_hook(self._leave).remove)
        for number, layer in enumerate(self._layers):
            self._wrap(layer, number)

    def close(self) -> None:
        """Leave the model as it was."""
        self._model.set_attn_implementation(self._plain)
        for undo in self._undo:
            undo()

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pack the given rows of a split, on the CPU."""
        return self._pack(split, rows, various_lengths=self.various_lengths, fills_up=self._fills_up)

    def plain_batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pack rows so that attention spreads them out, without what fills a batch up."""
        return self._pack(split, rows, various_lengths=False, fills_up=False)

    def _pack(
        self, split: Split, rows: NDArray[np.int64] | Sequence[int], *, various_lengths: bool, fills_up: bool
    ) -> Batch:
        tokens = np.concatenate([split.row(row) for row in rows]).astype(np.int64)
        types = np.zeros_like(tokens)
        if split.token_types is not None:
            types = np.concatenate([split.types_of(row) for row in rows]).astype(np.int64)
        lengths, num_tokens = split.lengths[rows], len(tokens)
        last_position = lengths.max() - 1
        if fills_up and (num_missing := -num_tokens % GRAIN):
            lengths = np.append(lengths, num_missing)
            tokens = np.append(tokens, np.full(num_missing, tokens[0]))
            types = np.append(types, np.zeros_like(tokens, shape=num_missing))
        ends = np.cumsum(lengths)
        starts = ends - lengths
        # What fills a batch up may be longer than any row, and a model has only so many positions.
        positions = np.minimum(np.arange(len(tokens)) - np.repeat(starts, lengths), last_position)
        body = {"input_ids": tokens, "position_ids": positions + self._first_position}
        if self._has_token_types:
            body["token_type_ids"] = types
        picked = ends - 1 if self._picks_last else starts
        return Batch(
            inputs={"input_ids": torch.from_numpy(tokens[picked][:, None])},
            targets=targets_of(split, rows),
            num_tokens=num_tokens,
            num_computed=len(tokens),
            body={name: torch.from_numpy(ids[None]) for name, ids in body.items()},  # each (1, tokens)
            layout=(bounds_of if various_lengths else lay_out)(lengths),
            picked=torch.from_numpy(picked),
        )

    def pooled(self, batch: Batch) -> Batch:
        """Shrink a packed batch to its picked tokens: all that is left to run where the output of every layer is stored."""
        picked = _picked(batch)[: len(batch)]
        return replace(
            batch,
            inputs={name: rows[: len(batch)] for name, rows in batch.inputs.items()},
            body={name: ids[:, picked] for name, ids in batch.body.items()},
            layout=None,
            picked=torch.arange(len(batch)),
        )

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        self._batch = batch
        try:
            logits: torch.Tensor = self._outer(**batch.inputs).logits
        finally:
            self._batch = None
        return logits if len(logits) == len(batch) else logits[: len(batch)]

    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on: attention pads each half of the rows, unless its kernel takes various lengths."""
        if self.various_lengths:
            return Extent.packed(lengths.tolist())
        return Extent.packed(lengths.tolist(), num_pairs=num_pairs(lengths))

    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """Rows, and tokens in whole GRAINs."""
        return len(lengths), -(-int(lengths.sum()) // GRAIN)

    def layered(self) -> PackedForward:
        """A packed model can run its first layers alone."""
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

    def _enter(
        self, _module: nn.Module, _args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[()], dict[str, Any]]:
        """Hand the body the packed rows, where the classifier hands it the picked tokens."""
        batch = self._now()
        others = {name: value for name, value in kwargs.items() if name not in _OF_ROWS}
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
            elif picks and self.picks_inside and is_within_window(layer, kwargs["pack"]):
                hidden, picks = run_picked(layer, args[0], _picked(batch), **kwargs), False
            else:
                output = run(*args, **kwargs)
                self._in_tuples = isinstance(output, tuple)
                hidden, *others = output if self._in_tuples else (output,)
            if picks:
                hidden = _pick(hidden, batch)
            if stops:
                raise _Stopped(hidden.flatten(0, 1))
            return (hidden, *others) if self._in_tuples else hidden

        self._undo.append(partial(setattr, layer, "forward", run))
        layer.forward = forward

    def _leave(self, _module: nn.Module, _args: object, output: Any) -> Any:
        """Hand the classifier one vector per row, where a body must keep its shape to the end."""
        output.last_hidden_state = _pick(output.last_hidden_state, self._now())
        return output


def _pick(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """From (1, tokens, width) to (rows, 1, width)."""
    return hidden.squeeze(0).index_select(0, _picked(batch)).unsqueeze(1)


def _picked(batch: Batch) -> torch.Tensor:
    assert batch.picked is not None
    return batch.picked


class _Stopped(Exception):
    """Carries the output of the first layers out of the model."""

    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__()
        self.hidden = hidden
