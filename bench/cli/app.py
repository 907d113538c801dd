"""The command line: where settings, runner, store and reports meet."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.cli.gate_options import DEFAULTS as GATE_DEFAULTS
from bench.cli.gate_options import SETTINGS as GATE_SETTINGS
from bench.cli.gate_options import gate as gate_command
from bench.cli.gate_options import repeat_sides, save, show
from bench.errors import ExitCode, UsageError
from bench.experiment.settings import OPTIONS, QUICK, Settings
from bench.experiment.spec import QualityName  # noqa: TC001  (typer reads the annotations)
from bench.files import default_config
from bench.gate.judging.margins import read_margins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.cli.rules_file import RulesFile

__all__ = ["run"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_TYPES = get_type_hints(Settings)
"""Of the settings, without their bounds."""
_FIGURES = typer.Option(help="Where the results directory can be reached, for the figures of summary.md: https://...")
_GATE = typer.Option(help='TOML file of rules to judge the comparison by, such as "peak_memory <= 20 GiB".')
_STRICT = typer.Option("--strict", help="With --gate: exit code 3 where noise left a rule open.")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code.

    Raises:
        BenchError: whatever a command raises; `bench.__main__` turns it into one line.

    """
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = command.main(args=repeat_sides(words), prog_name="bench", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # a wrong option or value, found by the parser of arguments
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            Console(stderr=True).print(error.format_message(), highlight=False, markup=False, soft_wrap=True)
            return ExitCode.USAGE
        raise UsageError(error.format_message().replace("\n", " ")) from error
    return int(result or ExitCode.OK)


def _setting(name: str, defaults: Mapping[str, str]) -> inspect.Parameter:
    """Make the option that sets `name`; the settings alone know its type and what it means, and mostly its default."""
    field = Settings.model_fields[name]
    told = defaults.get(name, field.default)
    default = "" if told is None or told is False else f" [default: {told}]"
    # Rows are a number or "all", which the settings read.
    kind: Any = str if name in ("train_samples", "eval_samples") else _TYPES[name]
    option = typer.Option(help=f"{field.description}{default}", show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _with_settings(
    command: Callable[..., int],
    names: Iterable[str] = OPTIONS,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., int]:
    """Give a command that takes `**given` an option for every setting, or for those named; it may have other `defaults`."""
    own = [
        p
        for p in inspect.signature(command, eval_str=True).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    signature = inspect.Signature([*(_setting(name, defaults) for name in names), *own])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"bench {version('finetune-bench')}\n")
        raise typer.Exit


@app.callback(epilog="Example: bench compare --quick")
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Compare fine-tuning strategies of transformer models: speed, memory and accuracy, honestly."""


@app.command(epilog="Example: bench compare --strategies full,freeze:last=2+amp --dataset reviews.csv --seeds 3")
@_with_settings
def compare(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A first look, in a minute: {QUICK['model']}, few rows.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of these options, --strategies to --save-model. [default: bench.toml]"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Results directory. [default: reports/out/TIME]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out; only what ended ok is done.")] = False,
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the matrix of runs and stop.")] = False,
    figures_url: Annotated[str | None, _FIGURES] = None,
    gate: Annotated[Path | None, _GATE] = None,
    strict: Annotated[bool, _STRICT] = False,
    **given: Any,
) -> int:
    """Train with each strategy, and report speed, memory and accuracy side by side."""
    given = {name: value for name, value in given.items() if value is not None}
    config = config or default_config()
    settings = Settings.gather(given, config=config, quick=quick)
    read_margins(config)  # a wrong margin is told at once, whoever reads the file
    from bench.cli import compare  # noqa: PLC0415  (a wrong setting answers without)

    return compare.compare(
        settings,
        out=out,
        resume=resume,
        in_process=in_process,
        dry_run=dry_run,
        figures_url=figures_url,
        gate=_rules(gate, strict=strict),
    )


@app.command(epilog="Example: bench report reports/out/TIME --open")
def report(
    directories: Annotated[list[Path], typer.Argument(help="Results directories; several make one joined report.")],
    *,
    reference: Annotated[str | None, typer.Option(help="Strategy that others are compared with.")] = None,
    quality: Annotated[
        QualityName, typer.Option(help="Score to rank by instead of accuracy.", show_default=False)
    ] = "accuracy",
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
    figures_url: Annotated[str | None, _FIGURES] = None,
    gate: Annotated[Path | None, _GATE] = None,
    strict: Annotated[bool, _STRICT] = False,
) -> int:
    """Make the report of finished comparisons again, or of several together; needs neither torch nor the data."""
    from bench.cli import report  # noqa: PLC0415

    return report.report(
        directories,
        reference=reference,
        quality=quality,
        allow_mismatch=allow_mismatch,
        rank_suspect=rank_suspect,
        kind=kind,
        out=out,
        open_page=open_page,
        figures_url=figures_url,
        gate=_rules(gate, strict=strict),
    )


app.command(
    "gate", epilog='Example: bench gate --run "pytest benchmarks --benchmark-json={out}" --base main --head HEAD'
)(_with_settings(gate_command, GATE_SETTINGS, GATE_DEFAULTS))
baseline = typer.Typer(
    help="Record what a side takes, and show what was recorded.", epilog="Example: bench baseline save baseline.json"
)
baseline.command(
    "save", epilog="Example: bench baseline save november.json --from run1.json run2.json run3.json run4.json"
)(_with_settings(save, GATE_SETTINGS, GATE_DEFAULTS))
baseline.command("show", epilog="Example: bench baseline show *.json --out trend")(show)
app.add_typer(baseline, name="baseline")


@app.command(epilog="Example: bench doctor --device cpu")
def doctor(
    *,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:INDEX.")] = "auto",
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
) -> int:
    """Hold every instrument of this machine against a known answer; exit code 1 if one errs by more than 2 %."""
    from bench.doctor.display import diagnosis_table, noise_in_words  # noqa: PLC0415
    from bench.doctor.examine import examine  # noqa: PLC0415
    from bench.executors import InProcessRunner, Runner  # noqa: PLC0415
    from bench.executors.devices import choose_device  # noqa: PLC0415

    def say(text: str) -> None:
        Console(stderr=True).print(Text(text), soft_wrap=True)

    entry = "bench.doctor.known_strategies:main"
    with (InProcessRunner if in_process else Runner)(entry=entry, on_wait=say) as runner:
        diagnosis = examine(runner, choose_device(device), say)
    console = Console()
    console.print(diagnosis_table(diagnosis))
    console.print(Text(noise_in_words(diagnosis)), soft_wrap=True)
    return ExitCode.OK if diagnosis.is_well else ExitCode.FAILED


def _rules(path: Path | None, *, strict: bool) -> RulesFile | None:
    """Read the rules before any work."""
    if path is None and strict:
        msg = "--strict needs --gate, the rules to be strict about"
        raise UsageError(msg)
    from bench.cli.rules_file import RulesFile  # noqa: PLC0415

    return RulesFile.read(path, strict=strict) if path else None


@app.command("list", epilog="Example: bench list strategies")
def list_names(
    kind: Annotated[Literal["strategies", "models", "datasets", "metrics"], typer.Argument(help="What to list.")],
) -> int:
    """Document every name that the other commands take."""
    from bench.cli import listing  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("options" if kind == "strategies" else "details")
    table.add_column("what it is")
    for entry in listing.entries(kind):
        table.add_row(*map(Text, entry))
    Console().print(table)
    return ExitCode.OK
