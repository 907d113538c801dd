from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.accumulate import Accumulate

from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.view import stand_in
from bench.training.prepared import Prepared
from tests.plan.edits import Raw
from tests.strategies.by_hand import BATCHES, llama, prepared_for, train_by_bench, train_by_hand

if TYPE_CHECKING:
    from bench.training.forward.batch import Batch


def losses(text: str) -> list[float]:
    torch.manual_seed(0)  # of what is added
    return train_by_bench(prepared_for([registry.load(term) for term in parse_strategy(text)], llama()))


def test_losses_are_those_of_a_plain_loop_over_whole_batches() -> None:
    by_hand = train_by_hand(llama(), lambda _name, _step: True, lambda name: 1e-2 if name.startswith("score") else 1e-3)
    assert losses("accumulate:rows=3") == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("text", ["lora", "freeze:last=1+cached", "checkpoint", "amp:dtype=bf16", "prompt_tuning"])
def test_it_changes_no_loss_of_what_it_is_composed_with(text: str) -> None:
    tolerance = 2e-2 if "amp" in text else 1e-4
    assert losses(f"accumulate:rows=3+{text}") == pytest.approx(losses(text), rel=tolerance)


@pytest.mark.parametrize(("rows", "passes"), [(1, [1] * 8), (3, [3, 3, 2]), (8, [8]), (100, [8])])
def test_a_forward_pass_has_at_most_so_many_rows(rows: int, passes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    loss = Prepared.loss

    def look(self: Prepared, batch: Batch) -> torch.Tensor:
        seen.append(len(batch.targets))
        return loss(self, batch)

    monkeypatch.setattr(Prepared, "loss", look)
    train_by_bench(prepared_for([Accumulate(rows=rows)], llama()))
    assert seen[-len(passes) :] == passes
    assert sum(seen) >= sum(map(len, BATCHES))


def test_what_cannot_be_is_refused() -> None:
    for text, said in (
        ("accumulate:rows=0", "accumulate:rows=0 cannot be: a forward pass has 1 row or more"),
        ("accumulate:rows=-4", "accumulate:rows=-4 cannot be"),
        ("accumulate:rows=2.5", "rows"),
        ("accumulate:row=2", "Did you mean rows"),
    ):
        with pytest.raises(UsageError, match=said):
            registry.load(parse_strategy(text)[0])
    with pytest.raises(PlanConflict, match=r"accumulate:rows=2 and raw.* do not compose: both set micro_batch_size"):
        compose([Accumulate(rows=2), Raw((("micro_batch_size", 4),))], stand_in(2))
