"""Read the user's TOML files, and replace files of ours atomically."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TEMPORARY", "default_config", "read_bytes", "read_toml", "replace_file", "replacing"]

TEMPORARY = ".*.tmp"
"""The names of files that `replace_file` writes before they stand in their place."""

_CONFIG = Path("bench.toml")
_OF_SHELL = (Path("/dev/fd"), Path("/proc/self/fd"))


def default_config() -> Path | None:
    """Return bench.toml of the current directory if there is one: it is read where no other file is named."""
    return _CONFIG if _CONFIG.is_file() else None


def read_bytes(path: Path) -> bytes:
    """Read a file that a user named; a pipe may be what a shell has written `<(...)` for, and no other.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, whose reader may wait for ever.

    """
    mode = path.stat().st_mode
    is_of_shell = path.parent in _OF_SHELL and stat.S_ISFIFO(mode)
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or is_of_shell):
        raise OSError(errno.EINVAL, "it is no regular file")
    return path.read_bytes()


def read_toml(path: Path, option: str = "--config") -> dict[str, Any]:
    """Read a TOML file that was named by `option`.

    Raises:
        UsageError: it cannot be read, or is no TOML.

    """
    try:
        return tomllib.loads(read_bytes(path).decode())
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; name a TOML file") from error
    # Besides what is no TOML: numbers of thousands of digits, lists of hundreds of lists.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option} {path} is not valid TOML: {error}") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part, even after a power cut.

    Raises:
        OSError: the directory does not exist or cannot be written; the old content stays.

    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which takes the place of `path` as that of `replace_file` does.

    Raises:
        OSError: as `replace_file` does.

    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the new name, too, is to last
    finally:
        os.close(directory)
