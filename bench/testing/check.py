"""One check of the contract, ready to be called with a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import Unsupported, first_line
from bench.testing.checks import IN_OTHER_WAYS, LAST, OF_STRATEGY, ON_MODEL
from bench.testing.models import MODELS
from bench.testing.subject import subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.plan.train_plan import Strategy
    from bench.testing.subject import Subject

__all__ = ["Check", "checks"]

ANY = next(iter(MODELS))
"""The model of a check for which it makes no difference."""


@dataclass(frozen=True, slots=True)
class Check:
    """A demand, put to a strategy on one model."""

    demand: Callable[[Subject], None]
    model: str | None = None
    """None where it makes no difference."""

    def __call__(self, strategy: Strategy) -> None:
        """Return where the strategy does as demanded.

        Raises:
            AssertionError: what it does wrong.
            Unsupported: it cannot be tried on this model or machine, for which it is not to blame.

        """
        subject = subject_of(strategy, self.model or ANY)
        try:
            self.demand(subject)
        except (AssertionError, Unsupported):
            raise
        except Exception as error:  # whatever the strategy raises is told as a sentence too
            msg = f"{subject.name} fails in {self}: {type(error).__name__}: {first_line(error)}"
            raise AssertionError(msg) from error

    def __str__(self) -> str:
        """Name it as a test is: what_should_move_moved[bert]."""
        return self.demand.__name__ + (f"[{self.model}]" if self.model else "")


def checks(models: Iterable[str] = MODELS, *, quick: bool = False) -> tuple[Check, ...]:
    """All of the contract, those on one model after each other, so that they share its runs.

    `quick` leaves out those that train in another way than the plain one.
    """
    of_strategy = [Check(demand) for demand in OF_STRATEGY]
    of_model = (*ON_MODEL, *(() if quick else IN_OTHER_WAYS), *LAST)
    return (*of_strategy, *(Check(demand, model) for model in models for demand in of_model))
