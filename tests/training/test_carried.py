from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.errors import Unsupported
from bench.training.carried import Carried
from tests.applied import applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared


def hide_a_tensor(optimizer: Any) -> None:
    optimizer.hidden = [torch.zeros(3)]


def change_a_constant(optimizer: Any) -> None:
    optimizer.constant.add_(1)


def keep_an_object(optimizer: Any) -> None:
    next(iter(optimizer.state.values()))["history"] = {1, 2}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (hide_a_tensor, "the optimizer AdamW keeps numbers beside its state"),
        (change_a_constant, "the optimizer AdamW keeps numbers beside its state"),
        (keep_an_object, "its optimizer keeps a set, which is no plain tensor or number"),
    ],
)
def test_what_an_optimizer_keeps_elsewhere_is_not_lost_silently(spoil: Callable[[Any], None], why: str) -> None:
    prepared: Prepared = applied("full")
    vars(prepared.optimizer)["constant"] = torch.ones(2)
    carried = Carried(prepared)
    train_ragged(prepared)
    carried.take()
    spoil(prepared.optimizer)
    with pytest.raises(Unsupported, match=why):
        carried.take()


def test_what_happens_after_each_step_may_keep_numbers() -> None:
    prepared = applied("freeze")
    plan = replace(prepared.plan, after_step=(lambda _model, _step: None,))
    carried = Carried(replace(prepared, resolved=replace(prepared.resolved, plan=plan)))
    with pytest.raises(Unsupported, match="may keep numbers of its own"):
        carried.take()


def test_it_can_be_read_without_running_code_and_holds_no_more_than_what_trains(tmp_path: Any) -> None:
    prepared = applied("freeze")
    train_ragged(prepared)
    taken = Carried(prepared).take()
    torch.save(taken, tmp_path / "x.pt")
    read = torch.load(tmp_path / "x.pt", weights_only=True)
    assert read.keys() == taken.keys()
    assert sum(one.numel() for one in read["weights"]) == sum(one.numel() for one in prepared.trained)
