"""The command line: where settings, runner, store and reports meet."""

from __future__ import annotations

import inspect
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import Unsupported, UsageError
from bench.settings import QUICK, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.spec import RunSpec
    from bench.store import Store

__all__ = ["run"]

app = typer.Typer(
    help="Compare fine-tuning strategies of transformer models: speed, memory and accuracy, honestly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code.

    Raises:
        BenchError: whatever a command raises; `bench.__main__` turns it into one line.

    """
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=None if arguments is None else list(arguments), prog_name="bench", standalone_mode=False
        )
    except Exception as error:
        if not hasattr(error, "format_message"):  # a wrong option or value, found by the parser of arguments
            raise
        raise UsageError(error.format_message().replace("\n", " ")) from error
    return int(result or 0)


def _setting(name: str) -> inspect.Parameter:
    """Make the option that sets `name`; the settings alone know its type, its default and what it means."""
    field = Settings.model_fields[name]
    default = "" if field.default is None or field.default is False else f" [default: {field.default}]"
    # Rows are a number or "all", which the settings read.
    kind: Any = str if name in ("train_samples", "eval_samples") else field.annotation
    option = typer.Option(help=f"{field.description}{default}", show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command that takes `**given` an option for every setting."""
    own = [
        p
        for p in inspect.signature(command, eval_str=True).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    signature = inspect.Signature([*map(_setting, Settings.model_fields), *own])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


@app.command()
@_with_settings
def compare(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A first look, in a minute: {QUICK['model']}, few rows.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="TOML file with the same names as these options.")] = None,
    out: Annotated[Path | None, typer.Option(help="Results directory. [default: reports/out/TIME]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out; only what ended ok is done.")] = False,
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the matrix of runs and stop.")] = False,
    **given: Any,
) -> int:
    """Train with each strategy, and report speed, memory and accuracy side by side."""
    given = {name: value for name, value in given.items() if value is not None}
    settings = Settings.gather(given, config=config, quick=quick)
    specs = settings.matrix(_device(settings.device))
    _check(specs)
    if dry_run:
        from bench.announcement import matrix_table  # noqa: PLC0415

        Console().print(matrix_table(specs))
        return 0
    if resume and out is None:
        msg = "--resume needs --out, the directory to go on in"
        raise UsageError(msg)
    from bench.comparison import compare as compare_records  # noqa: PLC0415  (help and wrong names answer without)
    from bench.preflight import check_same_experiment  # noqa: PLC0415
    from bench.reporting import default_directory, show  # noqa: PLC0415
    from bench.store import Store  # noqa: PLC0415

    directory = out or default_directory()
    with Store.open(directory, resume=resume) as store:
        if not settings.allow_mismatch:
            check_same_experiment([record.spec for record in store.read_all()], specs, directory)
        interrupted = _measure(settings, specs, store, in_process=in_process)
        records = store.read_all()
        if not records:
            return 130
        comparison = compare_records(
            records,
            settings.reference,
            rank_suspect=settings.rank_suspect,
            allow_mismatch=settings.allow_mismatch,
        )
        show([comparison], directory, store.warnings)
    if interrupted:
        return 130
    return 0 if all(record.status in ("ok", "skipped") for record in records) else 1


@app.command()
def report(
    directories: Annotated[list[Path], typer.Argument(help="Results directories; several make one joined report.")],
    *,
    reference: Annotated[str | None, typer.Option(help="Strategy that others are compared with.")] = None,
    allow_mismatch: Annotated[bool, typer.Option("--allow-mismatch", help="Compare runs that differ in more.")] = False,
    rank_suspect: Annotated[bool, typer.Option("--rank-suspect", help="Rank rows that are in doubt.")] = False,
    kind: Annotated[
        Literal["html", "md", "csv", "json"] | None,
        typer.Option("--format", help="Print the report in this form, and write nothing."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write. [default: the directory; of several reports/out/TIME]")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> int:
    """Make the report of finished comparisons again, or of several together; needs neither torch nor the data."""
    from bench import reporting  # noqa: PLC0415

    return reporting.report(
        directories,
        reference=reference,
        allow_mismatch=allow_mismatch,
        rank_suspect=rank_suspect,
        kind=kind,
        out=out,
        open_page=open_page,
    )


@app.command()
def doctor(
    *,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:INDEX.")] = "auto",
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
) -> int:
    """Hold every instrument of this machine against a known answer; exit code 1 if one errs by more than 2 %."""
    from bench.doctor.display import diagnosis_table, noise_in_words  # noqa: PLC0415
    from bench.doctor.examine import examine  # noqa: PLC0415
    from bench.runner import InProcessRunner, Runner  # noqa: PLC0415

    def say(text: str) -> None:
        Console(stderr=True).print(Text(text), soft_wrap=True)

    entry = "bench.doctor.subject:main"
    with (InProcessRunner if in_process else Runner)(entry=entry, on_wait=say) as runner:
        diagnosis = examine(runner, _device(device), say)
    console = Console()
    console.print(diagnosis_table(diagnosis))
    console.print(Text(noise_in_words(diagnosis)), soft_wrap=True)
    return 0 if diagnosis.is_well else 1


@app.command("list")
def list_names(
    kind: Annotated[Literal["strategies", "models", "datasets", "metrics"], typer.Argument(help="What to list.")],
) -> int:
    """Document every name that the other commands take."""
    from bench import listing  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("options" if kind == "strategies" else "details")
    table.add_column("what it is")
    for entry in listing.entries(kind):
        table.add_row(*map(Text, entry))
    Console().print(table)
    return 0


def _device(name: str) -> str:
    """Turn "auto" into the GPU where there is one."""
    if name != "auto":
        return name
    from bench.runner.lease import visible_gpus  # noqa: PLC0415

    try:
        return "cuda" if visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES")) else "cpu"
    except Unsupported:
        return "cpu"


def _check(specs: Sequence[RunSpec]) -> None:
    """Refuse before any work what can be known to be wrong without any."""
    from bench.preflight import check_compositions  # noqa: PLC0415
    from bench.workload.presets import check_dataset, check_model  # noqa: PLC0415

    check_compositions({spec.strategy for spec in specs})
    check_model(specs[0].workload.model)
    check_dataset(specs[0].workload)


def _measure(settings: Settings, specs: Sequence[RunSpec], store: Store, *, in_process: bool) -> bool:
    """Carry out what is not done; whether the user interrupted it."""
    from bench.announcement import in_words  # noqa: PLC0415
    from bench.campaign import Campaign  # noqa: PLC0415
    from bench.progress import Display  # noqa: PLC0415
    from bench.runner import InProcessRunner, Runner  # noqa: PLC0415
    from bench.store import file_name  # noqa: PLC0415

    console = Console(stderr=True)
    todo = [spec for spec in specs if not store.done(spec)]
    with ExitStack() as stack:
        display = stack.enter_context(Display(console, len(todo)))
        display.say(in_words(specs, todo, store.directory))
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
