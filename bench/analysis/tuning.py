"""Whether a strategy was given a fair chance to learn: its learning rate, of which one alone was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.analysis.strategy_result import StrategyResult

__all__ = ["peak_rates", "untuned"]


def peak_rates(result: StrategyResult) -> tuple[float, ...]:
    """Peak learning rates of the layers that train, each once, the lowest first; empty where no run recorded them."""
    rates = result.layer_rates
    return tuple(sorted({layer.lr for layer in rates if layer.lr is not None}))


def untuned(results: Iterable[StrategyResult]) -> str:
    """Write that the rates of strategies that learn less well were not tuned, as a sentence of its own."""
    told = [_rate(result) for result in results]
    if len(told) == 1:
        return f"Its learning rate was not tuned: one was tried{told[0] and f', {told[0]}'}."
    return "Their learning rates were not tuned: one was tried for each."


def _rate(result: StrategyResult) -> str:
    """Write the rate that was tried: "the default of 1e-3"; empty where it is not known."""
    rates, spec = peak_rates(result), result.finished[0].spec
    if not rates:
        return ""
    told = " to ".join(format_rate(rate) for rate in sorted({rates[0], rates[-1]}))
    is_default = spec.lr is None and not any(term.options for term in spec.strategy)
    return f"the default of {told}" if is_default else told
