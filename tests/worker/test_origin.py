from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from bench.experiment.spec import RunSpec, parse_strategy
from bench.worker.measurement import StartingPoint
from bench.worker.origin import origin


def test_what_a_run_begins_from_tells_it_from_others_and_from_nothing_else() -> None:
    def told(text: str = "full", digest: str = "d", model: str = "m") -> dict[str, str]:
        data: Any = SimpleNamespace(assets={}, digest=digest)
        start = StartingPoint(head="fresh", model_digest=model)
        return origin(RunSpec(strategy=parse_strategy(text)), data, start, torch.device("cpu"))

    first = told()
    assert first == told()
    assert first["torch"] == torch.__version__
    for other, name in (
        (told("freeze"), "what was asked for"),
        (told(digest="e"), "the data"),
        (told(model="n"), "the model"),
    ):
        assert [key for key in first if first[key] != other[key]] == [name]
