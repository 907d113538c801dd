"""A comparison from its settings to its report: what `bench compare` does."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.cli.report import check_figures_url
from bench.errors import ExitCode, UsageError
from bench.executors.devices import choose_device
from bench.experiment.matrix import matrix
from bench.experiment.spec import format_strategy, parse_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.cli.rules_file import RulesFile
    from bench.experiment.settings import Settings
    from bench.experiment.spec import RunSpec
    from bench.records.store import Store

__all__ = ["compare"]


def compare(
    settings: Settings,
    *,
    out: Path | None = None,
    resume: bool = False,
    in_process: bool = False,
    dry_run: bool = False,
    figures_url: str | None = None,
    gate: RulesFile | None = None,
) -> int:
    """Carry out every run that is not done, make the report and judge it by rules; the result is the exit code.

    Raises:
        UsageError: the request is wrong, which is found out before any run.

    """
    specs = matrix(settings, choose_device(settings.device))
    check_figures_url(figures_url)
    _check(specs)
    if gate:
        gate.check(spec.name for spec in specs)
    if dry_run:
        from bench.campaign.announcement import matrix_table  # noqa: PLC0415

        console = Console()
        console.print(matrix_table(specs))
        console.file.flush()  # before what follows on stderr
        _show_data(specs[0])
        return ExitCode.OK
    if resume and out is None:
        msg = "--resume needs --out, the directory to go on in"
        raise UsageError(msg)
    from bench.analysis.comparison import compare as compare_records  # noqa: PLC0415  (wrong names answer without)
    from bench.analysis.quality import QUALITIES  # noqa: PLC0415
    from bench.campaign.preflight import check_same_experiment  # noqa: PLC0415
    from bench.cli.report import default_directory, show  # noqa: PLC0415
    from bench.records.store import Store  # noqa: PLC0415

    directory = out or default_directory()
    with Store.open(directory, resume=resume) as store:
        if not settings.allow_mismatch:
            check_same_experiment([record.spec for record in store.read_all()], specs, directory)
        store.keep_order(map(format_strategy, parse_strategies(settings.strategies)))
        is_new = bool(store.todo(specs))  # and what was read is shown before the first run
        interrupted = _measure(settings, specs, store, in_process=in_process)
        records = store.read_all()
        if not records:
            return ExitCode.INTERRUPTED
        has_reference = any(record.spec.name == settings.reference for record in records)
        comparison = compare_records(
            records,
            settings.reference if has_reference else None,  # it has no row where an interruption came before it
            quality=QUALITIES[settings.quality],
            rank_suspect=settings.rank_suspect,
            allow_mismatch=settings.allow_mismatch,
        )
        show([comparison], directory, store.warnings, with_data=not is_new, figures_url=figures_url)
    if interrupted:
        return ExitCode.INTERRUPTED
    judged = gate.judge(comparison, directory, rank_suspect=settings.rank_suspect) if gate else ExitCode.OK
    if comparison.mismatches and not settings.allow_mismatch:
        return ExitCode.USAGE
    return judged if all(record.status in ("ok", "skipped") for record in records) else ExitCode.FAILED


def _check(specs: Sequence[RunSpec]) -> None:
    """Refuse before any work what can be known to be wrong without any."""
    from bench.campaign.preflight import check_compositions  # noqa: PLC0415
    from bench.workload.data.check import check_dataset  # noqa: PLC0415
    from bench.workload.models.check import check_model_files  # noqa: PLC0415

    check_compositions({spec.strategy for spec in specs})
    check_model_files(specs[0].workload.model)
    check_dataset(specs[0].workload)


def _show_data(spec: RunSpec) -> None:
    """Show what would be read, where nothing has to be fetched or converted for it."""
    from bench.campaign.announcement import to_do_once  # noqa: PLC0415
    from bench.campaign.progress import Display  # noqa: PLC0415
    from bench.workload.presets import is_hub_id  # noqa: PLC0415

    display, workload = Display(Console(stderr=True), 0), spec.workload
    hub = [name for name in (workload.model, workload.dataset) if is_hub_id(name) and not Path(name).exists()]
    if first := [*to_do_once(workload), *(f"{name} to look up on the Hub" for name in hub)]:
        display.say(f"what is read will be shown before the first run; it takes {', '.join(first)}")
        return
    from bench.workload.data.dataset import load_data  # noqa: PLC0415  (libraries that take seconds to import)

    display.data(load_data(workload).summary)


def _measure(settings: Settings, specs: Sequence[RunSpec], store: Store, *, in_process: bool) -> bool:
    """Carry out what is not done; whether the user interrupted it."""
    from bench.analysis.quality import QUALITIES  # noqa: PLC0415
    from bench.campaign.announcement import in_words  # noqa: PLC0415
    from bench.campaign.campaign import Campaign  # noqa: PLC0415
    from bench.campaign.progress import Display  # noqa: PLC0415
    from bench.executors import InProcessRunner, Runner  # noqa: PLC0415
    from bench.records.store import file_name  # noqa: PLC0415

    console = Console(stderr=True)
    todo = store.todo(specs)
    with ExitStack() as stack:
        display = stack.enter_context(Display(console, len(todo), QUALITIES[settings.quality]))
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
