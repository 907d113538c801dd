"""A process for one side of a comparison, with an environment of its own."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["open_process"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Call(Protocol):
    """Calls a function in the process."""

    def __call__(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Wait for what it returns."""
        ...


@contextmanager
def open_process(environ: Mapping[str, str] | None = None) -> Iterator[Call]:
    """Start a fresh interpreter that has `environ` in its environment too; its end comes with the block's."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            pool.submit(os.getpid).result()  # starts the process

        def call(function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return pool.submit(function, *args, **kwargs).result()

        yield call
