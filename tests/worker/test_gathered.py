from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.errors import Unsupported
from bench.experiment.spec import RunSpec, parse_strategy
from bench.training.parallel.base import is_cut
from bench.training.parallel.group import joined
from bench.worker.assemble import load_inputs
from bench.worker.gathered import gathered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.training.parallel.group import Group
    from bench.training.prepared import Prepared
    from bench.worker.assemble import Inputs

CPU = torch.device("cpu")


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        yield group


def cut(text: str, workload: WorkloadSpec, group: Group) -> tuple[Prepared, Inputs]:
    inputs = load_inputs(RunSpec(strategy=parse_strategy(f"{text}+shard"), workload=workload, batch_size=8, steps=2))
    return inputs.prepare(CPU, group=group), inputs


@pytest.mark.parametrize(
    "text",
    ["freeze+frozen:weights=bf16+amp:dtype=bf16", "pissa", "gradual+schedule_free", "prompt_tuning:tokens=3+compile"],
)
def test_it_is_whole_and_has_each_value_that_was_trained(text: str, workload: WorkloadSpec, group: Group) -> None:
    prepared, inputs = cut(text, workload, group)
    with torch.no_grad():
        for number, param in enumerate(prepared.model.parameters()):
            param.add_(number + 1)

    whole = gathered(prepared, inputs)

    assert whole is not None
    found, expected = dict(whole.model.named_parameters()), dict(prepared.model.named_parameters())
    assert list(found) == list(expected)
    for name, param in found.items():
        assert not is_cut(param)
        assert is_cut(expected[name])
        assert param.dtype == expected[name].dtype
        assert torch.equal(param, expected[name].full_tensor()), name  # type: ignore[operator]
    assert whole.params.keys() == prepared.params.keys()
    assert len(whole.rewritten) == len(prepared.rewritten)


def test_a_model_that_is_not_made_twice_alike_is_refused(workload: WorkloadSpec, group: Group) -> None:
    prepared, inputs = cut("full", workload, group)
    prepared.model.register_buffer("drawn", torch.zeros(1))
    with pytest.raises(Unsupported, match="drawn is in the model that was trained or in the same one made anew"):
        gathered(prepared, inputs)
