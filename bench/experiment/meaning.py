"""Which compositions are the same, in whatever order and words they are written."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.spec import LR, format_strategy
from bench.plan.option_text import read

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from bench.experiment.spec import Term

__all__ = ["check_no_two_are_one", "meaning"]


def check_no_two_are_one(compositions: Iterable[tuple[Term, ...]], where: str = "--strategies") -> None:
    """Refuse a list that has a composition in two ways; the message says `where` it stands.

    Raises:
        UsageError: two are one.

    """
    seen: dict[Hashable, str] = {}
    for terms in compositions:
        name, means = format_strategy(terms), meaning(terms)
        if means in seen:
            msg = f"{where} lists {seen[means]} and {name}, which is the same; each composition is one row of the comparison"
            raise UsageError(msg)
        seen[means] = name


def meaning(terms: tuple[Term, ...]) -> Hashable:
    """Say what a composition is: equal for those that are the same. One that cannot be made is as it is written.

    Strategies are made, which may import much, only where it is compared with another of the same names.
    """
    return _Meaning(terms)


class _Meaning:
    def __init__(self, terms: tuple[Term, ...]) -> None:
        self._terms = terms

    def __hash__(self) -> int:
        return hash(frozenset(term.name for term in self._terms))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Meaning) or hash(self) != hash(other):
            return False
        return self._terms == other._terms or self._made == other._made

    @cached_property
    def _made(self) -> Hashable:
        terms = self._terms
        try:
            rates = [
                read(text, float, f"{term.name}:{LR}") for term in terms for key, text in term.options if key == LR
            ]
            return frozenset((term.name, _value(term)) for term in terms), tuple(rates)
        except UsageError:  # it is told when the strategies are checked, and may name a table of options until then
            return terms


def _value(term: Term) -> object:
    """Make the strategy; of a third party's, whose code does not run here, its options as they are written."""
    if registry.is_ours(term.name):
        return registry.load(term)
    return tuple(option for option in term.options if option[0] != LR)
