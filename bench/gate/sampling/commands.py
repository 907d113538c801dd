"""`bench gate --run`: the benchmarks of any project, run in both checkouts in turns until the judgement needs no more."""

from __future__ import annotations

import random
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from os import killpg
from typing import TYPE_CHECKING, Literal

from bench.errors import UsageError
from bench.gate.judging.judgement import Judgement, Side
from bench.gate.judging.pytest_benchmark import judge_suite, read_suite
from bench.gate.judging.suite_looks import suite_plan
from bench.gate.sampling.environments import make_environment, variables_for
from bench.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.gate.judging.margins import Margins
    from bench.gate.sampling.sides import Checkout

__all__ = ["LOOKS", "TIMEOUT", "Command", "Failed", "Processes", "run_gate", "take_turns"]

LOOKS = (4, 6, 8, 12)
"""Processes a side after which the gate looks whether they suffice."""
TIMEOUT = 600.0
OUT = "{out}"
_TOLD = 20
"""Lines of what a failed command wrote that are shown."""


class Failed(Exception):
    """A process of a side left no file of benchmarks."""

    def __init__(self, *, is_head: bool, reason: str) -> None:
        super().__init__(reason)
        self.is_head, self.reason = is_head, reason


@dataclass(frozen=True, slots=True)
class Command:
    """What is run in each checkout."""

    run: str
    """For a shell; {out} is where the file of pytest-benchmark is to go."""
    setup: str | None = None
    """Run once in each checkout before."""
    timeout: float = TIMEOUT
    """Seconds of one process."""

    def check(self) -> None:
        """Refuse a command that says nowhere where its file is to go.

        Raises:
            UsageError: it does not.

        """
        if OUT not in self.run:
            msg = f'--run {shlex.quote(self.run)}: say where the file goes, by {{out}}: "pytest benchmarks --benchmark-json={{out}}"'
            raise UsageError(msg)


@dataclass(slots=True)
class Processes:
    """Both sides as they are there, and the processes that were run of them."""

    command: Command
    sides: Mapping[Literal["base", "head"], Checkout]
    within: Path
    """Of the checkout, the directory that the command is run in."""
    files: Path
    """Where the file of every process is put."""
    scratch: Path
    """Where environments are made."""
    say: Callable[[str], None]
    troubles: dict[str, str] = field(default_factory=dict)
    """By side, what went wrong although there is a file."""
    num: int = 0

    def prepare(self) -> None:
        """Set both sides up, each in an environment of its own.

        Raises:
            Failed: the setup of a side failed.
            UsageError: no environment can be made.

        """
        if self.command.setup is None:
            return
        for name in self.sides:
            make_environment(self._environment(name))
            self.say(f"{name}: {self.command.setup}")
            code, tail = self._call(name, self.command.setup, 0)
            if code:
                self._tell(tail)
                raise Failed(is_head=name == "head", reason=f"{name}: --setup {_ending(code, tail)}")

    def measure(self, is_head: bool, number: int) -> Path:  # noqa: FBT001  (it is one of two sides)
        """Run one process; give the file that it left.

        Raises:
            Failed: it left none.

        """
        name: Literal["base", "head"] = "head" if is_head else "base"
        path = self.files / f"{name}-{number + 1:02d}.json"
        path.unlink(missing_ok=True)
        began = time.perf_counter()
        code, tail = self._call(name, self.command.run.replace(OUT, shlex.quote(str(path))), number)
        self.num += 1
        is_written = path.is_file() and path.stat().st_size > 0
        if not is_written:
            self._tell(tail)
            raise Failed(is_head=is_head, reason=f"{name}: --run left no benchmarks: it {_ending(code, tail)}")
        if code:
            self.troubles.setdefault(name, f"{name}: --run {_ending(code, tail)}; what failed is not judged.")
        self.say(f"{name} {number + 1}: {time.perf_counter() - began:.1f} s")
        return path

    def _environment(self, name: str) -> Path:
        return self.scratch / f"{name}-environment"

    def _call(self, name: Literal["base", "head"], command: str, number: int) -> tuple[int | None, list[str]]:
        """Run a command in a side; give its exit code, None where it took too long, and its last lines."""
        root = self.sides[name].root
        assert root is not None  # it is checked out
        environment = None if self.command.setup is None else self._environment(name)
        process = subprocess.Popen(  # noqa: S602  (it is the user's own command, and a line of a shell)
            command,
            shell=True,
            cwd=root / self.within,
            env=variables_for(root, environment, number),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = None
        try:
            written, _ = process.communicate(timeout=self.command.timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            _end(process)
            written, _ = process.communicate()
        except BaseException:
            _end(process)
            process.wait()
            raise
        return code, [inert(line) for line in written.decode(errors="replace").splitlines() if line.strip()][-_TOLD:]

    def _tell(self, tail: list[str]) -> None:
        for line in tail:
            self.say(f"  {line}")


def take_turns(
    measure: Callable[[bool, int], Path], margins: Margins, order: random.Random, looks: tuple[int, ...] = LOOKS
) -> Judgement:
    """Measure both sides in turns, and judge at every look, until something is red or nothing is left open.

    Args:
        measure: Runs the process of a side (head or not) with a number; gives the file that it left.
        margins: How much worse head may be.
        order: Draws which side goes first, in half of the turns each.
        looks: Processes a side at which to look.

    """
    files: dict[bool, list[Path]] = {False: [], True: []}
    judgement = None
    for num in looks:
        more = num - len(files[False])
        firsts = [turn % 2 == 0 for turn in range(more)]
        order.shuffle(firsts)
        for is_head_first in firsts:
            for is_head in (is_head_first, not is_head_first):
                files[is_head].append(measure(is_head, len(files[is_head])))
        judgement, decided = judge_suite(read_suite(files[False], files[True]), margins, suite_plan(looks))
        if decided is None or decided.is_red or not decided.is_open:
            break
    assert judgement is not None  # there is a look
    return judgement


def run_gate(processes: Processes, margins: Margins) -> Judgement:
    """Set up, measure and judge; a side that leaves no benchmarks is a judgement too."""
    base, head = (Side(side.name, side.commit) for side in (processes.sides["base"], processes.sides["head"]))
    began = time.perf_counter()
    try:
        processes.prepare()
        found = take_turns(processes.measure, margins, random.Random())  # noqa: S311  (no secret)
    except Failed as failed:
        crash = failed.reason if failed.is_head else None
        return Judgement((), base, head, () if crash else (f"Not measured: {failed.reason}.",), crash)
    finally:
        processes.say(f"{processes.num} processes in {time.perf_counter() - began:.0f} s")
    machines = {"base": found.base.fingerprint, "head": found.head.fingerprint}
    return replace(
        found,
        base=replace(base, fingerprint=machines["base"]),
        head=replace(head, fingerprint=machines["head"]),
        warnings=(*processes.troubles.values(), *found.warnings),
    )


def _ending(code: int | None, tail: list[str]) -> str:
    if code is None:
        return "took longer than --timeout allows"
    ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"{ended}: {tail[-1]}" if tail else ended


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        killpg(process.pid, signal.SIGKILL)
