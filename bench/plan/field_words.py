"""The values of plan fields in words, as the report prints them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from bench.plan.view import ALL_KINDS, Trainable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.plan.phases import Phases
    from bench.plan.view import ModelView

__all__ = ["of_phases", "of_scale", "of_value", "of_values", "plain"]


def plain(value: object, _view: ModelView) -> str:
    """A value as it prints itself."""
    return str(value)


def of_values(values: Iterable[Any], view: ModelView) -> str:
    """Several values, each in its own words."""
    return ", ".join(of_value(value, view) for value in values)


def of_value(value: Any, view: ModelView) -> str:
    """What a value says of itself (`describe`), else its name and the options that it was made with."""
    if hasattr(value, "describe"):
        return str(value.describe(view))
    if not is_dataclass(value):
        return str(getattr(value, "__name__", value))
    shown = [
        f"{one.name}={_short(getattr(value, one.name))}"
        for one in fields(value)
        if one.name != "stage" and getattr(value, one.name) is not None
    ]
    return f"{type(value).__name__.removeprefix('_')}({', '.join(shown)})"


def _short(value: object) -> str:
    """An option, or how many values it has where they would fill a line."""
    if isinstance(value, tuple | frozenset) and len(value) > 3:  # noqa: PLR2004  (three names are read at a glance)
        return f"{len(value)} values"
    if isinstance(value, tuple | frozenset):
        return "/".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def of_phases(phases: Phases, view: ModelView) -> str:
    """What trains, from which share of the steps on."""
    if hasattr(phases, "describe"):
        return str(phases.describe(view))
    parts = getattr(phases, "parts", None)
    if parts is None:
        return of_value(phases, view)
    return ", then ".join(
        _words(part, view) + (f" from {share:.0%} of the steps" if share else "") for share, part in parts
    )


def _words(part: Trainable, view: ModelView) -> str:
    trained = [name for name in view.names if name in part.layers]
    if part.kinds != ALL_KINDS or part.match != "*":
        return _of_kinds(part, view)
    if len(trained) == len(view.names):
        return "everything trains"
    if trained and trained == list(view.names[-len(trained) :]):
        last = len(trained) - 1
        what = "the head" if not last else f"the head and the last {'layer' if last == 1 else f'{last} layers'}"
        return f"only {what} train{'' if last else 's'}"
    return f"only {', '.join(trained) or 'what is added'} train{'' if len(trained) > 1 else 's'}"


_KINDS = {"weight": "weights", "bias": "biases", "norm": "norms", "embedding": "embeddings"}


def _of_kinds(part: Trainable, view: ModelView) -> str:
    """Parameters of some kinds, or whose names match: how many, where it is a pattern that decides."""
    below, total = (
        len(view.params_of(one).difference(view.layers[-1].param_names)) for one in (part, Trainable(part.layers))
    )
    kinds = "parameters" if part.kinds == ALL_KINDS else " and ".join(_KINDS[kind] for kind in sorted(part.kinds))
    named = "" if part.match == "*" else f" named {part.match} ({below} of {total})"
    where = "" if part.layers.issuperset(view.body) else f" of {len(part.layers - {view.head})} layers"
    return f"only {kinds}{where}{named}{' and the head' if view.head in part.layers else ''} train"


def of_scale(scale: Iterable[tuple[str, float]], _view: ModelView) -> str:
    """Factors on the base rate: one by name, layers as a range where there are several."""
    factors = dict(scale)
    named = {key: factor for key, factor in factors.items() if key == "*" or key.startswith("adapters")}
    layers = {key: factor for key, factor in factors.items() if key not in named}
    if len(layers) == 1:
        named, layers = factors, {}
    words = [
        f"{'rates that nobody set' if key == '*' else key} at {factor:g} times the base rate"
        for key, factor in named.items()
    ]
    if layers:
        low, high = min(layers.values()), max(layers.values())
        words.append(f"{len(layers)} layers at {low:.3g} to {high:.3g} times the base rate")
    return "; ".join(words)
