"""What `bench list strategies` says of a strategy. Light, as it is imported where a strategy of a third party is tried."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any, TypedDict

from bench.errors import Unsupported, UsageError, first_line
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.describe import family_of
from bench.plan.option_text import type_words, write
from bench.plan.view import stand_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.experiment.spec import Term
    from bench.plan.train_plan import Edit

__all__ = ["VIEW", "Options", "StrategyEntry", "edit_of", "strategy_entry", "term_of", "write_options"]

Options = dict[str, list[str]]
"""What each may be, and its default, by name."""

VIEW = stand_in(num_layers=4)
"""Of the model for which strategies are described."""


class StrategyEntry(TypedDict):
    """What the list says of one; JSON, as it may come from another process."""

    name: str
    family: str
    options: Options
    says: str
    source: str
    needs: list[str]
    """Packages beyond the plain dependencies."""
    why_not: str | None
    """Why it cannot be used here, as far as it tells itself."""
    asks: dict[str, Any]
    """Fields of the plan that it sets to a word or a number, some of which not every machine can do."""
    has_types: bool
    """Whether it is a door to several, which its details list."""


def strategy_entry(text: str) -> StrategyEntry:
    """Look up a strategy by a term of the command line, such as a name alone.

    Raises:
        UsageError: it cannot be used.

    """
    term = term_of(text)
    cls = registry.class_of(term.name)
    said = inspect.getdoc(cls) or ""
    source = re.search(r"^Source: (.+?)\.?(\n\s*\n|\Z)", said, re.MULTILINE | re.DOTALL)
    edit, why_not = edit_of(term)
    return {
        "name": text,
        "family": family_of(edit),
        "options": write_options(registry.options_of(cls)),
        "says": said.partition("\n")[0],
        "source": " ".join(source[1].split()) if source else "",
        "needs": list(registry.needs_of(cls)),
        "why_not": registry.missing(cls) or why_not,
        "asks": {field: value for field, value in edit.items() if isinstance(value, str | int | float)},
        "has_types": hasattr(cls, "types"),
    }


def write_options(options: Mapping[str, tuple[Any, Any]]) -> Options:
    """Write types and defaults of options as the command line has them."""
    return {
        key: [type_words(kind), "must be given" if default is MISSING else write(default)]
        for key, (kind, default) in options.items()
    }


def term_of(text: str) -> Term:
    """Read the one term that a text is.

    Raises:
        UsageError: it is none, or several.

    """
    terms = parse_strategy(text)
    if len(terms) > 1:
        raise UsageError(f"{text} is a composition: give one of {', '.join(map(str, terms))}")
    return terms[0]


def edit_of(term: Term) -> tuple[Edit, str | None]:
    """Ask a strategy for its edit; where it gives none, why.

    Raises:
        UnknownName, UsageError: there is no such strategy or option.

    """
    try:
        return registry.load(term).edit(VIEW), None
    except Unsupported as error:
        return {}, str(error)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  (a third party's strategy may raise anything, and is listed all the same)
        return {}, f"its edit raises {type(error).__name__}: {first_line(error)}"
