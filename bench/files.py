"""Read the user's TOML files, and replace files of ours atomically."""

from __future__ import annotations

import os
import tomllib
import uuid
from pathlib import Path
from typing import Any

from bench.errors import UsageError

__all__ = ["TEMPORARY", "default_config", "read_toml", "replace_file"]

TEMPORARY = ".*.tmp"
"""The names of files that `replace_file` writes before they stand in their place."""

_CONFIG = Path("bench.toml")


def default_config() -> Path | None:
    """Return bench.toml of the current directory if there is one: it is read where no other file is named."""
    return _CONFIG if _CONFIG.is_file() else None


def read_toml(path: Path, option: str = "--config") -> dict[str, Any]:
    """Read a TOML file that was named by `option`.

    Raises:
        UsageError: it cannot be read, or is no TOML.

    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
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
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the new name, too, is to last
    finally:
        os.close(directory)
