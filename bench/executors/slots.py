"""Slots: shares of this machine's processors, each of which one run takes while others take the rest.

Who measures alone locks the processors for itself; runs in slots share that lock, and each has the lock of its slot besides.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bench.executors.devices import POLL_SECONDS, Busy, cannot_lock, lock_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["slot"]


@contextmanager
def slot(num_slots: int, on_wait: Callable[[str], None] | None) -> Iterator[str]:
    """Lock one of so many slots of this machine; yields its name, such as "cpu slot 1 of 2".

    Args:
        num_slots: That runs of whoever asks may take.
        on_wait: Gets one sentence where none is free, or another bench measures alone; None waits for neither.

    Raises:
        Busy: none is free, and none was to be waited for.
        UsageError: the lock cannot be taken.

    """
    has_announced = False
    while True:
        with ExitStack() as locks:
            try:
                number = _free(locks, num_slots) if _is_shared(locks) else None
            except OSError as error:
                raise cannot_lock(lock_file("cpu"), error) from error
            if number is not None:
                yield f"cpu slot {number} of {num_slots}"
                return
        if on_wait is None:
            raise Busy
        if not has_announced:
            on_wait("another bench is measuring on this machine; waiting")
            has_announced = True
        time.sleep(POLL_SECONDS)


def _is_shared(locks: ExitStack) -> bool:
    """Keep out who wants the processors for itself, unless it has them."""
    descriptor = os.open(lock_file("cpu"), os.O_RDWR | os.O_CREAT, 0o666)
    locks.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(locks: ExitStack, num_slots: int) -> int | None:
    for number in range(1, num_slots + 1):
        lock = FileLock(lock_file(f"cpu-slot-{number}"), mode=0o666)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        locks.callback(lock.release)
        return number
    return None
