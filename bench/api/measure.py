"""The runs of a comparison, carried out where they are not done, and what may be concluded from them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.analysis.comparison import compare
from bench.analysis.quality import QUALITIES
from bench.api.result import Result, default_directory
from bench.campaign.announcement import found_in_words, in_words, tuning_in_words
from bench.campaign.campaign import Campaign
from bench.campaign.halving import Halving
from bench.campaign.micro_batches import with_largest_micro_batches
from bench.campaign.notebook import NotebookDisplay
from bench.campaign.preflight import check_same_code, check_same_experiment, that_set, with_own_rate
from bench.campaign.progress import Display
from bench.campaign.rate_search import Tuned, Tuner
from bench.campaign.way import with_way, with_way_of
from bench.errors import BenchError, UsageError
from bench.executors import InProcessRunner
from bench.executors.registry import LOCAL, Options, make
from bench.experiment.settings import FIT
from bench.experiment.spec import format_strategy, parse_strategies
from bench.experiment.tuning import RateSearch
from bench.records.file_names import file_name
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from bench.campaign.executing import Executor
    from bench.executors.followers import Followers
    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec
    from bench.records.record import RunRecord

__all__ = ["Measured", "measure"]

TRIALS = "tuning"
"""The directory of the trials of rates, in that of the results."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of the runs of a comparison."""

    result: Result | None
    """None where it was interrupted before any run."""
    interrupted: bool
    directory: Path
    """Where runs, and trials of rates, are kept: what ended is not done again."""
    is_new: bool
    """Whether there was anything to do, so that what was read has been shown."""
    is_kept: bool = True
    """Whether every run that ended has its record in the directory."""


def measure(
    settings: Settings,
    specs: Sequence[RunSpec],
    out: Path | None = None,
    *,
    resume: bool = False,
    in_process: bool = False,
    progress: bool = True,
    followers: Followers | None = None,
) -> Measured:
    """Carry out every run that is not done in `out` (None makes reports/out/TIME), and compare what is there.

    Raises:
        UsageError: the directory cannot take these runs, or another machine would have to debug them.
        BenchError: no record could be written; all are on stderr.

    """
    if in_process and (settings.executor != LOCAL or settings.concurrent is not None or settings.num_processes):
        raise UsageError("--in-process is one run at a time, in here: leave out --executor, --concurrent and --nproc")
    directory = out or default_directory()
    with Store.open(directory, resume=resume) as store:
        work = _Work(settings, store, in_process=in_process, progress=progress, followers=followers)
        specs = with_way_of(specs, store.read_all())
        interrupted, specs = work.fit(specs)
        halving = None
        if settings.on_oom == "halve":
            own = that_set("micro_batch_size", (spec.strategy for spec in specs), seconds=settings.timeout)
            halving = Halving(store, own)
            specs = halving.begin(specs)
        if not (interrupted or settings.allow_mismatch):
            done = store.read_all()
            check_same_experiment([record.spec for record in done], specs, directory)
            check_same_code(done, store.todo(specs), directory)
        interrupted, tuned = (True, Tuned.of(specs, {})) if interrupted else work.tune(specs)
        _check_same_search(tuned, store)
        names = map(format_strategy, parse_strategies(settings.strategies))
        store.keep_order(map(tuned.name_of, names))
        is_new = bool(store.todo(tuned.specs))
        interrupted = interrupted or work.carry_out(tuned, halving)
        records = store.read_all()
    if store.num_unwritten and not records:
        raise BenchError(store.warnings[-1])
    result = _result(settings, tuned, records, store) if records else None
    return Measured(result, interrupted, directory, is_new, not store.num_unwritten)


def _check_same_search(tuned: Tuned, store: Store) -> None:
    """Refuse to put runs at the rate that one search found beside those at the rate that another found.

    Raises:
        UsageError: with the strategy.

    """
    now = {spec.name_without_lr: spec.name for spec in tuned.specs if spec.name in tuned.tunings}
    for record in store.read_all():
        name = now.get(record.spec.name_without_lr)
        if record.tuning and name not in (None, record.spec.name):
            raise UsageError(
                f"{store.directory} holds runs of {record.spec.name}, which another search found, and this one found {name}; give "
                "another --out"
            )


