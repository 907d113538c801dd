"""`bench gate --run`: two versions of any project, and the command that measures them."""

from __future__ import annotations

import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.gate.request import one_side
from bench.gate.sampling.commands import OUT, TIMEOUT, Processes, run_gate
from bench.gate.sampling.sides import find_project, hold, place_in_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gate.judging.judgement import Judgement
    from bench.gate.judging.margins import Margins
    from bench.gate.request import Sides

__all__ = ["project_gate"]


def project_gate(
    sides: Sides, margins: Margins, out: Path | None, say: Callable[[str], None]
) -> Callable[[], Judgement]:
    """Find both sides and their commands; whatever can be refused is refused before anything is run.

    Without a head, it is the current directory. The files of all processes are kept in `out`, in a directory of their own.

    Raises:
        UsageError: a side cannot be found, or an option does not go with --run.

    """
    base, head = one_side("--base", sides.base), one_side("--head", sides.head)
    run = sides.run or ""
    if OUT not in run:
        msg = f'--run {shlex.quote(run)}: say where the file goes, by {{out}}: "pytest benchmarks --benchmark-json={{out}}"'
        raise UsageError(msg)
    if superfluous := sides.settings.keys() - {"timeout"}:
        raise UsageError(
            f"--{min(superfluous).replace('_', '-')}: with --run, the command alone says what is measured; leave it out"
        )
    if sides.base_python or sides.head_python:
        msg = "--base-python and --head-python: with --run, --setup makes an environment for each side; leave them out"
        raise UsageError(msg)
    if base is None:
        raise UsageError("--base is missing: name a git ref or a directory")
    found = find_project("--base", base), find_project("--head", "." if head is None else head)

    def measure() -> Judgement:
        with TemporaryDirectory(prefix="bench-run-") as temporary, hold(*found) as held:
            scratch = Path(temporary)
            files = scratch if out is None else out.resolve() / "processes"
            files.mkdir(exist_ok=True)
            for stale in files.glob("*.json"):
                stale.unlink()
            timeout = sides.settings.get("timeout", TIMEOUT)
            processes = Processes(run, sides.setup, timeout, held, place_in_repository(), files, scratch, say)
            return run_gate(processes, margins)

    return measure
