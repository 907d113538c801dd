from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.learning_rates import DEFAULT_RATES
from bench.training.resolve import resolve

if TYPE_CHECKING:
    from bench.plan import ModelView


def test_what_a_plan_leaves_open_is_filled_in(view: ModelView) -> None:
    plan = compose([registry.load(term) for term in parse_strategy("freeze:last=1")], view)
    found = resolve(plan, view, DEFAULT_RATES)
    assert found.plan is plan
    assert found.rates == {"layer 3": DEFAULT_RATES.last_layers, "head": DEFAULT_RATES.head}
    assert found.trained == {f"{name}.{part}" for name in ("layer 3", "head") for part in ("weight", "bias")}
    assert found.view is view


def test_resolving_needs_no_torch() -> None:
    code = "import sys, bench.training.resolve; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
