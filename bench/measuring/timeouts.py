"""Calls into a driver that may never return."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DRIVER_TIMEOUT_SECONDS", "call_within"]

T = TypeVar("T")

DRIVER_TIMEOUT_SECONDS = 5.0
"""A driver that wakes a sleeping GPU takes a second or two."""


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises, if it does so in time.

    Raises:
        TimeoutError: it did not; its thread is abandoned and ends with the process.

    """
    outcome = Future[T]()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  (raised again in the thread of the caller)
            outcome.set_exception(error)

    threading.Thread(target=run, name="call-within", daemon=True).start()
    return outcome.result(seconds)
