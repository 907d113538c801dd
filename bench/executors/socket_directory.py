"""Where the fork server's socket lies, and ranks meet: a directory that is locked as long as it is used, so that a later bench can remove it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["socket_directory"]

_PREFIX = "bench-run-"
_LONGEST = 107 - len("12345678/listener-12345678")
"""Bytes of the name of a directory and our prefix: sockets have names of at most 107."""


@contextmanager
def socket_directory() -> Iterator[None]:
    """Let `multiprocessing` put sockets into a directory that is removed at the end, or by the next bench after a SIGKILL."""
    for left in _place().glob(f"{_PREFIX}*"):
        _remove(left)
    process: Any = current_process()
    config: dict[str, Any] = process._config  # noqa: SLF001  there is no public way
    before = config.get("tempdir")
    path, descriptor = _locked()
    config["tempdir"] = str(path)
    try:
        yield
    finally:
        config["tempdir"] = before
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _locked() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.is_dir():  # else another bench took it for one that was left
            return path, descriptor
        os.close(descriptor)


def _place() -> Path:
    """The directory of temporary files, or one of a shorter name where a socket could not lie in that."""
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual / _PREFIX)) <= _LONGEST else Path("/tmp")  # noqa: S108  (only we read it)


def _remove(path: Path) -> None:
    """Remove a directory that nobody has locked."""
    with suppress(OSError):  # it is in use, of another user, or gone
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        finally:
            os.close(descriptor)
