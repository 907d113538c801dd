"""A strategy on a tiny model: what the checks of it share, each made once."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING

from bench.errors import BenchError, PlanConflict, Unsupported, UsageError, first_line
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.testing.models import fresh_model, view_on
from bench.testing.names import name_of
from bench.testing.run import PLAIN, Run, Way, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.plan.train_plan import Strategy, TrainPlan
    from bench.plan.view import ModelView

__all__ = ["Subject", "made", "subject_of"]

FIRST_PARTNERS = ("freeze", "full", "lora", "amp:dtype=bf16")
"""Of a strategy that needs another beside it, or two."""


class Subject:
    """One strategy, or several that are composed, on one of the tiny models."""

    def __init__(self, strategies: tuple[Strategy, ...], model_name: str) -> None:
        """Look at the strategies, and train nothing yet."""
        self.strategies, self.model_name = strategies, model_name
        self._outcomes: dict[Way, Run | Exception] = {}

    @property
    def name(self) -> str:
        """As the command line writes it, as far as it can."""
        return "+".join(map(name_of, self.strategies))

    @property
    def view(self) -> ModelView:
        """Of the model."""
        return view_on(self.model_name)

    @cached_property
    def with_partner(self) -> tuple[Strategy, ...]:
        """Themselves, and the first one or two that they need beside them, if they do.

        Raises:
            PlanConflict: they go with nothing.

        """
        present = list(made(*FIRST_PARTNERS, *registry.names()))
        for others in chain.from_iterable(combinations(present, num) for num in range(3)):
            try:
                compose((*self.strategies, *others), self.view)
            except PlanConflict as error:
                conflict = error
            except (Unsupported, UsageError):
                if not others:
                    raise
            else:
                return (*self.strategies, *others)
        raise PlanConflict(f"{self.name} composes with nothing: {conflict}")

    @property
    def plan(self) -> TrainPlan:
        """The plan of `with_partner`.

        Raises:
            Unsupported: there is none, which another check is for.

        """
        try:
            return compose(self.with_partner, self.view)
        except UsageError as error:
            raise Unsupported(f"it makes no plan: {error}") from error

    def run(self, way: Way = PLAIN, *, to_blame: bool = False) -> Run:
        """Train in some way, once however often it is asked for.

        Args:
            way: If another than the plain one, the plain one has to work too.
            to_blame: Whether it is a fault that the plain way does not work: of one check, and beside the point of all others.

        Raises:
            Unsupported: it cannot be trained like that here, or it is another check that says so.
            AssertionError: it fails.

        """
        outcome = self._outcome(way)
        if isinstance(outcome, Run):
            return outcome
        if way != PLAIN:
            self.run()
        elif not to_blame and not isinstance(outcome, Unsupported):
            raise Unsupported(f"it does not train: {first_line(outcome)}") from outcome
        raise outcome

    def take(self) -> Run:
        """Train in the plain way, or have what was trained, to do with as one likes: whoever asks next gets another."""
        run = self.run()
        del self._outcomes[PLAIN]
        return run

    def _outcome(self, way: Way) -> Run | Exception:
        if way not in self._outcomes:
            try:
                self._outcomes[way] = self._train(way)
            except Unsupported as error:
                self._outcomes[way] = error
            except Exception as error:  # noqa: BLE001  (whatever it raises is to be told)
                what = "" if isinstance(error, BenchError) else f"{type(error).__name__}: "
                failed = AssertionError(
                    f"{self.name} cannot train the tiny {self.model_name}{way}: {what}{first_line(error)}"
                )
                failed.__cause__ = error
                self._outcomes[way] = failed
        return self._outcomes[way]

    def _train(self, way: Way) -> Run:
        also = [registry.load(term) for term in parse_strategy(way.also)] if way.also else []
        alone = self.plan
        try:
            plan = compose((*self.with_partner, *also), self.view) if also else alone
        except PlanConflict as error:
            raise Unsupported(str(error)) from error
        return run(fresh_model(self.model_name), self.view, plan, way)


def made(*names: str) -> Iterator[Strategy]:
    """Make strategies by name, but those of others' packages that are broken."""
    for name in names:
        try:
            yield registry.load(parse_strategy(name)[0])
        except Exception:  # noqa: BLE001, S112  (it is not the one under test)
            continue


_KEPT = 8
_subjects: OrderedDict[tuple[int, str], Subject] = OrderedDict()


def subject_of(strategy: Strategy, model_name: str) -> Subject:
    """Return the subject of this very strategy, the same for checks that follow each other."""
    key = (id(strategy), model_name)  # whether it can be hashed is to be checked; the subject keeps it alive
    if key not in _subjects:
        _subjects[key] = Subject((strategy,), model_name)
    _subjects.move_to_end(key)
    while len(_subjects) > _KEPT:
        _subjects.popitem(last=False)
    return _subjects[key]
