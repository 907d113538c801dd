from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import Edit, InTurn, ModelView, Trainable, TrainPlan, TransformStage, throughout
from bench.plan.compose import compose
from bench.plan.describe import changes

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Rewrite:
    rank: int = 2
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        return model


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", {}),
        ("full", {}),
        ("freeze", {"phases": "only the head trains"}),
        (
            "prompt_tuning",
            {
                "phases": "of the model itself, only the head trains",
                "lr_scale": "rates that nobody set at 10 times the base rate",
                "prompt_tokens": "a prompt of 20 tokens that learn stands before every text",
            },
        ),
        ("freeze:last=1", {"phases": "only the head and the last layer train"}),
        ("freeze:last=2+amp", {"phases": "only the head and the last 2 layers train", "precision": "amp"}),
        (
            "accumulate:rows=1",
            {"micro_batch_size": "each step is taken in forward passes of at most 1 row, whose gradients accumulate"},
        ),
        ("llrd:decay=0.5", {"lr_scale": "5 layers at 0.0625 to 1 times the base rate"}),
        ("discriminative:body=1e-5", {"lr": "1e-05", "lr_scale": "head at 5 times the base rate"}),
    ],
)
def test_changes_are_told_in_words(view: ModelView, spec: str, expected: dict[str, str]) -> None:
    plan = compose([registry.load(term) for term in parse_strategy(spec)] if spec else [], view)
    assert changes(plan, view) == expected


def test_other_changes_are_told_too(view: ModelView) -> None:
    def thaw(_model: nn.Module, _step: int) -> None: ...

    everything = frozenset(view.names)
    fields: dict[str, Any] = {
        "phases": InTurn(((0.0, Trainable(frozenset({"layer 0"}))), (0.25, Trainable(everything)))),
        "after_step": (thaw,),
        "transforms": (Rewrite(),),
        "weights": "bf16",
    }
    found = changes(TrainPlan(**fields), view)
    parts = "only layer 0 trains, then everything trains from 25% of the steps"
    assert found["phases"] == f"of the model itself, {parts}"
    assert found["after_step"] == "thaw"
    assert found["transforms"] == "Rewrite(rank=2)"
    assert found["weights"] == "bf16"


@dataclass(frozen=True)
class Topmost:
    share: float = 0.5

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=throughout(view.names[-2:]), compile=True)

    def describe(self, view: ModelView) -> str:
        return f"{self.share:.0%} of {len(view.names) - 2} layers"


def test_a_strategy_may_bring_a_sentence_before_its_fields(view: ModelView) -> None:
    plan = compose([Topmost()], view)
    phases, compiled = "only the head and the last layer train", "the repeated layer is compiled"
    assert list(changes(plan, view, {"./mine.py:Topmost": Topmost()}).items()) == [
        ("./mine.py:Topmost", "50% of 4 layers"), ("phases", phases), ("compile", compiled),
    ]  # fmt: skip
    assert changes(plan, view, {"compile": Topmost()}) == {
        "compile": f"50% of 4 layers; {compiled}", "phases": phases,
    }  # fmt: skip
