"""The results of the benchmarks, printed together at the end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.perf.results import Results, command

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = pytest.StashKey[Results]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = Results(command(shlex.join(config.invocation_params.args)))


@pytest.fixture
def results(request: pytest.FixtureRequest) -> Results:
    return request.config.stash[RESULTS]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line at once, since a benchmark takes long."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", flush=True)  # noqa: T201  what a benchmark finds is for the terminal

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if results := terminalreporter.config.stash[RESULTS]:
        terminalreporter.section("results")
        terminalreporter.write_line(results.markdown())
