from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bench.errors import Unsupported
from bench.training.parallel.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDTH = 8
ROWS = torch.linspace(-1, 1, 3 * WIDTH).view(3, WIDTH)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket has a weight, or a weight and what is small beside it."""
    monkeypatch.setattr("bench.training.parallel.buckets.BUCKET_BYTES", 4 * (WIDTH * WIDTH + WIDTH))


def layers(num: int = 4, *, bias: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(WIDTH, WIDTH, bias=bias) for _ in range(num)))


class Rank:
    """Another rank, of which the messages are known already; it sends the same, unless they are said."""

    def __init__(self, params: Iterable[nn.Parameter], others: Sequence[torch.Tensor] = ()) -> None:
        self.params, self.others = list(params), others
        self.sent: list[torch.Tensor] = []
        self.num_gradients: list[int] = []
        """That were there when a message was begun."""

    def begin_sum(self, tensor: torch.Tensor) -> Callable[[], object]:
        self.num_gradients.append(sum(param.grad is not None for param in self.params))
        self.sent.append(tensor.clone())
        other = self.others[len(self.sent) - 1] if self.others else self.sent[-1]
        assert other.shape == tensor.shape, "ranks that send unlike messages would wait for ever"
        return lambda: tensor.add_(other)  # as late as it can be

    def reduce(self, loss: torch.Tensor) -> list[torch.Tensor | None]:
        """Run the backward pass of `loss`, and return the sums of the gradients."""
        buckets = Buckets(self.params, self.begin_sum)
        loss.backward()
        assert float(buckets.finish(torch.tensor(0.5))) == (1.0 if not self.others else 0.5 + float(self.others[-1][0]))
        return [param.grad for param in self.params]


def loss_of(model: nn.Module, rows: torch.Tensor = ROWS) -> torch.Tensor:
    loss: torch.Tensor = model(rows).square().mean()
    return loss


def plain(model: nn.Module, loss: torch.Tensor) -> list[torch.Tensor | None]:
    """The gradients of `loss`, which are cleared."""
    loss.backward()
    grads = [param.grad for param in model.parameters()]
    model.zero_grad(set_to_none=True)
    return grads


def doubled(grads: Iterable[torch.Tensor | None]) -> list[torch.Tensor | None]:
    return [None if grad is None else 2 * grad for grad in grads]


def assert_same(found: Sequence[torch.Tensor | None], wanted: Sequence[torch.Tensor | None]) -> None:
    assert [one is None for one in found] == [one is None for one in wanted]
    assert all(
        torch.equal(one, other)
        for one, other in zip(found, wanted, strict=True)
        if one is not None and other is not None
    )


def test_a_bucket_is_sent_before_the_layers_below_have_run_backward() -> None:
    model = layers()
    wanted = doubled(plain(model, loss_of(model)))
    rank = Rank(model.parameters())
    assert_same(rank.reduce(loss_of(model)), wanted)
    assert rank.num_gradients == [1, 2, 3, 4, 4], "one a layer, and the loss"


def test_the_gradients_of_earlier_passes_are_in_what_is_sent() -> None:
    model = layers(bias=True)
    wanted = [
        2 * (a + b) for a, b in zip(*(plain(model, loss_of(model, rows)) for rows in (ROWS, ROWS[:1])), strict=True)
    ]  # type: ignore[operator]
    loss_of(model).backward()
    assert_same(Rank(model.parameters()).reduce(loss_of(model, ROWS[:1])), wanted)


def test_a_tied_weight_is_sent_once_with_all_that_it_gets() -> None:
    model = layers()
    model[0].weight = model[3].weight
    wanted = doubled(plain(model, loss_of(model)))
    rank = Rank(model.parameters())
    assert_same(rank.reduce(loss_of(model)), wanted)
    assert rank.num_gradients == [1, 2, 3, 3]


def test_ranks_that_have_unlike_gradients_send_alike_messages() -> None:
    model = layers()
    one, other = model[:3], nn.Sequential(model[0], model[1], model[3])
    all_of_both, (first, second) = list(model.parameters()), (loss_of(one), loss_of(other))
    alone = Rank(all_of_both)
    grads = [plain(model, loss) for loss in (first, second)]
    alone.reduce(loss_of(other))
    model.zero_grad(set_to_none=True)
    beside = Rank(all_of_both, alone.sent)
    wanted = [sum(here for here in pair if here is not None) for pair in zip(*grads, strict=True)]
    assert_same(beside.reduce(loss_of(one)), wanted)  # type: ignore[arg-type]
    assert len(alone.sent) == len(beside.sent) == 5
    assert beside.num_gradients[0] == 4, "the top one is missing here, and is sent as zeros after the pass"


def test_what_no_rank_has_a_gradient_of_keeps_none() -> None:
    model = layers(bias=True)
    unused = nn.Parameter(torch.ones(3))
    grads = Rank([*model.parameters(), unused]).reduce(loss_of(model))
    assert grads[-1] is None
    assert all(grad is not None for grad in grads[:-1])


def test_gradients_in_bf16_are_summed_in_fp32_after_the_pass() -> None:
    model = layers(2).to(torch.bfloat16)
    rows = ROWS.bfloat16()
    wanted = doubled(plain(model, loss_of(model, rows)))
    rank = Rank(model.parameters())
    found = rank.reduce(loss_of(model, rows))
    assert_same(found, wanted)
    assert {grad.dtype for grad in found if grad is not None} == {torch.bfloat16}
    assert {message.dtype for message in rank.sent} == {torch.float32}
    assert rank.num_gradients == [2, 2, 2]


def test_a_parameter_that_does_not_lie_in_the_order_of_its_numbers_has_its_gradient_as_it_lies() -> None:
    model = layers(1)
    model[0].weight = nn.Parameter(model[0].weight.detach().t())
    wanted = doubled(plain(model, loss_of(model)))
    found = Rank(model.parameters()).reduce(loss_of(model))
    assert_same(found, wanted)
    assert found[0] is not None
    assert found[0].stride() == model[0].weight.stride() == (1, WIDTH)


def test_layers_that_are_recomputed_by_a_backward_pass_of_their_own_are_sent_as_others_are() -> None:
    model = layers()

    def forward(*recomputed: nn.Module) -> torch.Tensor:
        hidden = ROWS.clone().requires_grad_()
        for layer in recomputed:
            hidden = checkpoint(layer, hidden, use_reentrant=True)
        return hidden.square().mean()

    wanted = doubled(plain(model, loss_of(model)))
    rank = Rank(model.parameters())
    assert_same(rank.reduce(forward(*model)), wanted)
    assert rank.num_gradients == [1, 2, 3, 4, 4]
    model.zero_grad(set_to_none=True)
    with pytest.raises(Unsupported, match="one grew after that"):
        Rank(model.parameters()).reduce(forward(*model, model[3]))


def test_a_hook_that_uses_a_gradient_up_finds_it_first_and_there_is_none_to_send() -> None:
    model = layers(2)
    used: list[torch.Tensor | None] = []

    def use_up(param: torch.Tensor) -> None:
        used.append(param.grad)
        param.grad = None

    wanted = plain(model, loss_of(model))
    for param in model.parameters():
        param.register_post_accumulate_grad_hook(use_up)
    assert Rank(model.parameters()).reduce(loss_of(model)) == [None, None]
    assert_same(used[::-1], wanted)


def test_nothing_stays_behind() -> None:
    model = layers()
    wanted = plain(model, loss_of(model))
    buckets = Buckets(list(model.parameters()), lambda _tensor: lambda: None)
    loss_of(model).backward()
    flat = [weakref.ref(param.grad.untyped_storage()) for param in model.parameters() if param.grad is not None]
    buckets.finish(torch.tensor(0.5))
    model.zero_grad(set_to_none=True)
    assert not any(one() for one in flat), "gradients that are cleared are gone"
    assert_same(plain(model, loss_of(model)), wanted)


def test_gradients_begin_where_a_gpu_reads_four_numbers_at_once() -> None:
    params = [nn.Parameter(torch.ones(num)) for num in (8, 4, 3, 8, 2, 4)]
    torch.cat(params).sum().backward()
    messages: list[torch.Tensor] = []

    def begin_sum(tensor: torch.Tensor) -> Callable[[], object]:
        messages.append(tensor)
        return lambda: None

    Buckets(params, begin_sum).finish(torch.tensor(0.5))
    assert len(messages) == 2, "all gradients in one, and the loss"
    for param in params:
        assert param.grad is not None
        assert param.numel() % 4 or param.grad.data_ptr() % 16 == 0
