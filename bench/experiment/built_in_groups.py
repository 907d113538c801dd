"""The groups of compositions that come with bench, found by what each strategy sets on a model that stands in for any."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations
from typing import TYPE_CHECKING

from bench.errors import PlanConflict, Unsupported
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.describe import family_of
from bench.plan.families import Family
from bench.plan.view import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.plan.train_plan import Edit, Strategy

__all__ = ["GROUPS", "SIGN", "Group"]

SIGN = "@"
"""What the name of a group begins with, where it stands in a list of strategies."""


@dataclass(frozen=True, slots=True)
class Group:
    """Compositions that are asked for together."""

    says: str
    """What they have in common."""
    find: Callable[[], tuple[str, ...]]
    """Lists them, in the order of their rows; or names of groups that hold them."""


_VIEW = stand_in(num_layers=4)
_ARTICLE = ("freeze", "full", "discriminative", "amp")
"""Its four strategies: some layers, all of them, rates in proportion, mixed precision."""
_PARTNERS = ("freeze", "full", "lora", "amp")
"""Beside the first of these, or the first two, that go with it stands a strategy that cannot stand alone."""


def _that(wanted: Callable[[Edit], object]) -> tuple[str, ...]:
    """Name every strategy that comes with bench and sets what is wanted, each beside what it cannot do without."""
    ours = [name for name in registry.names() if registry.is_ours(name)]
    found = [name for name in ours if wanted(_edit_of(name))]
    return tuple(_with_partner(text) for name in found for text in _types_of(name, ours) or [name])


def _edit_of(name: str) -> Edit:
    try:
        return _made(name).edit(_VIEW)
    except (ImportError, Unsupported):  # its row is skipped, and says why
        return {}


def _types_of(name: str, ours: Sequence[str]) -> list[str]:
    """List what a door leads to and no file of its own does; nothing of what is no door, or leads nowhere here."""
    types: Callable[[], Iterable[str]] = getattr(registry.class_of(name), "types", dict)
    try:
        return [f"{name}:{key}" for key in types() if key.partition("=")[2] not in ours]
    except ImportError:
        return []


def _with_partner(text: str) -> str:
    """Write a strategy beside the fewest others without which it goes with no model."""
    others = [name for name in _PARTNERS if name != text]
    for partners in chain.from_iterable(combinations(others, num) for num in range(3)):
        with suppress(PlanConflict):
            compose(map(_made, (*partners, text)), _VIEW)
            return "+".join((*partners, text))
    return text


def _made(text: str) -> Strategy:
    return registry.load(parse_strategy(text)[0])


def _of_family(family: Family) -> tuple[str, ...]:
    return _that(lambda edit: family_of(edit) is family)


_FAMILIES = {
    "trains": Family.TRAINS,
    "adapters": Family.ADDED,
    "precision": Family.TYPES,
    "learning": Family.LEARNING,
    "running": Family.RUNNING,
}

GROUPS: Mapping[str, Group] = {
    "article": Group("Of the article behind this project", lambda: _ARTICLE),
    **{name: Group(family.value, partial(_of_family, family)) for name, family in _FAMILIES.items()},
    "optimizers": Group("Optimizers other than AdamW", lambda: _that(lambda edit: "optimizer" in edit)),
    "all": Group("Every strategy that comes with bench", lambda: tuple(f"{SIGN}{name}" for name in _FAMILIES)),
}
"""By name; for adapters, peft is imported."""
