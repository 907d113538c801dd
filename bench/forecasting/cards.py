"""Cards that a training may run on: their memory, what of it tensors do not get, and their speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.errors import UnknownName
from bench.forecasting.duration import Bounds, Speed
from bench.forecasting.overhead import overhead
from bench.measuring.datasheets import DATASHEETS
from bench.records.metrics import format_bytes

if TYPE_CHECKING:
    from bench.measuring.datasheets import Datasheet
    from bench.records.forecast import Forecast, ForecastMemory

__all__ = ["HERE", "Card", "Fit", "added_by", "beyond", "card_of", "smallest_card"]

HERE = "here"
"""Names this machine."""

Fit = Literal["fits", "may not fit", "does not fit"]

MATMUL_SHARE = Bounds(0.3, 0.75)
"""Of a datasheet's arithmetic, that matmuls of a training reach. Whole trainings of large models reach 0.38 to 0.43 on H100
(Llama 3, Grattafiori et al. 2024, arXiv 2407.21783) and 0.42 to 0.56 on A100 (Korthikanti et al. 2022, arXiv 2205.05198), with
all else in their time; what else a step does is counted apart here."""
MEMORY_SHARE = Bounds(0.6, 2.0)
"""Of a datasheet's bandwidth, that operations see: less where they are small, more where a cache holds what they read. Chosen."""
GPU_LAUNCH_SECONDS = Bounds(5e-6, 25e-6)
"""By a host of its own, or by one whose steps of 1,412 to 4,359 launches took 21 to 25 us for each (H200, docs/performance.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A device, as far as a forecast depends on it."""

    name: str
    """Short: h100-80gb."""
    kind: Literal["cpu", "cuda"]
    memory_bytes: int
    """That programs can use."""
    speed: Speed
    source: str
    """Of these numbers, in words."""

    @property
    def has_native_bf16(self) -> bool:
        """Whether matmuls in bf16 are its own."""
        return "bf16" in self.speed.flops_per_second

    def fit(self, peak_bytes: tuple[int, int]) -> Fit:
        """Say whether what takes so much memory, at least and at most, fits."""
        low, high = peak_bytes
        return "fits" if high <= self.memory_bytes else "does not fit" if low > self.memory_bytes else "may not fit"


def card_of(name: str) -> Card:
    """Return a card by its short name; that of this machine (`here`) is `bench.forecasting.here.this_card`.

    Raises:
        UnknownName: with the nearest.

    """
    if name not in DATASHEETS:
        raise UnknownName("card", name, {*DATASHEETS, HERE, "cpu"})
    return _of(name, DATASHEETS[name])


def added_by(card: Card, memory: ForecastMemory) -> tuple[int, int]:
    """Return the bytes that a card adds to the tensors of a forecast, at least and at most."""
    return overhead(card.kind, card=card.name, tensors_bytes=memory.peak_bytes, weights_bytes=memory.weights_bytes)


def beyond(found: Forecast, card: Card, num_processes: int) -> str | None:
    """Say that a run takes more than its device has, whatever is not known of it; None where it may fit."""
    if card.fit(found.peak_bytes) != "does not fit":
        return None
    least, there = format_bytes(found.peak_bytes[0]), format_bytes(card.memory_bytes)
    whose = f"a process has, of {num_processes} on {found.device}" if num_processes > 1 else f"{found.device} has"
    return f"the forecast: it takes at least {least} of the {there} that {whose}; --force runs it all the same"


def smallest_card(memory: ForecastMemory) -> str | None:
    """Return the first of the known cards with the least memory that so much fits for certain; None where it fits none."""
    for name in sorted(DATASHEETS, key=lambda one: DATASHEETS[one].sold_gigabytes):
        card = card_of(name)
        low, high = added_by(card, memory)
        if card.fit((memory.peak_bytes + low, memory.peak_bytes + high)) == "fits":
            return name
    return None


def _of(name: str, sheet: Datasheet) -> Card:
    rates = {kind: Bounds(*(share * tera * 1e12 for share in MATMUL_SHARE)) for kind, tera in sheet.teraflops.items()}
    memory = Bounds(*(share * sheet.gigabytes_per_second * 1e9 for share in MEMORY_SHARE))
    return Card(
        name=name,
        kind="cuda",
        memory_bytes=sheet.memory_bytes,
        speed=Speed(flops_per_second=rates, bytes_per_second=memory, launch_seconds=GPU_LAUNCH_SECONDS),
        source=sheet.source,
    )
