"""An embedding table that keeps gradients and optimizer state for the tokens of the training rows alone.

Most tokens of a vocabulary are in no training row. The gradient of their embeddings is zero in every
step, and AdamW changes them by weight decay and nothing else. So they need neither gradient
nor optimizer state, which are much of a small model's: the rows that learn stand in a parameter of
their own, and are written back into the model's table after every step. The table is
complete at any time, and what is learnt is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.errors import Unsupported

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from bench.workload.data.dataset import Split

__all__ = ["SeenRows", "split_table"]

MAX_SEEN_SHARE = 1 / 2
"""Of the vocabulary: where the training rows have more of it, too little is saved."""


def split_table(
    outer: nn.Module, model: PreTrainedModel, split: Split, pad_token_id: int, *, rate_of: dict[nn.Parameter, float]
) -> SeenRows:
    """Let the embeddings of the tokens of `split`, and of padding, learn apart.

    Args:
        outer: What is called: the model itself, or an adapter around it; on its device already.
        model: The classifier of transformers inside.
        split: The training rows.
        pad_token_id: Of the model's tokenizer.
        rate_of: Every parameter that trains at some time, in the order of the model; the rows take the place of the whole table.

    Raises:
        Unsupported: it cannot be done for this model, or would save too little.

    """
    try:
        table = model.get_input_embeddings()
    except NotImplementedError:
        raise _cannot("transformers does not know where this model looks up its tokens") from None
    if type(table) is not nn.Embedding:
        raise _cannot(f"the model's embedding table is a {type(table).__name__}, not a plain nn.Embedding")
    if table.max_norm is not None or table.scale_grad_by_freq or table.sparse:
        raise _cannot("the model's embedding table sets max_norm, scale_grad_by_freq or sparse")
    if table.weight not in rate_of:
        raise _cannot("the model's embedding table does not train")
    users = [name for name, module in outer.named_modules() if any(p is table.weight for p in module.parameters(False))]  # noqa: FBT003
    if len(users) > 1:
        raise _cannot(f"the embedding table is shared by {' and '.join(users)}, where every token is in use")
    tokens = np.union1d(split.tokens, [pad_token_id, *([] if table.padding_idx is None else [table.padding_idx])])
    if len(tokens) > MAX_SEEN_SHARE * table.num_embeddings:
        raise _cannot(
            f"the training rows have {len(tokens):,} of the {table.num_embeddings:,} tokens, over half of them"
        )
    seen = SeenRows(table, tokens)
    in_order = {seen.rows if param is seen.whole else param: rate for param, rate in rate_of.items()}
    rate_of.clear()
    rate_of.update(in_order)
    return seen


def _cannot(why: str) -> Unsupported:
    return Unsupported(f"seen_embeddings saves nothing here: {why}")


class SeenRows:
    """The embeddings of some tokens, which learn, and a table of all embeddings that follows them."""

    def __init__(self, table: nn.Embedding, tokens: NDArray[np.integer[Any]]) -> None:
        """Look up among the rows of `tokens`, (tokens,), ascending, wherever `table` is to get a gradient.

        Padding that the table has is one of them.
        """
        self.whole = cast("nn.Parameter", table.weight)
        values = self.whole.detach()
        self._tokens = torch.from_numpy(tokens.astype(np.int64)).to(values.device)
        # The last row is no token's and gets no gradient: it decays as all embeddings do that are not among the rows.
        self.rows = nn.Parameter(torch.cat([values[self._tokens], torch.ones_like(values[:1])]))
        # Any other token has its place beyond the rows, which is an error and no other token's embedding.
        self._places = torch.full((table.num_embeddings,), len(self.rows), device=values.device)
        self._places[self._tokens] = torch.arange(len(tokens), device=values.device)
        padding = table.padding_idx
        self._padding = None if padding is None else int(np.searchsorted(tokens, padding))
        self._plain = table.forward
        table.forward = self._look_up  # type: ignore[method-assign, assignment]

    def follow(self, optimizer: Optimizer) -> None:
        """Keep the table up to date with what `optimizer`, which must treat every number alike, does to the rows."""
        optimizer.register_step_post_hook(self._write_back)

    def _look_up(self, ids: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and self.whole.requires_grad:
            return functional.embedding(self._places[ids], self.rows, padding_idx=self._padding)
        return self._plain(ids)

    @torch.no_grad()
    def _write_back(self, optimizer: Optimizer, *_: Any) -> None:
        if self.whole.grad is not None:
            raise _cannot("the model reads its embedding table in other ways than by looking up tokens")
        if any(group["weight_decay"] for group in optimizer.param_groups):
            self.whole.mul_(self.rows[-1])
            self.rows[-1].fill_(1)
        self.whole.index_copy_(0, self._tokens, self.rows[:-1])
