"""What is going on, in a notebook: one output of a cell, rewritten at most once a second."""

from __future__ import annotations

import io
import time
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console

from bench.analysis.quality import ACCURACY
from bench.campaign.progress import Display
from bench.inert import inert

if TYPE_CHECKING:
    from types import TracebackType

    from bench.analysis.quality import Quality

__all__ = ["NotebookDisplay"]

_SECONDS_BETWEEN = 1.0
_LINES = 40
"""The last so many events are shown."""


class NotebookDisplay(Display):
    """Shows one comparison below its cell; a context manager."""

    def __init__(self, num_runs: int, quality: Quality = ACCURACY) -> None:
        """`num_runs` are to be done, and what is told of each is its `quality`."""
        super().__init__(Console(file=io.StringIO(), force_jupyter=False), num_runs, quality)
        self._tells_ok = False
        self._lines: list[str] = []
        self._drawn = 0.0

    def __enter__(self) -> Self:
        """Open the output."""
        display: Any = import_module("IPython.display").display  # there in a notebook alone
        self._handle = display({"text/plain": ""}, raw=True, display_id=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave what was said."""
        self._draw("")

    def say(self, text: str, style: str = "") -> None:  # noqa: ARG002  (of a terminal)
        """Show one line for good."""
        self._lines.append(inert(text))
        self._draw(self._title)

    def _update(self, **changes: Any) -> None:
        super()._update(**changes)
        if time.monotonic() - self._drawn >= _SECONDS_BETWEEN:
            task = next(iter(self._progress.tasks))
            done = "" if task.total is None else f" {task.completed:g}/{task.total:g} {task.fields['detail']}"
            self._draw(f"{task.description}{done}")

    def _draw(self, doing: str) -> None:
        self._drawn = time.monotonic()
        text = "\n".join([*self._lines[-_LINES:], *([inert(doing)] if doing else [])])
        self._handle.update({"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}, raw=True)
