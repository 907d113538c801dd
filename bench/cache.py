"""The user's cache: what is fetched, converted or tokenised once stays here."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from filelock import FileLock
from platformdirs import user_cache_path

from bench.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["build_once", "cache_dir"]

_NO_ROOM = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS}


def cache_dir() -> Path:
    """Say where the cache is: where BENCH_CACHE_DIR points, else the user's own cache directory."""
    chosen = os.environ.get("BENCH_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else user_cache_path("finetune-bench")


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`; where it is missing, `build` fills it first, in one process at a time.

    `build` gets an empty directory that becomes `folder` once it returns, so that a folder of
    the cache is complete or absent.

    Raises:
        AssetError: the cache cannot be written.

    """
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
                    building = Path(temporary, folder.name)
                    building.mkdir()
                    build(building)
                    building.replace(folder)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise AssetError(
            f"cannot write to the cache {folder.parent}: {error.strerror}; point BENCH_CACHE_DIR to a folder with room"
        ) from error
    return folder
