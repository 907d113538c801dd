"""The largest micro-batches of several compositions on a card."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.errors import Unsupported
from bench.experiment import registry
from bench.experiment.spec import format_strategy
from bench.forecasting.compositions import compositions_on, device_of
from bench.forecasting.here import shared_among, with_free_memory
from bench.forecasting.micro_batch import MOST_ROWS, micro_batch
from bench.records.micro_batch import rows_of_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench.experiment.settings import Settings
    from bench.forecasting.cards import Card
    from bench.forecasting.micro_batch import Measured, MicroBatch

__all__ = ["Fitting", "fitting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The largest micro-batches of several strategies on a card."""

    card: Card
    """With the memory that is to be filled."""
    batch_size: int
    """Of several processes the rows of one."""
    rows: Mapping[str, MicroBatch]
    """By strategy."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why others cannot be told, or do not run on such a device."""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    """What real steps took, where that was asked for."""

    @property
    def table(self) -> pd.DataFrame:
        """A row for each strategy; the columns of what was measured where something was, and bytes of forecasts at most."""
        import pandas as pd  # noqa: PLC0415  (whoever only prints needs none)

        rows = self.rows.values()
        columns: dict[str, list[int | None]] = {
            "micro_batch_size": [one.num_rows or None for one in rows],
            "peak_bytes": [one.forecast.peak_bytes[1] for one in rows],
            "peak_bytes_beyond": [one.beyond.peak_bytes[1] if one.beyond else None for one in rows],
            "num_passes": [one.num_passes(self.batch_size) for one in rows],
        }
        if self.measured:
            seen = [self.measured.get(name) for name in self.rows]
            columns["measured_micro_batch_size"] = [one.num_rows if one else None for one in seen]
            columns["measured_peak_bytes"] = [one.peak_bytes if one else None for one in seen]
        table = pd.DataFrame(columns, index=pd.Index(self.rows, name="strategy"), dtype="Int64")
        table["smallest_card"] = [one.smallest_card for one in rows]
        return table

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return str(self.table.to_html())

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON holds it, bytes as pairs of the least and the most."""
        return {
            "card": self.card.name,
            "card_memory_bytes": self.card.memory_bytes,
            "card_source": self.card.source,
            "batch_size": self.batch_size,
            "most_rows": MOST_ROWS,
            "strategies": {
                name: {
                    "micro_batch_size": one.num_rows or None,
                    "num_passes": one.num_passes(self.batch_size),
                    "peak_bytes": list(one.forecast.peak_bytes),
                    "peak_bytes_beyond": one.beyond and list(one.beyond.peak_bytes),
                    "smallest_card": one.smallest_card,
                    "forecast": one.forecast.model_dump(mode="json"),
                    "measured": _as_json(self.measured.get(name)),
                }
                for name, one in self.rows.items()
            },
            "refused": dict(self.refused),
        }


def _as_json(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "micro_batch_size": measured.num_rows,
        "peak_bytes": measured.peak_bytes,
        "memory_bytes": measured.memory_bytes,
        "runs": [{"micro_batch_size": rows, "peak_bytes": peak} for rows, peak in measured.peaks.items()],
        "why_none": measured.why_none,
    }


def fitting(settings: Settings, lengths: int | None, device: str) -> Fitting:
    """Find the largest micro-batch of each composition; arguments as those of `bench.forecasting.compositions.outlook`.

    What fits certainly is looked for: its highest peak is no more than the memory of the card, or what is free of this CPU's.

    Raises:
        UsageError: a name or a value is wrong, or strategies contradict each other.

    """
    card, aim = device_of(device, only_known=True)
    num = settings.num_processes or 1
    card = with_free_memory(shared_among(num, card), num)
    compositions, forecaster = compositions_on(settings.in_whole_batches, lengths, card, aim)
    rows: dict[str, MicroBatch] = {}
    refused: dict[str, str] = {}
    for terms in compositions:
        name = format_strategy(terms)
        try:
            rows[name] = micro_batch(forecaster, registry.strategies_of(terms), card.memory_bytes)
        except Unsupported as error:
            refused[name] = str(error)
    return Fitting(card=card, batch_size=rows_of_process(settings), rows=rows, refused=refused)
