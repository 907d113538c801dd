from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.executors.node import Terms
from bench.executors.ray_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Request


def test_it_yields_the_lines_of_a_run_and_then_of_another(make_request: Callable[..., Request]) -> None:
    terms = Terms(directory=str(Path.cwd()), entry="tiny_entries:well", preload=("bench.protocol",))
    worker = Worker(terms.model_dump_json())
    worker.ready()
    try:
        for _ in range(2):
            lines = list(worker.carry_out(make_request().model_dump_json()))
            assert [line.partition(" ")[0] for line in lines] == ["message"] * 4 + ["record"]
    finally:
        worker._node.__exit__()
