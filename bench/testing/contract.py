"""The whole contract in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import Unsupported
from bench.testing.check import checks
from bench.testing.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.plan.train_plan import Strategy

__all__ = ["Skipped", "check_strategy"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that could not be made."""

    check: str
    why: str


def check_strategy(strategy: Strategy, *, models: Iterable[str] = MODELS, quick: bool = False) -> tuple[Skipped, ...]:
    """Check that a strategy keeps its contract, which includes training tiny models with it; takes seconds.

    Args:
        strategy: With the options that it is to be tried with.
        models: Of "llama", "bert", "gpt2" and "qwen2".
        quick: Leave out the checks that train once more, with amp, with checkpoint, in parts and on one row.

    Returns:
        The checks that could not be made, and why: the strategy or a partner of it refused the model, for instance.

    Raises:
        AssertionError: what the strategy does wrong.
        Unsupported: none of the models can be trained with it on this machine, so that it was not tried.

    """
    skipped, trained = [], False
    for check in checks(models, quick=quick):
        try:
            check(strategy)
            trained |= check.demand.__name__ == "trains_with_finite_loss"
        except Unsupported as error:
            skipped.append(Skipped(str(check), str(error)))
    if not trained:
        raise Unsupported(f"it was not trained: {'; '.join(dict.fromkeys(one.why for one in skipped))}")
    return tuple(skipped)
