"""What can be known to be wrong before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.plan.compose import compose
from bench.plan.view import stand_in
from bench.records.comparability import in_words, mismatches_asked
from bench.workload.data.check import check_dataset
from bench.workload.models.check import check_model_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.experiment.spec import RunSpec, Term

__all__ = ["check_compositions", "check_request", "check_same_experiment"]

_STAND_IN = stand_in(num_layers=100)


def check_request(specs: Sequence[RunSpec]) -> None:
    """Refuse the runs of one comparison where that can be known without loading model or data.

    Raises:
        PlanConflict: two strategies of a composition contradict each other.
        UsageError: the model, the data set, or a part of it that was asked for does not exist.

    """
    check_compositions({spec.strategy for spec in specs})
    check_model_files(specs[0].workload.model)
    check_dataset(specs[0].workload)


def check_compositions(compositions: Iterable[tuple[Term, ...]]) -> None:
    """Compose for a model that stands in for the real one, which is not loaded yet.

    Raises:
        PlanConflict: two strategies of a composition contradict each other.

    """
    for terms in compositions:
        strategies = [registry.load(term) for term in terms]
        try:
            compose(strategies, _STAND_IN)
        except PlanConflict:
            raise
        except Exception:  # noqa: BLE001, S110  (what depends on the model, or is broken, shows in its own run)
            pass


def check_same_experiment(done: Iterable[RunSpec], asked: Iterable[RunSpec], directory: Path) -> None:
    """Refuse to add runs to a directory that differ from those in it by more than strategy and seed.

    Raises:
        UsageError: they do.

    """
    if found := mismatches_asked([*done, *asked]):
        raise UsageError(
            f"the runs in {directory} and those asked for differ in {in_words(found)}: they cannot be compared; "
            "give another --out, or --allow-mismatch"
        )
