"""Calls into a driver that may never return."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE_SECONDS", "within"]

T = TypeVar("T")

PATIENCE_SECONDS = 5.0
"""A driver that wakes a sleeping GPU takes a second or two."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Give what `call` returns, or raise what it raises, if it does so in time.

    Raises:
        TimeoutError: it did not; its thread is left to itself and ends with the process.

    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  it is raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, name="patience", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        msg = f"no answer within {seconds:g} s"
        raise TimeoutError(msg)
    return results[0]
