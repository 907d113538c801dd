"""The options of `bench gate`; what it does is in `bench.gating`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any, Literal

import typer

__all__ = ["SETTINGS", "SIDES", "FormatName", "gate", "repeat_sides"]

SIDES = ("--base", "--head")
"""The options that take as many words as a pattern of the shell becomes."""

FormatName = Literal["json", "markdown", "junit", "sarif", "github-action-benchmark", "bencher", "annotations"]
"""The names of `bench.gate.outputs.FORMATS`, which --help does not import."""


SETTINGS = (
    *("strategies", "model", "dataset", "text_column", "label_column", "train_split", "eval_split", "max_length"),
    *("train_samples", "eval_samples", "steps", "batch_size", "micro_batch_size", "lr", "device", "timeout"),
)
"""Of a comparison, those that a gate has too: what both sides train."""


def gate(
    *,
    base: Annotated[
        list[str] | None,
        typer.Option(help="What head is compared with: checkout, git ref, or files of pytest --benchmark-json."),
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
    margin: Annotated[str | None, typer.Option(help="How much slower head may be. [default: 5%]")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 3 where noise left it open.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory to write every form into.")] = None,
    kind: Annotated[
        FormatName | None, typer.Option("--format", help="Print the judgement in this form instead of the table.")
    ] = None,
    **given: Any,
) -> int:
    """Judge whether head got slower, bigger or worse than base; both are trained here, in turns, unless files are given.

    Exit codes: 0 no regression, 1 a regression, 2 the request is wrong, 3 open (with --strict),
    4 something was not measured, 5 head crashed.
    """
    from bench import gating  # noqa: PLC0415  (--help does without)

    sides = gating.Sides(
        tuple(base or ()),
        tuple(head or ()),
        base_python,
        head_python,
        config,
        {name: value for name, value in given.items() if value is not None},
    )
    return gating.gate(sides, margin=margin, strict=strict, out=out, kind=kind)


def repeat_sides(arguments: list[str]) -> list[str]:
    """Repeat an option of SIDES before each of its words: the parser takes `--base a --base b`, not `--base a b`."""
    repeated: list[str] = []
    option, has_value = None, False
    for word in arguments:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            option, has_value = (name if name in SIDES else None), bool(equals)
        elif option:
            repeated += [option] if has_value else []
            has_value = True
        repeated.append(word)
    return repeated
