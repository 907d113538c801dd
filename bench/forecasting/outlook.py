"""What a whole comparison would take on a card: which strategies fit, how long all runs take, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.forecasting.cards import smallest_card
from bench.forecasting.duration import Bounds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bench.forecasting.cards import Card, Fit
    from bench.forecasting.money import Price
    from bench.records.forecast import Forecast

__all__ = ["Outlook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Forecasts of all strategies of a comparison, and what they come to."""

    card: Card
    rows: Mapping[str, Forecast]
    """By strategy."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why others cannot be told, or do not run on such a device."""
    skipped: Collection[str] = ()
    """Of these the ones that do not run, so that a comparison skips them."""
    num_seeds: int = 1
    num_processes: int = 1
    """That share each run."""
    price: Price | None = None
    """Of an hour of the card."""

    def fit(self, strategy: str) -> Fit:
        """Say whether a strategy fits the card."""
        return self.card.fit(self.rows[strategy].peak_bytes)

    def smallest_card(self, strategy: str) -> str | None:
        """Return the first of the known cards with the least memory that a strategy fits for certain; None where it fits none."""
        return smallest_card(self.rows[strategy].memory)

    @property
    def runnable(self) -> tuple[str, ...]:
        """The strategies that fit or may fit."""
        return tuple(name for name in self.rows if self.fit(name) != "does not fit")

    @property
    def seconds(self) -> Bounds | None:
        """Of all runs of what is runnable, one after the other; None where that of any is not known, or nothing runs."""
        runs = [self.rows[name].run_seconds for name in self.runnable]
        known = [run for run in runs if run is not None]
        if not runs or len(known) < len(runs):
            return None
        return Bounds(self.num_seeds * sum(low for low, _ in known), self.num_seeds * sum(high for _, high in known))

    @property
    def cost(self) -> Bounds | None:
        """Of all runs; None without a price, or where their time is not known."""
        return None if self.price is None or self.seconds is None else self.price.of(self.seconds)

    def cost_of(self, strategy: str) -> Bounds | None:
        """Return what a run of a strategy costs; None without a price, or where its time is not known."""
        run = self.rows[strategy].run_seconds
        return None if self.price is None or run is None else self.price.of(Bounds(*run))

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON holds it, bytes and seconds as pairs of the least and the most."""
        rows = {
            name: {
                **one.model_dump(mode="json"),
                "peak_bytes": list(one.peak_bytes),
                "fit": self.fit(name),
                "smallest_card": self.smallest_card(name),
            }
            for name, one in self.rows.items()
        }
        return {
            "card": self.card.name,
            "card_memory_bytes": self.card.memory_bytes,
            "card_source": self.card.source,
            "strategies": rows,
            "refused": dict(self.refused),
            "num_seeds": self.num_seeds,
            "seconds": self.seconds,
            "price_per_hour": self.price and self.price.per_hour,
            "currency": self.price and self.price.currency,
            "cost": self.cost,
        }
