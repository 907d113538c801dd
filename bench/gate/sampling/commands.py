"""`bench gate --run`: runs the benchmarks of any project in both checkouts in turns, until enough is known."""

from __future__ import annotations

import random
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from os import killpg
from typing import TYPE_CHECKING, Literal, NoReturn

from bench.gate.judging.judgement import Judgement, Side
from bench.gate.judging.pytest_benchmark import judge_suite, read_suite
from bench.gate.judging.suite_sequential import suite_plan
from bench.gate.sampling.environments import make_environment, variables_for
from bench.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.gate.judging.margins import Margins
    from bench.gate.sampling.sides import Checkout

__all__ = ["LOOKS", "OUT", "TIMEOUT", "Failed", "Processes", "run_gate", "take_turns"]

LOOKS = (4, 6, 8, 12)
"""Processes a side at which the gate judges whether they suffice."""
TIMEOUT = 600.0
OUT = "{out}"
_TOLD = 20
"""The last lines of a failed command's output that are shown."""


class Failed(Exception):
    """A process of a side wrote no file of benchmarks."""

    def __init__(self, *, is_head: bool, reason: str) -> None:
        super().__init__(reason)
        self.is_head, self.reason = is_head, reason


@dataclass(slots=True)
class Processes:
    """Runs the processes of both sides."""

    run: str
    """A shell command; {out} is the path for its file of pytest-benchmark."""
    setup: str | None
    """Runs once in each checkout before."""
    timeout: float
    """The longest that one process may take, in seconds."""
    sides: Mapping[Literal["base", "head"], Checkout]
    within: Path
    """The directory in the checkout in which the command runs."""
    files: Path
    """The directory for the file of every process."""
    scratch: Path
    """The directory for the environments."""
    say: Callable[[str], None]
    failures: dict[str, str] = field(default_factory=dict)
    """By side, what went wrong although a file was written."""
    num: int = 0

    def prepare(self) -> None:
        """Set up both sides, each in an environment of its own.

        Raises:
            Failed: the setup of a side failed.
            UsageError: no environment can be made.

        """
        if self.setup is None:
            return
        for name in self.sides:
            make_environment(self._environment(name))
            self.say(f"{name}: {self.setup}")
            code, tail = self._call(name, self.setup, 0)
            if code:
                self._fail(name, "--setup", code, tail)

    def measure(self, is_head: bool, number: int) -> Path:  # noqa: FBT001  (it is one of two sides)
        """Run one process and return the file that it wrote.

        Raises:
            Failed: it wrote none.

        """
        name: Literal["base", "head"] = "head" if is_head else "base"
        path = self.files / f"{name}-{number + 1:02d}.json"
        path.unlink(missing_ok=True)
        began = time.perf_counter()
        code, tail = self._call(name, self.run.replace(OUT, shlex.quote(str(path))), number)
        self.num += 1
        is_written = path.is_file() and path.stat().st_size > 0
        if not is_written:
            self._fail(name, "--run left no benchmarks: it", code, tail)
        if code:
            self.failures.setdefault(name, f"{name}: --run {_ending(code, tail)}; what failed is not judged.")
        self.say(f"{name} {number + 1}: {time.perf_counter() - began:.1f} s")
        return path

    def _environment(self, name: str) -> Path:
        return self.scratch / f"{name}-environment"

    def _call(self, name: Literal["base", "head"], command: str, number: int) -> tuple[int | None, list[str]]:
        """Run a command in a side; return its exit code, None where it took too long, and its last lines."""
        root = self.sides[name].root
        assert root is not None  # it is checked out
        environment = None if self.setup is None else self._environment(name)
        process = subprocess.Popen(  # noqa: S602  (the user's own shell command)
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
            written, _ = process.communicate(timeout=self.timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            _end(process)
            written, _ = process.communicate()
        except BaseException:
            _end(process)
            process.wait()
            raise
        return code, [inert(line) for line in written.decode(errors="replace").splitlines() if line.strip()][-_TOLD:]

    def _fail(self, name: str, what: str, code: int | None, tail: list[str]) -> NoReturn:
        for line in tail:
            self.say(f"  {line}")
        raise Failed(is_head=name == "head", reason=f"{name}: {what} {_ending(code, tail)}")


def take_turns(measure: Callable[[bool, int], Path], margins: Margins, order: random.Random) -> Judgement:
    """Measure both sides in turns, and judge at every look, until something is red or everything is decided.

    `measure` runs a process of a side (head or not) by its number, and returns the file that it wrote; `order` draws which
    side goes first, each in half of the turns.
    """
    files: dict[bool, list[Path]] = {False: [], True: []}
    judgement = None
    for num in LOOKS:
        more = num - len(files[False])
        firsts = [turn % 2 == 0 for turn in range(more)]
        order.shuffle(firsts)
        for is_head_first in firsts:
            for is_head in (is_head_first, not is_head_first):
                files[is_head].append(measure(is_head, len(files[is_head])))
        judgement, decided = judge_suite(read_suite(files[False], files[True]), margins, suite_plan(LOOKS))
        if decided is None or decided.is_red or not decided.is_open:
            break
    assert judgement is not None  # there is at least one look
    return judgement


def run_gate(processes: Processes, margins: Margins) -> Judgement:
    """Set up, measure and judge; a side that writes no benchmarks gets a judgement too."""
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
    return replace(
        found,
        base=replace(base, fingerprint=found.base.fingerprint),
        head=replace(head, fingerprint=found.head.fingerprint),
        warnings=(*processes.failures.values(), *found.warnings),
    )


def _ending(code: int | None, tail: list[str]) -> str:
    if code is None:
        return "took longer than --timeout allows"
    ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"{ended}: {tail[-1]}" if tail else ended


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        killpg(process.pid, signal.SIGKILL)
