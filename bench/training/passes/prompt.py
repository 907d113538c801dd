"""Reads `prompt_tokens`: vectors that stand before the text of every row, and learn.

They are the embeddings of tokens beyond the vocabulary. So a row with its prompt is a row like any other, which is
packed, padded, timed and counted as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn

from bench.errors import Unsupported
from bench.training.forward.last_layer import picks_last
from bench.workload.data.dataset import Split
from bench.workload.models.layers import layers_of
from bench.workload.models.load import num_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

__all__ = ["Prompt", "PromptedEmbedding", "add_prompt"]


def add_prompt(model: PreTrainedModel, num_tokens: int, split: Split) -> Prompt:
    """Let the model have embeddings of so many tokens of a prompt, which start as those of the commonest in `split`.

    Args:
        model: Its table of embeddings is put into one that knows the prompt; transforms may have changed it already.
        num_tokens: Of the prompt.
        split: The training rows.

    Raises:
        Unsupported: the table cannot be found.

    """
    try:
        table = cast("nn.Embedding", model.get_input_embeddings())
    except NotImplementedError:
        raise Unsupported("prompt_tokens: transformers does not know where this model looks up its tokens") from None
    counts = np.bincount(split.tokens)
    common = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    model.set_input_embeddings(PromptedEmbedding(table, np.resize(common, num_tokens)))
    return Prompt(
        ids=np.arange(num_tokens, dtype=np.int32) + len(table.weight),
        place=0 if picks_last(layers_of(model)[0]) else 1,
        most=num_positions(model.config),
    )


class PromptedEmbedding(nn.Module):
    """A table of embeddings, and beyond its last row those of a prompt, in a parameter of their own."""

    def __init__(self, table: nn.Embedding, start: NDArray[np.integer]) -> None:
        """Continue `table` with a prompt whose tokens start as those of the ids `start`."""
        super().__init__()
        self.table = table
        with torch.no_grad():
            self.prompt = nn.Parameter(table.weight[torch.from_numpy(start)].clone())  # (prompt tokens, width)

    @property
    def weight(self) -> nn.Parameter:
        """Of the table, for whoever asks a model for it."""
        return cast("nn.Parameter", self.table.weight)

    def merge_and_unload(self) -> nn.Embedding:
        """Return a plain table, in which the rows of the prompt follow those of the vocabulary."""
        rows = torch.cat([self.weight, self.prompt.to(self.weight.dtype)]).detach()
        plain: nn.Embedding = nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=self.table.padding_idx)
        return plain

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Look up tokens of the vocabulary and of the prompt: (..., width)."""
        beyond = ids - len(self.weight)
        is_prompt = beyond >= 0
        known: torch.Tensor = self.table(ids.masked_fill(is_prompt, 0))
        learnt = nn.functional.embedding(beyond.clamp(min=0), self.prompt)
        return torch.where(is_prompt.unsqueeze(-1), learnt.to(known.dtype), known)


class Prompt:
    """The tokens of a prompt, to be put into rows."""

    def __init__(self, *, ids: NDArray[np.int32], place: int, most: int | None) -> None:
        """Stand after the first `place` tokens of a row, which has `most` tokens then at most.

        A model that takes the output of its first token for a row keeps it in front.
        """
        self.ids, self.place, self._most = ids, place, most

    def before(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Split:
        """Return these rows alone, each with the prompt.

        Raises:
            Unsupported: a row is too long for it.

        """
        lengths, num = split.lengths[rows], len(self.ids)
        if self._most is not None and lengths.max() + num > self._most:
            msg = (
                f"a row of {lengths.max()} tokens and a prompt of {num} are more than the {self._most} tokens that this "
                f"model takes; give {'a shorter prompt' if num >= self._most else f'--max-length {self._most - num}'}"
            )
            raise Unsupported(msg)
        ends = np.cumsum(lengths)
        places = np.repeat(ends - lengths + self.place, num)
        tokens = np.concatenate([split.row(row) for row in rows])
        types = None
        if split.token_types is not None:
            types = np.insert(np.concatenate([split.types_of(row) for row in rows]), places, 0)
        return Split(
            tokens=np.insert(tokens, places, np.tile(self.ids, len(lengths))),
            offsets=np.concatenate([[0], ends + num * np.arange(1, len(lengths) + 1)]).astype(np.int64),
            labels=split.labels[rows],
            token_types=types,
        )
