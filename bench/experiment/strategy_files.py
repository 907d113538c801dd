"""A strategy from a file of the user's, which need not be installed: `./mine.py:Topmost`."""

from __future__ import annotations

import inspect
import sys
import traceback
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.errors import UnknownName, UsageError
from bench.files import read_bytes
from bench.plan.option_text import decode

__all__ = ["class_in", "digest_of", "is_in_file"]


def is_in_file(name: str) -> bool:
    """Whether the name of a term is that of a class in a file; no other has a colon."""
    return ":" in name


def class_in(name: str) -> Any:
    """Return what a file defines under a name; while its content is the same, it is run once in a process.

    Raises:
        UnknownName: the file defines nothing of that name.
        UsageError: there is no such file, or running it raises an error.

    """
    path, cls = _split(name)
    module = _module(path, _read(name))
    if not hasattr(module, cls):
        kind = f"strategy in {path}"
        raise UnknownName(kind, cls, (one for one, _ in inspect.getmembers(module, lambda it: hasattr(it, "edit"))))
    return getattr(module, cls)


def digest_of(name: str) -> str:
    """Return the digest of the file that a name is in: "sha256:...".

    Raises:
        UsageError: there is no such file.

    """
    return f"sha256:{sha256(_read(name)).hexdigest()}"


def _split(name: str) -> tuple[Path, str]:
    path, _, cls = name.partition(":")
    return Path(decode(path)), cls


def _read(name: str) -> bytes:
    path, _ = _split(name)
    try:
        return read_bytes(path)
    except OSError as error:
        msg = f"strategy {name}: {path} cannot be read from {Path.cwd()}: {error.strerror}"
        raise UsageError(msg) from error


def _module(path: Path, source: bytes) -> ModuleType:
    """Run a file as a module. No compiled copy is kept beside it, which could stand in for a file that was just edited."""
    digest = sha256(str(path.resolve()).encode("utf-8", "surrogateescape") + b"\0" + source).hexdigest()
    name = f"bench_strategies_in_{path.stem}_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # a dataclass looks here for the types of its fields
    try:
        exec(compile(source, path, "exec"), vars(module))  # noqa: S102  (the user named it, to be run)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}, line {lines[-1]}," if lines else path
        raise UsageError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    return module
