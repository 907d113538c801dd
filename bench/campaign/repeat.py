"""A run once more, from its record alone: does it come out as it did?"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.campaign.executing import only
from bench.errors import UsageError
from bench.experiment.spec import canonical
from bench.protocol import Request
from bench.records.file_names import file_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.campaign.executing import Executor
    from bench.records.record import Measurement, RunRecord

__all__ = ["Repeated", "find_run", "repeat"]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Two runs of one spec."""

    before: RunRecord
    now: RunRecord

    @property
    def is_same(self) -> bool:
        """Whether it ended as it did, with the same losses and predictions to the last bit."""
        return self.before.status == self.now.status and not [*self._numbers()]

    def sentences(self) -> Iterator[str]:
        """Say whether it reproduced, and if not what differs, what came of it, and where the runs were not alike."""
        before, now = self.before, self.now
        name = f"{before.spec.name}, seed {before.spec.seed}"
        if before.status != now.status:
            yield f"{name}: ended {_ending(before)}, and now {_ending(now)}"
        elif before.measured is None:
            yield f"{name}: ended {before.status} again{f': {now.reason}' if now.reason else ''}"
        elif self.is_same:
            losses, rows = len(before.measured.losses), before.measured.evaluation.num_samples
            yield f"{name}: reproduced; {losses} losses and {rows} predictions are the same to the last bit"
        else:
            yield f"{name}: not reproduced"
            yield from self._numbers()
        if not self.is_same:
            yield from self._circumstances()

    def _numbers(self) -> Iterator[str]:
        before, now = self.before.measured, self.now.measured
        if before is None or now is None:
            return
        if before.losses != now.losses:
            pairs = zip(count(1), before.losses, now.losses, strict=False)
            step, one, other = next((it for it in pairs if it[1] != it[2]), (0, float("nan"), float("nan")))
            yield f"losses part at step {step} of {before.num_steps}: {one:.9g} before, {other:.9g} now"
        if differ := _num_differing(before, now):
            yield f"{differ} of {before.evaluation.num_samples} rows are predicted otherwise"

    def _circumstances(self) -> Iterator[str]:
        before, now = self.before.environment, self.now.environment
        if before and now:
            facts = (
                "host_cpu", "device_name", "num_threads", "python", "platform", "driver", "git_commit", "git_dirty",
            )  # fmt: skip
            of_both = [
                {**{name: getattr(it, name) for name in facts}, **it.versions, **(it.settings or {})}
                for it in (before, now)
            ]
            for name in sorted(of_both[0].keys() | of_both[1].keys()):
                one, other = (facts.get(name) for facts in of_both)
                if one != other:
                    yield f"{name}: {one} before, {other} now"
        if self.before.measured and self.now.measured:
            for what in ("model_digest", "data_digest", "strategy_code"):
                if getattr(self.before.measured, what) != getattr(self.now.measured, what):
                    yield f"{what.partition('_')[0]}: not what it was"


def _ending(record: RunRecord) -> str:
    return record.status + (f" ({record.reason})" if record.reason else "")


def _num_differing(before: Measurement, now: Measurement) -> int:
    one, other = (it.evaluation.predictions or it.evaluation.correct for it in (before, now))
    if one == other:
        return 0
    return max(1, sum(first != second for first, second in zip(one, other, strict=False)))


def find_run(records: Sequence[RunRecord], run: str, seed: int | None = None) -> RunRecord:
    """Find a run by the name of its file, or by its strategy, the first seed where none is given.

    Raises:
        UsageError: there is none; with the nearest.

    """
    files = {file_name(record.spec).removesuffix(".json"): record for record in records}
    if (found := files.get(run.rpartition("/")[2].removesuffix(".json"))) and seed in (None, found.spec.seed):
        return found
    try:
        name = canonical(run)
    except UsageError:
        name = run
    of_strategy = {record.spec.seed: record for record in records if record.spec.name == name}
    if of_strategy:
        if (wanted := min(of_strategy) if seed is None else seed) in of_strategy:
            return of_strategy[wanted]
        raise UsageError(
            f"there is no run of {name} with seed {seed}; its seeds: {', '.join(map(str, sorted(of_strategy)))}"
        )
    names = {record.spec.name: None for record in records}
    nearest = get_close_matches(name, [*names, *files], n=1, cutoff=0.5)
    guess = f" Did you mean {nearest[0]}?" if nearest else ""
    raise UsageError(f"there is no run {run!r}.{guess} Strategies: {', '.join(names)}; or the name of a file in runs")


def repeat(record: RunRecord, executor: Executor, directory: Path | None = None) -> Repeated:
    """Carry out the run of a record once more.

    Args:
        record: Of the run; what is not in it does not count.
        executor: Carries it out.
        directory: Where it keeps what it stores meanwhile; None is the temporary directory.

    Raises:
        UsageError: the request cannot be carried out here, or not any more.

    """
    with TemporaryDirectory(prefix="bench-", dir=directory) as shelf:
        return Repeated(record, only(executor, Request(spec=record.spec, shelf=shelf)))
