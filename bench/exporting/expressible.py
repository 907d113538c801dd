"""What neither form can say of a plan, and what changes nothing but speed and is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan.train_plan import TrainPlan, baseline_phases, field_rules

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.exporting.measured import Measured

__all__ = ["HALVES", "SCHEDULES", "left_out", "refuse_others"]

SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""Names that transformers has for them."""
HALVES = {"bfloat16": "bf16", "float16": "fp16"}
"""By the type that matrices were multiplied in: the option of transformers."""
SAME_NUMBERS = {
    "cache_prefix": "bench ran the frozen layers once per row and stored their output. They run in every epoch here.",
    "seen_embeddings": "Embeddings of tokens without a training row got no gradient and no decay of weights. Here they do.",
    "parallel": "Several processes shared each step. Here it is taken by as many as start the file.",
    "compile": "bench compiled the repeated layer, and torch_compile compiles the whole model.",
}
"""By field of the plan: what is left out of a file, or said otherwise, and moves no loss of a training row."""


def refuse_others(measured: Measured, form: str, *, known: Collection[str]) -> None:
    """Refuse a plan with a field that a form cannot express.

    Raises:
        UsageError: names the field, and says its value in words.

    """
    plan, view = measured.plan, measured.inputs.view
    baseline = TrainPlan(phases=baseline_phases(view))
    for name, rules in field_rules().items():
        value = getattr(plan, name)
        if name not in {*known, *SAME_NUMBERS} and value != getattr(baseline, name):
            said = rules.words(value, view)
            raise UsageError(
                f"{measured.record.spec.name} cannot be exported to {form}, which cannot say its {name}: {said}"
            )
    if len(measured.schedule.turns(plan.phases)) > 1:
        said = field_rules()["phases"].words(plan.phases, view)
        raise UsageError(
            f"{measured.record.spec.name} cannot be exported to {form}: what trains changes in the run ({said})"
        )


def left_out(measured: Measured) -> list[str]:
    """Say what of the plan the file does without."""
    return [said for name, said in SAME_NUMBERS.items() if getattr(measured.plan, name)]