def _result(settings: Settings, tuned: Tuned, records: Sequence[RunRecord], store: Store) -> Result:
    reference = settings.reference and tuned.name_of(settings.reference)
    has_reference = any(record.spec.name == reference for record in records)
    comparison = compare(
        records,
        reference if has_reference else None,  # it has no row where an interruption came before it
        quality=QUALITIES[settings.quality],
        rank_suspect=settings.rank_suspect,
        allow_mismatch=settings.allow_mismatch,
    )
    return Result((comparison,), store.directory, tuple(store.warnings), settings.budget)


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to run, and how it is shown."""

    settings: Settings
    store: Store
    in_process: bool
    progress: bool
    followers: Followers | None

    def fit(self, specs: Sequence[RunSpec]) -> tuple[bool, Sequence[RunSpec]]:
        """Find micro-batches where that is asked for; whether the user interrupted it, and the runs with those found."""
        if self.settings.micro_batch_size != FIT:
            return False, specs
        with ExitStack() as stack:
            display = stack.enter_context(self._display(0))
            executor = stack.enter_context(self._executor(display))
            done = [record.spec for record in self.store.read_all()]
            try:
                fitted = with_largest_micro_batches(specs, done, executor, display, display.say)
            except KeyboardInterrupt:
                return True, specs
        return executor.interrupted, fitted

    def tune(self, specs: Sequence[RunSpec]) -> tuple[bool, Tuned]:
        """Search for learning rates where that is asked for; whether the user interrupted it, and the runs at the rates found."""
        if self.settings.tune is None:
            return False, Tuned.of(specs, {})
        with ExitStack() as stack:
            search = RateSearch.parse(self.settings.tune)
            display = stack.enter_context(self._display(0))
            trials = stack.enter_context(Store.open(self.store.directory / TRIALS, resume=True))
            own = with_own_rate(specs, seconds=self.settings.timeout)
            display.say(tuning_in_words(search, specs, own, trials.directory))
            executor = stack.enter_context(self._executor(display))
            tuner = Tuner(search, QUALITIES[self.settings.quality], trials, executor, display)
            try:
                # A trial is the same, whatever way is chosen for the runs.
                found = tuner.tune(with_way((it for it in specs if it.strategy not in own), self.settings.way))
            except KeyboardInterrupt:
                return True, Tuned.of(specs, {})
            for strategy, tuning in found.items():
                display.say(found_in_words(format_strategy(strategy), tuning))
            if not executor.interrupted:
                for strategy in dict.fromkeys(spec.strategy for spec in specs):
                    if strategy not in found and strategy not in own:
                        name = format_strategy(strategy)
                        display.say(
                            f"no learning rate was found for {name}: it cannot be trained here, or sets its rate itself"
                        )
        return executor.interrupted, Tuned.of(specs, found)

    def carry_out(self, tuned: Tuned, halving: Halving | None) -> bool:
        """Carry out what is not done; whether the user interrupted it."""
        settings, store = self.settings, self.store
        todo = store.todo(tuned.specs)
        with ExitStack() as stack:
            display = stack.enter_context(self._display(len(todo)))
            display.say(in_words(tuned.specs, todo, store.directory))
            if settings.save_model and len(todo) < len(tuned.specs):
                display.say("runs that are done already keep no weights; for those, give another --out, no --resume")
            executor = stack.enter_context(self._executor(display))
            models = (
                (lambda spec: store.directory / "models" / Path(file_name(spec)).stem) if settings.save_model else None
            )
            campaign = Campaign(
                tuned.specs,
                store,
                executor,
                display,
                models,
                tuned.tunings,
                halving,
                forecasts=settings.forecast,
                force=settings.force,
                way_is_forced=settings.way is not None,
            )
            try:
                campaign.carry_out()
            except KeyboardInterrupt:
                return True
        return executor.interrupted

    def _executor(self, display: Display) -> AbstractContextManager[Executor]:
        if self.in_process:
            return InProcessRunner(on_wait=display.say)
        settings = self.settings
        options = Options(
            directory=self.store.directory,
            say=display.say,
            timeout_seconds=settings.timeout,
            max_memory_bytes=settings.max_memory_bytes,
            concurrent=settings.concurrent,
            address=settings.address,
            accelerator=settings.accelerator,
            partition=settings.partition,
            sbatch=settings.sbatch,
            array=settings.array,
            followers=self.followers,
        )
        executor: AbstractContextManager[Executor] = make(settings.executor, options)
        return executor

    def _display(self, num_runs: int) -> Display:
        """Show progress in the way of the place: a terminal, a file of lines, a notebook, or nowhere."""
        quality = QUALITIES[self.settings.quality]
        if not self.progress:
            return Display(Console(quiet=True, force_terminal=False, force_jupyter=False), num_runs, quality)
        console = Console(stderr=True)
        return NotebookDisplay(num_runs, quality) if console.is_jupyter else Display(console, num_runs, quality)
