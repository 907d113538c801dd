from __future__ import annotations

import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from bench.training.savings import rotary
from bench.training.savings.rotary import turn, turn_both, turn_for
from tests.gpu_kernels import as_on_a_gpu

ANGLES = torch.linspace(0, 2, 6 * 4).view(1, 6, 4).repeat(1, 1, 2)
COS, SIN = ANGLES.cos(), ANGLES.sin()


def drawn(num_heads: int) -> torch.Tensor:
    """(1, heads, 6 tokens, 8), as they stand in memory where a product made them."""
    draw = torch.Generator().manual_seed(num_heads)
    return torch.randn(1, 6, num_heads * 8, generator=draw).view(1, 6, num_heads, 8).transpose(1, 2).requires_grad_()


def with_gradient(heads: torch.Tensor, *turned: torch.Tensor) -> list[torch.Tensor]:
    weights = [torch.linspace(-1, 1, one.numel()).view(one.shape) for one in turned]
    (grad,) = torch.autograd.grad(sum((one * weight).sum() for one, weight in zip(turned, weights, strict=True)), heads)
    return [*(one.detach() for one in turned), grad]


def test_heads_are_turned_and_taught_as_transformers_does_it() -> None:
    heads = drawn(4)
    wanted = with_gradient(heads, apply_rotary_pos_emb(heads, heads, COS, SIN)[0])
    for way in (turn, turn_for(torch.device("cpu"))):
        for one, other in zip(with_gradient(heads, way(heads, COS, SIN)), wanted, strict=True):
            torch.testing.assert_close(one, other)


def test_queries_and_keys_of_one_product_are_turned_at_once() -> None:
    both = drawn(6)
    query, key = both.split([4, 2], 1)
    assert rotary._are_adjacent(query, key)
    assert not rotary._are_adjacent(key, query)
    wanted = with_gradient(both, *apply_rotary_pos_emb(query, key, COS, SIN))
    for one, other in zip(with_gradient(both, *turn_both(query, key, COS, SIN)), wanted, strict=True):
        torch.testing.assert_close(one, other)
    apart = turn_both(query, key.contiguous(), COS, SIN)
    for one, other in zip(with_gradient(both, *apart), wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_a_gpu_has_the_way_of_few_operations() -> None:
    assert turn_for(torch.device("cpu")) is not turn
    with as_on_a_gpu():
        assert turn_for(torch.device("cpu")) is turn
