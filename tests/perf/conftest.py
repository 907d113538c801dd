"""The results of the benchmarks, printed together at the end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from bench.executors.fork_server import SERVER_ENVIRONMENT
from tests.perf.processes import open_process
from tests.perf.results import Results, command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.perf.processes import Call

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


@pytest.fixture
def transformers() -> Iterator[Call]:
    """A process such as a user of the Trainer starts."""
    with open_process() as call:
        yield call


@pytest.fixture
def bench() -> Iterator[Call]:
    """A process with the environment of a run of bench."""
    with open_process(SERVER_ENVIRONMENT) as call:
        yield call


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if results := terminalreporter.config.stash[RESULTS]:
        terminalreporter.section("results")
        terminalreporter.write_line(results.markdown())
