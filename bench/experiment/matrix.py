"""The runs of a comparison, from its settings."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.spec import (
    LR,
    RunSpec,
    TrainingSpec,
    WorkloadSpec,
    format_strategy,
    parse_strategies,
    parse_strategy,
)
from bench.plan.option_text import read

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bench.experiment.settings import Settings
    from bench.experiment.spec import Term

__all__ = ["matrix", "run_spec"]


def matrix(settings: Settings, device: str) -> tuple[RunSpec, ...]:
    """List the runs: seeds outermost, and the strategies in another order for each, so that drift hits all alike.

    Raises:
        UnknownName: a strategy, or an option of one, that does not exist.
        UsageError: the list of strategies, or the reference, is not valid; two compositions are one, written in two ways.

    """
    compositions = parse_strategies(settings.strategies)
    for terms in compositions:
        registry.check(terms)
    _check_no_two_are_one(compositions)
    if settings.reference is not None and parse_strategy(settings.reference) not in compositions:
        kind = "reference"
        raise UnknownName(kind, settings.reference, (part.strip() for part in settings.strategies.split(",")))
    return tuple(
        run_spec(settings, terms, seed, device)
        for seed in range(settings.seeds)
        for terms in random.Random(seed).sample(compositions, len(compositions))  # noqa: S311  (no secret)
    )


def run_spec(settings: Settings, terms: tuple[Term, ...], seed: int, device: str) -> RunSpec:
    """Build the request for one run."""
    workload = WorkloadSpec.model_validate(settings.model_dump(include=set(WorkloadSpec.model_fields)))
    training = settings.model_dump(include=set(TrainingSpec.model_fields))
    return RunSpec(strategy=terms, workload=workload, seed=seed, device=device, **training)


def _check_no_two_are_one(compositions: tuple[tuple[Term, ...], ...]) -> None:
    seen: dict[Hashable, str] = {}
    for terms in compositions:
        name, meaning = format_strategy(terms), _meaning(terms)
        if meaning in seen:
            msg = f"--strategies lists {seen[meaning]} and {name}, which is the same; each composition is one row of the comparison"
            raise UsageError(msg)
        seen[meaning] = name


def _meaning(terms: tuple[Term, ...]) -> Hashable:
    """What a composition is, in whatever order and words it is written."""
    rates = [read(text, float, f"{term.name}:{LR}") for term in terms for key, text in term.options if key == LR]
    return frozenset((term.name, _value(term)) for term in terms), tuple(rates)


def _value(term: Term) -> object:
    """Make the strategy; of a third party's, whose code does not run here, its options as they are written."""
    if registry.is_ours(term.name):
        return registry.load(term)
    return tuple(option for option in term.options if option[0] != LR)
