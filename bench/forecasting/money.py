"""What a comparison costs, by a price that the user gives."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.errors import UsageError
from bench.forecasting.duration import Bounds

__all__ = ["Price"]

_PRICE = re.compile(
    r"(?P<before>[$€£¥]?)\s*(?P<amount>\d+(\.\d+)?|\.\d+)\s*(?P<after>[A-Za-z]{3}|[$€£¥]?)\s*(/\s*(h|hour|hr))?"
)


@dataclass(frozen=True, slots=True)
class Price:
    """Of an hour of a machine."""

    per_hour: float
    currency: str = ""
    """As the user wrote it; empty where none was written."""

    @classmethod
    def parse(cls, text: str) -> Price:
        """Read a price per hour: 2.5/h, $2.50/h or 2.5 EUR/h.

        Raises:
            UsageError: it is none.

        """
        found = _PRICE.fullmatch(text.strip())
        if not found or (found["before"] and found["after"]):
            raise UsageError(f"--price {text}: give the price of an hour of the machine, such as 2.5/h or $2.50/h")
        return cls(float(found["amount"]), found["before"] or found["after"])

    def of(self, seconds: Bounds) -> Bounds:
        """Return what so many seconds cost, at least and at most."""
        return Bounds(*(each / 3600 * self.per_hour for each in seconds))

    def written(self, amount: float) -> str:
        """Write an amount of money: "$2.50", "2.50 EUR", or "2.50" where the currency was not said."""
        number = f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:,.2g}"
        return f"{number} {self.currency}" if self.currency.isalpha() else f"{self.currency}{number}"
