from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bench.errors import Unsupported
from bench.training.passes.prompt import Prompt, PromptedEmbedding
from bench.workload.data.dataset import Split

SPLIT = Split(
    tokens=np.array([1, 2, 3, 4, 5, 6], dtype=np.int32),
    offsets=np.array([0, 3, 4, 6]),
    labels=np.array([0, 1, 0]),
    token_types=np.array([0, 1, 1, 0, 0, 1], dtype=np.int8),
)
IDS = np.array([90, 91], dtype=np.int32)


@pytest.mark.parametrize(
    ("place", "rows", "types"),
    [
        (0, [[90, 91, 5, 6], [90, 91, 1, 2, 3]], [[0, 0, 0, 1], [0, 0, 0, 1, 1]]),
        (1, [[5, 90, 91, 6], [1, 90, 91, 2, 3]], [[0, 0, 0, 1], [0, 0, 0, 1, 1]]),
    ],
)
def test_rows_have_the_prompt_and_keep_their_types_and_labels(
    place: int, rows: list[list[int]], types: list[list[int]]
) -> None:
    found = Prompt(ids=IDS, place=place, most=None).before(SPLIT, [2, 0])

    assert [found.row(index).tolist() for index in range(len(found))] == rows
    assert [found.types_of(index).tolist() for index in range(len(found))] == types
    assert found.labels.tolist() == [0, 0]
    assert found.tokens.dtype == np.int32
    assert SPLIT.tokens.tolist() == [1, 2, 3, 4, 5, 6]


def test_a_row_is_too_long_only_with_its_prompt() -> None:
    prompt = Prompt(ids=IDS, place=0, most=4)
    assert len(prompt.before(SPLIT, [1, 2])) == 2
    with pytest.raises(Unsupported, match="a row of 3 tokens and a prompt of 2 are more than the 4 tokens"):
        prompt.before(SPLIT, [0, 1])


def test_a_table_is_looked_up_as_before_and_its_prompt_beyond_it_alone_gets_gradients() -> None:
    table = nn.Embedding(10, 4, padding_idx=0).requires_grad_(requires_grad=False)
    prompted = PromptedEmbedding(table, np.array([7, 3]))
    ids = torch.tensor([[0, 11, 9], [10, 10, 2]])

    found = prompted(ids)
    found[0].sum().backward()

    assert found.equal(torch.cat([table.weight, prompted.prompt])[ids])
    assert prompted.prompt.detach().equal(table.weight[[7, 3]])
    assert prompted.prompt.grad.tolist() == [[0.0] * 4, [1.0] * 4]
    assert table.weight.grad is None
    assert prompted.merge_and_unload()(ids).equal(found)
