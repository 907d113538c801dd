"""What one process of several takes: told by torch's fake process group, and held against two real processes on gloo."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import torch
import torch.distributed as dist

from bench.errors import Unsupported
from bench.forecasting.fake import classifier, without_numbers
from bench.forecasting.one_of_several import one_of_several
from bench.forecasting.steps import DEVICE
from bench.training.forward.by_shape import choose_by_shape
from bench.workload.models.layers import layers_of
from bench.workload.toy import tiny_llama
from tests.training.parallel.ranks import Case, Outcome, ask_ranks, peaks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Case], list[Outcome]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with ask_ranks() as ask:
        yield ask


@pytest.mark.parametrize(
    "strategy",
    [
        *("full+shard", "full"),
        *(
            pytest.param(f"{one}+shard", marks=pytest.mark.slow)
            for one in ("lora", "adafactor", "freeze:last=2", "amp:dtype=bf16", "checkpoint", "accumulate:rows=2")
        ),
    ],
)
def test_every_peak_is_that_of_two_processes_that_hear_of_each_other(ask: Ask, strategy: str) -> None:
    case = Case(strategy, is_traced=True)
    first, second = ask(case)
    assert not first.error, first.error
    with without_numbers(), one_of_several(2, DEVICE) as group:
        model = classifier(tiny_llama(num_tokens=case.num_tokens).config, num_labels=2)
        sent = model if strategy == "full" else layers_of(model)[0]
        kept = (1 if strategy == "full" else 2) * sum(param.nbytes for param in sent.parameters())
        told = peaks_of(case, model, group, choose_by_shape)
    assert [peak[:3] for peak in told] == [peak[:3] for peak in first.peaks]
    for found, real, other in zip(told, first.peaks, second.peaks, strict=True):
        # Threads of gloo keep what was sent for a moment, as they come to it: a bucket of gradients, or two layers.
        assert all(sum(one[3:]) == pytest.approx(sum(found[3:]), abs=kept) for one in (real, other))


def test_one_process_has_no_group() -> None:
    with one_of_several(1, DEVICE) as group:
        assert group is None
    assert not dist.is_initialized()


def test_what_is_sent_reaches_nobody_and_afterwards_no_group_is_left() -> None:
    with one_of_several(3, DEVICE) as group:
        assert group is not None
        assert (group.rank, group.num_ranks) == (0, 3)
        dist.all_reduce(told := torch.ones(2))
        assert told.tolist() == [1.0, 1.0]
        with pytest.raises(Unsupported, match=r"torch\.distributed is in use"), one_of_several(2, DEVICE):
            pass
    assert not dist.is_initialized()


def test_a_torch_without_such_a_group_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.testing._internal.distributed.fake_pg", None)
    with pytest.raises(Unsupported, match="has no fake process group"), one_of_several(2, DEVICE):
        pass
    assert not dist.is_initialized()


def test_only_what_comes_of_parts_is_laid_to_them() -> None:
    with pytest.raises(Unsupported, match="does not compute with parts"), one_of_several(2, DEVICE):
        raise RuntimeError("mixed torch.Tensor and DTensor")
    with pytest.raises(RuntimeError, match="another"), one_of_several(2, DEVICE):
        raise RuntimeError("another")
