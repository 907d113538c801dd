"""What `--tune` asks for: which rates are tried, and for how long. `lr:trials=8` is a grid of 8 rates, halved until 4 are left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from pydantic import Field, ValidationError

from bench.errors import UnknownName, UsageError
from bench.experiment.bounds import Frozen
from bench.experiment.spec import LR

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TUNING_SEED", "RateSearch"]

TUNING_SEED = 2**31 - 1
"""Of every trial: what is measured afterwards has the seeds 0, 1, 2, ..."""
FEWEST_STEPS = 8
"""Fewer tell nothing of a rate."""
FINALISTS = 4
"""Rates that are tried for as long as a run, at most: with 2, and so a first round of a quarter of a run, adapters had learned nothing by then."""


class RateSearch(Frozen):
    """A logarithmic grid of rates, the better half of which goes on with twice the steps."""

    trials: int = Field(default=8, ge=2, le=256)
    """Rates on the grid."""
    low: float = Field(default=1e-5, gt=0, le=1e6)
    high: float = Field(default=0.1, gt=0, le=1e6)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `lr`, `lr:trials=8` or `lr:trials=8:low=1e-5:high=0.1`.

        Raises:
            UsageError: what is to be tuned, an option or a value cannot be.

        """
        name, *options = text.strip().split(":")
        if name != LR:
            kind = "setting to tune"
            raise UnknownName(kind, name, [LR])
        given: dict[str, str] = {}
        for option in options:
            key, _, value = option.partition("=")
            if key not in cls.model_fields:
                kind = "option of --tune lr"
                raise UnknownName(kind, key, cls.model_fields)
            if not value or key in given:
                raise UsageError(
                    f"--tune {text}: {option!r} {'is given twice' if value else 'is not of the form option=value'}"
                )
            given[key] = value
        try:
            search = cls.model_validate_strings(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(
                f"--tune {text}: {first['loc'][0]}: {first['msg'][:1].lower()}{first['msg'][1:]}"
            ) from error
        if search.low >= search.high:
            raise UsageError(f"--tune {text}: low={search.low:g} is not below high={search.high:g}")
        if len(set(search.rates)) < search.trials:
            raise UsageError(
                f"--tune {text}: so many trials do not fit between low={search.low:g} and high={search.high:g} to two digits; "
                "give fewer, or a wider range"
            )
        return search

    @property
    def rates(self) -> tuple[float, ...]:
        """The grid, from low to high, to two digits."""
        step = math.log(self.high / self.low) / (self.trials - 1)
        return tuple(float(f"{self.low * math.exp(step * number):.1e}") for number in range(self.trials))

    @property
    def most_trials(self) -> int:
        """How many trials a strategy has where no two rounds are equally long, the default rates among them."""
        return 1 + sum(self._counts)

    @property
    def _counts(self) -> list[int]:
        counts = [self.trials]
        while counts[-1] > FINALISTS:
            counts.append(math.ceil(counts[-1] / 2))
        return counts

    def rounds(self, num_steps: int) -> Iterator[tuple[int, int]]:
        """How many rates are tried for how many of the steps of a run, round by round; the last tries few for all of them.

        Where a run is so short that rounds would have equally many steps, the first of them stands for all.
        """
        counts, before = self._counts, 0
        for halvings, count in zip(reversed(range(len(counts))), counts, strict=True):
            steps = min(num_steps, max(FEWEST_STEPS, round(num_steps / 2**halvings)))
            if steps > before:
                yield count, steps
            before = steps
