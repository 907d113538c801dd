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
    from collections.abc import Iterable
    from types import TracebackType

    from rich.progress import Task, TaskID

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
        self._draw(())

    def say(self, text: str, style: str = "") -> None:  # noqa: ARG002  (of a terminal)
        """Show one line for good."""
        self._lines.append(inert(text))
        self._draw(shown.title for shown in self._shown.values())

    def _update(self, task: TaskID, **changes: Any) -> None:
        super()._update(task, **changes)
        if time.monotonic() - self._drawn >= _SECONDS_BETWEEN:
            self._draw(map(_in_a_line, self._progress.tasks))

    def _draw(self, doing: Iterable[str]) -> None:
        self._drawn = time.monotonic()
        text = "\n".join([*self._lines[-_LINES:], *map(inert, doing)])
        self._handle.update({"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}, raw=True)


def _in_a_line(task: Task) -> str:
    done = "" if task.total is None else f" {task.completed:g}/{task.total:g} {task.fields['detail']}"
    return f"{task.description}{done}"
