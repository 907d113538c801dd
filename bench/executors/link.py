"""Lines of text between rank 0 and another process that was started alike, on any node, over torch's store, and signs of life of both."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from torch.distributed import TCPStore  # type: ignore[attr-defined]  # there, and not declared

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.executors.launch import Launch

__all__ = ["JOIN_SECONDS", "LOST_SECONDS", "POLL_SECONDS", "Link", "opened"]

POLL_SECONDS = 0.1
BEAT_SECONDS = 1.0
"""Between two signs of life."""
LOST_SECONDS = 10.0
"""Without a sign of life, until a process is taken for gone."""
JOIN_SECONDS = 300.0
"""For all to be started and to import torch."""


class Link:
    """One end. What one end sends arrives at the other once, in order."""

    def __init__(self, store: TCPStore, name: str, own: int, peer: int) -> None:
        """Take one end of the link `name` between two ranks; nothing is sent yet."""
        self._store = store
        self._sends, self._hears, self._beats = f"{name}/{own}>{peer}", f"{name}/{peer}>{own}", f"{name}/beat/{peer}"
        self._num_sent = self._num_heard = 0
        self._beat, self._asked_at, self._seen_at = b"", 0.0, time.monotonic()
        self._is_cut = False

    @property
    def is_alive(self) -> bool:
        """Whether the other end is there; before its first sign of life it may still be starting."""
        now = time.monotonic()
        if now >= self._asked_at + BEAT_SECONDS and not self._is_cut:
            self._asked_at = now
            beat = self._take(self._beats)
            if beat not in (None, self._beat):
                self._beat, self._seen_at = beat or b"", now
        return not self._is_cut and now < self._seen_at + (LOST_SECONDS if self._beat else JOIN_SECONDS)

    def cut(self) -> None:
        """Take the other end for gone: what it was asked for has not come."""
        self._is_cut = True

    def send(self, line: str) -> None:
        """Send a line; where the other end is gone, nobody gets it."""
        try:
            self._store.set(f"{self._sends}/{self._num_sent}", line)
        except RuntimeError:  # torch's, of a store that is gone
            self._is_cut = True
        self._num_sent += 1

    def heard(self) -> Iterator[str]:
        """Yield the lines that have arrived."""
        while (line := self._take(key := f"{self._hears}/{self._num_heard}")) is not None:
            self._num_heard += 1
            self._store.delete_key(key)
            yield line.decode()

    def _take(self, key: str) -> bytes | None:
        try:
            return self._store.get(key) if self._store.check([key]) else None
        except RuntimeError:
            self._is_cut = True
            return None


@contextmanager
def opened(launch: Launch) -> Iterator[tuple[TCPStore, str]]:
    """Open the store in which all meet, and give signs of life while the context is open; yields it, and the name of what is ours in it.

    Raises:
        BenchError: it cannot be reached.

    """
    name, beats = f"bench/{launch.attempt}", _store(launch, holds=launch.rank == 0 and not launch.has_store)
    store, is_over = _store(launch), threading.Event()

    def beat() -> None:
        number = 0
        try:
            while True:
                beats.set(f"{name}/beat/{launch.rank}", str(number := number + 1))
                if is_over.wait(BEAT_SECONDS):
                    return
        except RuntimeError:  # the store is gone, which whoever asks for something finds out
            return

    thread = threading.Thread(target=beat, name="sign-of-life", daemon=True)
    thread.start()
    try:
        yield store, name
    finally:
        is_over.set()
        thread.join()


def _store(launch: Launch, *, holds: bool = False) -> TCPStore:
    try:
        return TCPStore(
            launch.address,
            launch.port,
            is_master=holds,
            wait_for_workers=False,
            timeout=timedelta(seconds=JOIN_SECONDS),
        )
    except RuntimeError as error:
        raise BenchError(
            f"rank {launch.rank} of {launch.num}: the processes that were started alike cannot meet at {launch.address}:{launch.port} "
            f"({str(error).splitlines()[0]}); MASTER_ADDR and MASTER_PORT name another place"
        ) from error
