"""`bench doctor`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from bench.errors import ExitCode
from bench.inert import line

__all__ = ["doctor"]


def doctor(
    *,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:INDEX.")] = "auto",
    in_process: Annotated[bool, typer.Option("--in-process", help="Run in this process, for a debugger.")] = False,
) -> int:
    """Hold every instrument of this machine against a known answer; exit code 1 if one errs by more than 2 %."""
    from bench.doctor import display, examine  # noqa: PLC0415  (--help does without)
    from bench.executors.devices import choose_device  # noqa: PLC0415
    from bench.forecasting.here import this_card  # noqa: PLC0415

    def say(text: str) -> None:
        Console(stderr=True).print(line(text), soft_wrap=True)

    diagnosis = examine.diagnose(device, in_process=in_process, say=say)
    console = Console()
    console.print(display.diagnosis_table(diagnosis))
    console.print(line(display.noise_in_words(diagnosis)), soft_wrap=True)
    console.print(line(display.speed_in_words(this_card(choose_device(device)))), soft_wrap=True)
    return ExitCode.OK if diagnosis.is_well else ExitCode.FAILED
