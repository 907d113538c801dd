"""`bench.compare`: a comparison from its options to its result; `bench compare` is a skin over the same steps."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.analysis.comparison import compare as compare_records
from bench.analysis.quality import QUALITIES
from bench.api.keywords import as_settings, check_keywords, in_keywords, named, path_named, with_options
from bench.api.request import requested
from bench.api.result import Result, default_directory
from bench.api.tables import dataset_named
from bench.campaign.announcement import in_words
from bench.campaign.campaign import Campaign
from bench.campaign.notebook import NotebookDisplay
from bench.campaign.preflight import check_same_code, check_same_experiment
from bench.campaign.progress import Display
from bench.executors import InProcessRunner, Runner
from bench.experiment.spec import format_strategy, parse_strategies
from bench.records.store import Store, file_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec
    from bench.records.record import RunRecord

__all__ = ["Measured", "compare", "measure"]


@with_options
def compare(
    strategies: str | Sequence[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    data: object = None,
    text: str | int | Sequence[str | int] | None = None,
    label: str | int | None = None,
    seeds: int = 1,
    out: str | PathLike[str] | None = None,
    quick: bool = False,
    resume: bool = False,
    in_process: bool = False,
    progress: bool = True,
    **options: Any,
) -> Result:
    """Train with each strategy, and compare speed, memory and accuracy.

    Every option of `bench compare` that says what is compared is a keyword, with the same default: `train_samples=1000`, `epochs=2`, `device="cpu"`.
    Each run is trained in a process of its own, which runs neither the calling script nor the cells of a notebook again.

    Args:
        strategies: What to compare: a list such as `["full", "freeze:last=2+amp"]`, or one text with commas.
        model: Preset, local directory, GGUF file or Hub id.
        data: Preset, local file or directory, Hub id, pandas DataFrame, `datasets.Dataset`, or a mapping of splits to
            such tables. A table is written to the cache (`BENCH_CACHE_DIR`), where the records say that it lies.
        text: Column of the texts, or two that are read as a pair; None takes one with a usual name.
        label: Column of the labels; None takes one with a usual name.
        seeds: Repetitions, each with another seed.
        out: Results directory; None makes reports/out/TIME.
        quick: A first look with a small model and few rows.
        resume: Go on in `out`; only what ended ok is done.
        in_process: Run in this process, for a debugger.
        progress: Show what is going on, on stderr or below the cell.
        options: Any other option of `bench compare`.

    Raises:
        UsageError: the request is wrong, which is found out before any run; UnknownName says the nearest name.
        KeyboardInterrupt: the user interrupted it; `bench.load` reads the runs that were done.

    """
    check_keywords(compare, options)
    own = {"strategies": strategies, "text": text, "label": label}
    given = {name: named(name, value) for name, value in own.items() if value is not None}
    if model is not None:
        given["model"] = str(path_named("model=", model)) if isinstance(model, PathLike) else model
    with in_keywords():
        if data is not None:
            given["data"] = dataset_named(data, given.get("text"), given.get("label"))
        settings = as_settings({**given, "seeds": seeds, **options}, quick=quick)
        directory = default_directory() if out is None else path_named("out=", out)
        measured = measure(
            settings, requested(settings), directory, resume=resume, in_process=in_process, progress=progress
        )
    if measured.result is None:
        raise KeyboardInterrupt("the comparison was interrupted before any run ended")
    if measured.interrupted:
        msg = f"the comparison was interrupted; what was done is kept: bench.load({str(directory)!r}), or go on with out= and resume=True"
        raise KeyboardInterrupt(msg)
    return measured.result


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of the runs of a comparison."""

    result: Result | None
    """None where it was interrupted before any run."""
    interrupted: bool
    is_new: bool
    """Whether there was anything to do, so that what was read has been shown."""


def measure(
    settings: Settings,
    specs: Sequence[RunSpec],
    out: Path | None = None,
    *,
    resume: bool = False,
    in_process: bool = False,
    progress: bool = True,
) -> Measured:
    """Carry out every run that is not done in `out` (None makes reports/out/TIME), and compare what is there.

    Raises:
        UsageError: the directory cannot take these runs.

    """
    directory = out or default_directory()
    with Store.open(directory, resume=resume) as store:
        if not settings.allow_mismatch:
            done = store.read_all()
            check_same_experiment([record.spec for record in done], specs, directory)
            check_same_code(done, store.todo(specs), directory)
        store.keep_order(map(format_strategy, parse_strategies(settings.strategies)))
        is_new = bool(store.todo(specs))
        interrupted = _carry_out(settings, specs, store, in_process=in_process, progress=progress)
        records = store.read_all()
    return Measured(_result(settings, records, store) if records else None, interrupted, is_new)


def _result(settings: Settings, records: Sequence[RunRecord], store: Store) -> Result:
    has_reference = any(record.spec.name == settings.reference for record in records)
    comparison = compare_records(
        records,
        settings.reference if has_reference else None,  # it has no row where an interruption came before it
        quality=QUALITIES[settings.quality],
        rank_suspect=settings.rank_suspect,
        allow_mismatch=settings.allow_mismatch,
    )
    return Result((comparison,), store.directory, tuple(store.warnings))


def _carry_out(settings: Settings, specs: Sequence[RunSpec], store: Store, *, in_process: bool, progress: bool) -> bool:
    """Carry out what is not done; whether the user interrupted it."""
    todo = store.todo(specs)
    with ExitStack() as stack:
        display = stack.enter_context(_display(len(todo), settings, progress=progress))
        display.say(in_words(specs, todo, store.directory))
        if settings.save_model and len(todo) < len(specs):
            display.say("runs that are done already keep no weights; for those, give another --out without --resume")
        runner = (
            InProcessRunner(on_wait=display.say)
            if in_process
            else Runner(timeout_seconds=settings.timeout, on_wait=display.say)
        )
        stack.enter_context(runner)
        models = (lambda spec: store.directory / "models" / Path(file_name(spec)).stem) if settings.save_model else None
        try:
            Campaign(specs, store, runner, display, models).carry_out()
        except KeyboardInterrupt:
            return True
    return runner.interrupted


def _display(num_runs: int, settings: Settings, *, progress: bool) -> Display:
    """Show progress in the way of the place: a terminal, a file of lines, a notebook, or nowhere."""
    quality = QUALITIES[settings.quality]
    if not progress:
        return Display(Console(quiet=True, force_terminal=False, force_jupyter=False), num_runs, quality)
    console = Console(stderr=True)
    return NotebookDisplay(num_runs, quality) if console.is_jupyter else Display(console, num_runs, quality)
