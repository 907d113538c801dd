"""Downloads one pinned requirement with pip, which knows the user's index, proxy and certificates."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["download"]

POLL_SECONDS = 0.2


def download(requirement: str, folder: Path, *, on_bytes: Callable[[int], None]) -> str:
    """Download the wheel of one requirement, which contains its hash, into `folder` with pip.

    Calls `on_bytes` with the bytes that have arrived. Returns pip's last error or line, which is
    the reason where no wheel arrived.
    """
    requirements, log, scratch = folder / "requirements.txt", folder / "pip.log", folder / "scratch"
    requirements.write_text(f"{requirement}\n")
    scratch.mkdir()
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
    places = [f"--dest={folder}", f"--requirement={requirements}"]
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603  (a fixed command)
            [sys.executable, *_pip(), "download", "--retries=1", *options, *places],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # pip downloads into its temporary folder first, where the bytes can be counted.
            env=os.environ | {"TMPDIR": str(scratch)},
        ) as process,
    ):
        try:
            while not _ended(process):
                on_bytes(_size(scratch))
        except BaseException:
            process.kill()
            raise
    return _last_word(log.read_text(errors="replace"))


def _pip() -> list[str]:
    """Find pip: the installed one, else the wheel that comes with Python for `ensurepip`."""
    # By PathFinder: asked for by any other way, setuptools makes way for pip, and torch can compile nothing any more.
    if PathFinder.find_spec("pip"):
        return ["-m", "pip"]
    carried = PathFinder.find_spec("ensurepip")
    bundled = Path(carried.origin).parent / "_bundled" if carried and carried.origin else None
    folders = [Path(folder) for folder in (sysconfig.get_config_var("WHEEL_PKG_DIR"), bundled) if folder]
    wheels = sorted(wheel for folder in folders for wheel in folder.glob("pip-*.whl"))
    return [f"{wheels[-1]}/pip"] if wheels else ["-m", "pip"]


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _size(folder: Path) -> int:
    """Add up the sizes of the files below a folder while another process creates, moves and deletes some."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _last_word(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip said nothing"])[-1]
