"""The runs of a comparison, from its settings."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.bounds import MAX_RUNS
from bench.experiment.meaning import check_no_two_are_one
from bench.experiment.settings import FIT
from bench.experiment.spec import RunSpec, TrainingSpec, WorkloadSpec, parse_strategies, parse_strategy

if TYPE_CHECKING:
    from bench.experiment.settings import Settings
    from bench.experiment.spec import Term

__all__ = ["matrix", "run_spec"]


def matrix(settings: Settings, device: str) -> tuple[RunSpec, ...]:
    """List the runs: seeds outermost, and the strategies in another order for each, so that drift hits all alike.

    Raises:
        UnknownName: a strategy, or an option of one, that does not exist.
        UsageError: the list of strategies, or the reference, is not valid; two compositions are one, written in two ways; there
            are more runs than anything shows.

    """
    compositions = parse_strategies(settings.strategies)
    for terms in compositions:
        registry.check(terms)
    check_no_two_are_one(compositions)
    if settings.reference is not None and parse_strategy(settings.reference) not in compositions:
        kind = "reference"
        raise UnknownName(kind, settings.reference, (part.strip() for part in settings.strategies.split(",")))
    if (num_runs := settings.seeds * len(compositions)) > MAX_RUNS:
        raise UsageError(
            f"{len(compositions):,} compositions with {settings.seeds:,} seeds are {num_runs:,} runs, and a comparison has "
            f"{MAX_RUNS:,} at most; give fewer of either"
        )
    return tuple(
        run_spec(settings, terms, seed, device)
        for seed in range(settings.seeds)
        for terms in random.Random(seed).sample(compositions, len(compositions))  # noqa: S311  (no secret)
    )


def run_spec(settings: Settings, terms: tuple[Term, ...], seed: int, device: str) -> RunSpec:
    """Build the request for one run.

    Raises:
        UsageError: its micro-batch is still to be found.

    """
    if settings.micro_batch_size == FIT:
        raise UsageError(f"--micro-batch-size {FIT} is for compare, which looks for it; here give a number of rows")
    workload = WorkloadSpec.model_validate(settings.model_dump(include=set(WorkloadSpec.model_fields)))
    training = settings.model_dump(include=set(TrainingSpec.model_fields))
    several = None if settings.num_processes == 1 else settings.num_processes
    training |= {"num_processes": several, "parallel": settings.parallel}
    return RunSpec(strategy=terms, workload=workload, seed=seed, device=device, **training)
