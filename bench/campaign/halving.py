"""After a run out of memory: all seeds of its strategy run again at half its micro-batch, and what was measured at the larger one lies apart.

That lies beside the runs, in a directory of its own: so the runs hold each strategy at one micro-batch,
and it is known from there, when a comparison is resumed, which ones do not fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.records.endings import ran_out_of_memory
from bench.records.flags import Flag
from bench.records.micro_batch import rows_asked
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from bench.experiment.spec import RunSpec, Term
    from bench.records.record import RunRecord

__all__ = ["LARGER", "Halving"]

LARGER = "out-of-memory"
"""The directory of the runs at larger micro-batches, in that of the results."""
_BEFORE_TRAINING = ("fetch", "load")
"""Stages whose memory does not depend on the micro-batch."""


@dataclass(slots=True)
class Halving:
    """Knows at which micro-batch each strategy runs, and at which it was asked to."""

    store: Store
    """Of the comparison."""
    own: Container[tuple[Term, ...]] = ()
    """The compositions that say their micro-batch themselves: halved, they would not be what they are called."""
    _asked: dict[RunSpec, int] = field(default_factory=dict)
    """Rows by what is asked for beside them and the seed."""
    _now: dict[RunSpec, int] = field(default_factory=dict)

    def begin(self, specs: Iterable[RunSpec]) -> tuple[RunSpec, ...]:
        """Return the runs at the micro-batches to which earlier ones in this directory came."""
        larger = Store(self.store.directory / LARGER)
        too_large = {
            (_without_size(record.spec), rows_asked(record.spec))
            for record in larger.read_all()
            if ran_out_of_memory(record)
        }
        specs = tuple(specs)
        for spec in specs:
            key, rows = _without_size(spec), rows_asked(spec)
            self._asked[key] = rows
            while rows > 1 and (key, rows) in too_large:
                rows //= 2
            self._now[key] = rows
        if any(map(self._is_too_large, self.store.read_all())):  # they were to be moved when it was interrupted
            self._put_aside()
        return self.sized(specs)

    def sized(self, specs: Iterable[RunSpec]) -> tuple[RunSpec, ...]:
        """Return the runs at the micro-batches of now."""
        return tuple(
            spec
            if (rows := self._now[_without_size(spec)]) == rows_asked(spec)
            else spec.model_copy(update={"micro_batch_size": rows})
            for spec in specs
        )

    def halve(self, record: RunRecord, *, does_not_fit: bool = False) -> bool:
        """Go on at half the micro-batch of a run that ended, if it is for that that it ended, and there is half of it.

        `does_not_fit` says that it was not begun, as its forecast has no room.
        """
        rows, stage = rows_asked(record.spec), (record.phase or "").rpartition(" ")[2]
        is_too_large = does_not_fit or (ran_out_of_memory(record) and stage not in _BEFORE_TRAINING)
        if not is_too_large or rows == 1 or self.says_itself(record.spec):
            return False
        self._now[_without_size(record.spec)] = rows // 2
        self._put_aside(record)
        return True

    def is_outgrown(self, record: RunRecord) -> bool:
        """Whether a run ended at a micro-batch that was halved while it ran; then it is kept apart."""
        if not self._is_too_large(record):
            return False
        self._put_aside(record)
        return True

    def says_itself(self, spec: RunSpec) -> bool:
        """Whether a strategy says its micro-batch itself."""
        return spec.strategy in self.own

    def flags(self, spec: RunSpec) -> tuple[Flag, ...]:
        """Say of a run that its micro-batch was halved."""
        key = _without_size(spec)
        before, now = self._asked[key], self._now[key]
        if now == before:
            return ()
        said = f"micro-batch halved from {before} to {now}, as more did not fit the memory"
        return (Flag(code="micro-batch-halved", message=said),)

    def _put_aside(self, record: RunRecord | None = None) -> None:
        """Keep a record, and then those at micro-batches that were halved, apart from the runs."""
        with Store.open(self.store.directory / LARGER, resume=True) as larger:
            if record:
                larger.write(record)
            self.store.move(larger, self._is_too_large)

    def _is_too_large(self, record: RunRecord) -> bool:
        key = _without_size(record.spec)
        return key in self._now and self._now[key] < rows_asked(record.spec) <= self._asked[key]


def _without_size(spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"seed": 0, "micro_batch_size": None, "way": None})
