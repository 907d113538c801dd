"""`bench gate`: its options; `conclude` judges, and `recording` calibrates."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any

import typer

from bench.errors import UsageError
from bench.experiment.settings import WORK
from bench.gate.request import FormatName, Sides

__all__ = ["DEFAULTS", "SETTINGS", "gate"]

SETTINGS = (*WORK, "device", "timeout")
"""Of a comparison, those that a gate has too: what both sides train."""

DEFAULTS = {
    "strategies": "full,freeze",
    "model": "a tiny Llama",
    "dataset": "toy reviews, where the model is tiny",
    "steps": "60",
    "timeout": "600",
}
"""Of those, as --help tells them, where a gate has others than a comparison."""


def gate(
    *,
    base: Annotated[
        list[str] | None,
        typer.Option(
            help="What head is compared with: checkout, git ref, baseline, or files of pytest --benchmark-json."
        ),
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="What is judged: the same of another age. [default: this bench]")
    ] = None,
    base_python: Annotated[
        str | None, typer.Option(help="Interpreter of base, or its environment. [default: this one]")
    ] = None,
    head_python: Annotated[
        str | None, typer.Option(help="Interpreter of head, or its environment. [default: this one]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings, and of margins in [gate]. [default: bench.toml]")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(help="Command that measures both sides, of any project; {out} is where its file is to go."),
    ] = None,
    setup: Annotated[
        str | None, typer.Option(help="With --run: command that sets a side up, in an environment of its own.")
    ] = None,
    margin: Annotated[str | None, typer.Option(help="How much slower head may be. [default: 5%]")] = None,
    allow_missing: Annotated[
        list[str] | None,
        typer.Option(help="Benchmark that head need not have, or a pattern of names; repeat for more."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Find out what can be judged here: head against itself.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 3 where noise left it open.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory to write every form into.")] = None,
    kind: Annotated[
        FormatName | None, typer.Option("--format", help="Print the judgement in this form instead of the table.")
    ] = None,
    **given: Any,
) -> int:
    """Judge whether head got slower, bigger or worse than base; both are trained here, in turns, unless files are given.

    With --run, both sides are checkouts of any project, and the command measures them in turns: 4 processes a side,
    or 6, 8 or 12 where that is not enough.

    With --calibrate, head takes turns with itself, and step times that turn out too noisy for their margin are not
    judged here from then on.

    Exit codes: 0 no regression, 1 a regression, 2 the request is wrong, 3 open (with --strict),
    4 something was not measured, 5 head crashed.
    """
    sides = Sides(
        tuple(base or ()),
        tuple(head or ()),
        base_python,
        head_python,
        config,
        {name: value for name, value in given.items() if value is not None},
        run,
        setup,
    )
    if setup is not None and run is None:
        raise UsageError("--setup sets up what --run measures; give both, or neither")
    if calibrate and run is not None:
        raise UsageError("--calibrate trains this bench, which --run does not; leave one of them out")
    if calibrate and kind:
        raise UsageError("--format: a calibration is no judgement, and has no other form; leave it out")
    from bench.cli import conclude, recording  # noqa: PLC0415  (--help does without)

    if calibrate:
        return recording.calibrate(sides, margin=margin, strict=strict, out=out)
    return conclude.judge(sides, margin=margin, allow_missing=allow_missing or (), strict=strict, out=out, kind=kind)
