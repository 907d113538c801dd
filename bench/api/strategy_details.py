"""What a strategy sets, and beside which others it can stand: `bench list strategies NAME`, and docs/strategies.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.api.strategy_entry import VIEW, Options, StrategyEntry, edit_of, strategy_entry, term_of, write_options
from bench.errors import PlanConflict
from bench.experiment import registry
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.train_plan import TrainPlan, baseline_phases

if TYPE_CHECKING:
    from bench.experiment.spec import Term

__all__ = ["StrategyDetails", "strategy_details", "strategy_entry"]


class StrategyDetails(StrategyEntry):
    """What there is to say of one; JSON, too."""

    sets: dict[str, str]
    """In words, by field of the plan, for a model that stands in for any."""
    conflicts: list[str]
    """Strategies that come with bench and cannot be combined with it."""
    alone: str | None
    """Why it cannot stand alone; None where it can."""
    types: dict[str, Options]
    """What a door leads to, as it is asked for (`type=oft`), each with its own options."""


def strategy_details(text: str) -> StrategyDetails:
    """Look at a strategy closer.

    Raises:
        UsageError: it cannot be used.

    """
    entry, term = strategy_entry(text), term_of(text)
    types: dict[str, Options] = {}
    try:
        sets = _sets(term)
        if entry["has_types"]:
            types = {key: write_options(own) for key, own in registry.class_of(term.name).types().items()}  # type: ignore[attr-defined]
    except ImportError as error:
        sets = {"what": f"is told where {error.name} is installed"}
    if own := next((types[key] for key in (f"{key}={value}" for key, value in term.options) if key in types), None):
        given = dict(term.options)
        entry["options"] = own | {key: told for key, told in entry["options"].items() if key not in given}
        types = {}
    alone = _conflict(text)
    others = [name for name in registry.names() if name != term.name and registry.is_ours(name)]
    return {
        **entry,
        "types": types,
        "sets": sets,
        "conflicts": [] if alone else [one for one in others if _conflict(text, one) and not _conflict(one)],
        "alone": alone,
    }


def _sets(term: Term) -> dict[str, str]:
    edit: dict[str, Any] = {"phases": baseline_phases(VIEW), **edit_of(term)[0]}
    strategy = registry.load(term)
    return changes(TrainPlan(**edit), VIEW, {term.name: strategy})


def _conflict(*texts: str) -> str | None:
    """Say why strategies do not compose; None where they do, or where one is broken, which is said elsewhere."""
    try:
        compose([registry.load(term_of(text)) for text in texts], VIEW)
    except PlanConflict as error:
        return str(error)
    except Exception:  # noqa: BLE001
        return None
    return None
