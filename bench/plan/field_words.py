"""The values of plan fields in words, as the report prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.plan.view import ModelView, Phase

__all__ = ["list_names", "list_phases", "list_scale", "list_values"]


def list_values(values: Iterable[object], _view: ModelView) -> str:
    """Values as they print themselves."""
    return ", ".join(map(str, values))


def list_names(functions: Iterable[Any], _view: ModelView) -> str:
    """Functions by their names."""
    return ", ".join(getattr(function, "__name__", str(function)) for function in functions)


def list_phases(phases: Iterable[Phase], view: ModelView) -> str:
    """Which layers train, from which epoch on."""
    return ", then ".join(_phase(phase, view) for phase in phases)


def _phase(phase: Phase, view: ModelView) -> str:
    trained = [name for name in view.names if name in phase.layers]
    since = f" from epoch {phase.epoch + 1}" if phase.epoch else ""
    if len(trained) == len(view.names):
        return f"everything trains{since}"
    if trained == list(view.names[-len(trained) :]):
        last = len(trained) - 1
        what = "the head" if not last else f"the head and the last {'layer' if last == 1 else f'{last} layers'}"
        return f"only {what} train{'' if last else 's'}{since}"
    return f"only {', '.join(trained)} train{'' if len(trained) > 1 else 's'}{since}"


def list_scale(scale: Iterable[tuple[str, float]], _view: ModelView) -> str:
    """Factors on the base rate, as a range where there are several."""
    factors = dict(scale)
    if len(factors) == 1:
        ((name, factor),) = factors.items()
        return f"{name} at {factor:g} times the base rate"
    low, high = min(factors.values()), max(factors.values())
    return f"{len(factors)} layers at {low:.3g} to {high:.3g} times the base rate"
