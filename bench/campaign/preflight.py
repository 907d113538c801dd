"""What can be known to be wrong before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import PlanConflict, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import format_strategy, parse_strategy
from bench.experiment.trial import Trial
from bench.plan.compose import compose
from bench.plan.view import stand_in
from bench.records.comparability import MICRO_BATCH, in_words, mismatches_asked
from bench.workload.data.check import check_dataset
from bench.workload.models.check import check_model_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.experiment.spec import RunSpec, Term
    from bench.plan.train_plan import TrainPlan
    from bench.records.record import RunRecord

__all__ = [
    "check_compositions",
    "check_request",
    "check_same_code",
    "check_same_experiment",
    "compose_text",
    "is_set",
    "that_set",
    "with_own_rate",
]

_STAND_IN = stand_in(num_layers=100)


def check_request(specs: Sequence[RunSpec], *, seconds: float | None = None) -> None:
    """Refuse the runs of one comparison where that can be known without loading model or data.

    Args:
        specs: Of the runs.
        seconds: The longest that a run may take, which holds for trying a strategy of a third party too.

    Raises:
        PlanConflict: two strategies of a composition contradict each other.
        UsageError: the model, the data set, or a part of it that was asked for does not exist, or a strategy of a third
            party cannot be used.

    """
    check_compositions(dict.fromkeys(spec.strategy for spec in specs), seconds=seconds)
    check_model_files(specs[0].workload.model)
    check_dataset(specs[0].workload)


def check_compositions(compositions: Iterable[tuple[Term, ...]], *, seconds: float | None = None) -> None:
    """Compose for a model that stands in for the real one, which is not loaded yet.

    Strategies of third parties are tried in another process, each alone first, so that the guilty one is named.

    Raises:
        PlanConflict: two strategies of a composition contradict each other.
        UsageError: there is no such strategy or option, or a strategy of a third party cannot be used.

    """
    with Trial(__name__, seconds=seconds) as trial:
        for terms in compositions:
            theirs = [term for term in terms if not registry.is_ours(term.name)]
            for term in theirs:
                trial.ask("compose_text", str(term), f"strategy {registry.origin(term.name)}")
            if theirs and len(terms) > 1:
                trial.ask("compose_text", format_strategy(terms), f"composition {format_strategy(terms)}")
            elif not theirs:
                _compose(terms)


def compose_text(text: str) -> None:
    """Compose what a text says; the question to the process in which third parties' strategies are tried."""
    _compose(parse_strategy(text))


def with_own_rate(specs: Sequence[RunSpec], *, seconds: float | None = None) -> frozenset[tuple[Term, ...]]:
    """Find the compositions that say their base rate, by `lr` or by an option of a strategy: there is none to be searched for.

    Raises:
        UsageError: a strategy of a third party cannot be used.

    """
    by_option = frozenset(spec.strategy for spec in specs if spec.has_own_lr)
    return by_option | that_set(
        "lr", (spec.strategy for spec in specs if spec.strategy not in by_option), seconds=seconds
    )


def that_set(
    field: str, compositions: Iterable[tuple[Term, ...]], *, seconds: float | None = None
) -> frozenset[tuple[Term, ...]]:
    """Find the compositions that set a field of the plan whose default is None.

    Raises:
        UsageError: a strategy of a third party cannot be used.

    """
    found: set[tuple[Term, ...]] = set()
    with Trial(__name__, seconds=seconds) as trial:
        for terms in dict.fromkeys(compositions):
            name = format_strategy(terms)
            asked = f"{field} {name}"
            is_ours = all(registry.is_ours(term.name) for term in terms)
            if is_set(asked) if is_ours else trial.ask("is_set", asked, f"composition {name}"):
                found.add(terms)
    return frozenset(found)


def is_set(text: str) -> bool:
    """Whether a composition sets a field, "FIELD COMPOSITION"; a question to the process in which third parties' strategies are tried."""
    field, _, composition = text.partition(" ")
    plan = _compose(parse_strategy(composition))
    return plan is not None and getattr(plan, field) is not None


def _compose(terms: tuple[Term, ...]) -> TrainPlan | None:
    """Compose for the stand-in; None where only its own run can tell."""
    try:
        strategies = registry.strategies_of(terms)
    except Unsupported:  # its row says so
        return None
    try:
        return compose(strategies, _STAND_IN)
    except PlanConflict:
        raise
    except Exception:  # noqa: BLE001  (what depends on the model, or is broken, shows in its own run)
        return None


def check_same_experiment(done: Iterable[RunSpec], asked: Iterable[RunSpec], directory: Path) -> None:
    """Refuse to add runs to a directory that differ from those in it by more than strategy and seed, and the strategy's micro-batch.

    Raises:
        UsageError: they do.

    """
    if found := mismatches_asked([*done, *asked]):
        halved = (
            ", or --on-oom halve where that made it smaller" if [one.field for one in found] == [MICRO_BATCH] else ""
        )
        raise UsageError(
            f"the runs in {directory} and those asked for differ in {in_words(found)}: they cannot be compared; "
            f"give another --out, or --allow-mismatch{halved}"
        )


def check_same_code(records: Iterable[RunRecord], asked: Iterable[RunSpec], directory: Path) -> None:
    """Refuse to add runs of a strategy whose file was edited, or whose package has another version, since its other runs.

    Raises:
        UsageError: with the strategy.

    """
    now = registry.code_of(term for terms in dict.fromkeys(spec.strategy for spec in asked) for term in terms)
    for record in records:
        then = (record.measured and record.measured.strategy_code) or {}
        for name in now.keys() & then.keys():
            if then[name] != now[name]:
                raise UsageError(
                    f"the code of {name} is not that of its runs in {directory} ({then[name][:19]}, now {now[name][:19]}): they "
                    "cannot be compared; give another --out, or --allow-mismatch"
                )
