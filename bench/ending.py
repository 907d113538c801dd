"""How a command ends when it is asked to: as at Ctrl-C, which ends its processes, keeps what was measured and reports it."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Ending", "discard", "interrupted_by_signals", "uninterrupted"]

ONE_REQUEST_SECONDS = 1.0
"""Signals that come so soon after one another are one request: `timeout` sends two, and so does a terminal that is closed."""


@dataclass(slots=True)
class Ending:
    """What asked a command to end, if anything did."""

    number: int | None = None
    """Of the signal; None of Ctrl-C, which is no request of another process."""
    at: float = -ONE_REQUEST_SECONDS
    """`time.monotonic()`."""

    @property
    def exit_code(self) -> int:
        """Of a command that was interrupted, as shells number it."""
        return ExitCode.INTERRUPTED if self.number is None else 128 + self.number

    def interrupt(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        now, before = time.monotonic(), self.at
        if now - before < ONE_REQUEST_SECONDS:
            return
        self.number, self.at = number, now
        if number == signal.SIGHUP:
            _leave_terminal()
        raise KeyboardInterrupt


@contextmanager
def interrupted_by_signals() -> Iterator[Ending]:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, interrupt this process as Ctrl-C does, unless it ignores them."""
    ending = Ending()
    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, ending.interrupt)
    try:
        yield ending
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep signals back that would interrupt this process, and processes that it starts meanwhile, until the context is left."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    is_main = threading.current_thread() is threading.main_thread()  # which alone handles them
    handlers = {
        number: signal.getsignal(number) for number in numbers if is_main and callable(signal.getsignal(number))
    }
    # What is started inherits the mask. Here, any other thread may be given a signal that this one keeps back.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    for number in handlers:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for one in dict.fromkeys(came):
            signal.raise_signal(one)


def discard(descriptor: int) -> None:
    """Send to nowhere what is written to a file from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _leave_terminal() -> None:
    """Discard what would go to a terminal: each write to one that is gone fails, and would end what is left to do."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                discard(descriptor)
