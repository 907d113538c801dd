"""Keeps libraries from talking while they are imported, or asked for what they may lack."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quietly"]


@contextmanager
def quietly() -> Iterator[None]:
    """Drop what Python code prints, logs and warns of: libraries tell of kernels that this machine has no use for.

    Errors pass as they are raised, and so does what a crash writes.
    """
    disabled = logging.root.manager.disable
    out, err = _Mute(sys.stdout), _Mute(sys.stderr)
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)
            out.is_mute = err.is_mute = False


class _Mute(io.TextIOBase):
    """A stream that drops what is written until it is told otherwise: who took it meanwhile for stderr keeps it."""

    def __init__(self, stream: TextIO) -> None:
        self.is_mute = True
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if self.is_mute else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()
