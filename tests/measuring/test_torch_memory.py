from __future__ import annotations

from collections import ChainMap, deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor._dtensor_spec import DTensorSpec, TensorMeta

from bench.measuring import host_memory, torch_memory
from bench.records.readings import Memory
from bench.training.parallel.group import joined

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20
CPU = torch.device("cpu")


def test_a_cpu_has_no_allocator_to_ask() -> None:
    device = torch.device("cpu")

    torch_memory.reset_peak(device)

    assert torch_memory.peak_bytes(device) == (None, None)


def test_the_peaks_of_a_gpu_are_live_tensors_and_held_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda:0")
    reset = create_autospec(torch.cuda.reset_peak_memory_stats)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    for name, value in {"max_memory_allocated": 3, "max_memory_reserved": 5}.items():
        monkeypatch.setattr(torch.cuda, name, create_autospec(getattr(torch.cuda, name), return_value=value))

    torch_memory.reset_peak(device)

    reset.assert_called_once_with(device)
    assert torch_memory.peak_bytes(device) == (3, 5)


def test_what_the_allocator_counts_is_asked_for_on_a_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (torch_memory.allocated_bytes(CPU), torch_memory.num_retries(CPU)) == (None, None)
    for name, value in {"memory_allocated": 3, "memory_stats": {"num_alloc_retries": 2}}.items():
        monkeypatch.setattr(torch.cuda, name, create_autospec(getattr(torch.cuda, name), return_value=value))

    cuda = torch.device("cuda")
    assert (torch_memory.allocated_bytes(cuda), torch_memory.num_retries(cuda)) == (3, 2)


def test_weights_mapped_from_a_file_are_resident_once_touched(tmp_path: Path) -> None:
    path, size = tmp_path / "weights", 64 * MIB
    path.write_bytes(b"\0" * size)
    model = nn.Linear(1, 1, bias=False)
    model.weight.data = torch.from_file(str(path), size=size // 4).view(-1, 1)
    before = host_memory.file_bytes()
    if before is None:
        pytest.skip("this kernel does not tell mapped files apart")

    torch_memory.touch(model)

    after = host_memory.file_bytes()
    assert after is not None
    assert after - before > 60 * MIB


@pytest.fixture
def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Tied weights, of which a quarter is frozen, after a step of AdamW."""
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    model[1].weight = model[0].weight
    model.append(nn.Linear(64, 64, bias=False).requires_grad_(requires_grad=False))
    optimizer = torch.optim.AdamW(param for param in model.parameters() if param.requires_grad)
    model(torch.ones(2, 64)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_peak_is_split_into_what_the_tensors_take_and_a_rest(
    trained: tuple[nn.Module, torch.optim.Optimizer],
) -> None:
    model, optimizer = trained
    one = 64 * 64 * 4
    memory = Memory(host_baseline_bytes=1000 + 3 * one, host_peak_bytes=1000 + 11 * one)

    parts = torch_memory.split_peak(memory, model, model.parameters(), optimizer)

    assert parts is not None
    assert parts.source == "host"
    assert parts.before_bytes == 1000
    assert parts.weights_bytes == 3 * one  # the shared one counts once
    assert parts.gradients_bytes == 2 * one
    assert parts.optimizer_bytes == pytest.approx(4 * one, abs=8)  # with the step counters
    assert parts.rest_bytes == pytest.approx(2 * one, abs=8)
    assert parts.total_bytes == memory.host_peak_bytes
    assert parts.residual_bytes == 0


def test_a_peak_below_its_parts_has_a_residual(trained: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    model, optimizer = trained
    one = 64 * 64 * 4

    parts = torch_memory.split_peak(
        Memory(host_baseline_bytes=3 * one, host_peak_bytes=4 * one), model, model.parameters(), optimizer
    )

    assert parts is not None
    assert parts.rest_bytes == 0
    assert parts.residual_bytes == pytest.approx(5 * one, abs=8)


def test_a_peak_that_was_not_measured_is_not_split(trained: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    model, optimizer = trained

    assert torch_memory.split_peak(Memory(), model, model.parameters(), optimizer) is None


def test_what_waits_on_the_host_is_no_part_of_a_gpus_peak(tmp_path: Path) -> None:
    model = nn.Linear(4, 4)
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=torch.device("cpu")):
        mesh = DeviceMesh("cuda", torch.arange(1), _init_backend=False)
        for name, param in list(model.named_parameters()):
            meta = TensorMeta(param.shape, param.stride(), param.dtype)
            part = DTensor(param.detach(), DTensorSpec(mesh, (Shard(0),), tensor_meta=meta), requires_grad=False)  # type: ignore[call-arg]
            setattr(model, name, nn.Parameter(part))
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.state[model.weight]["exp_avg"] = torch.zeros(4, 4)
    memory = Memory(torch_baseline_bytes=100, torch_allocated_peak_bytes=1000)

    parts = torch_memory.split_peak(memory, model, model.parameters(), optimizer)

    assert model.weight.device.type == "cpu"
    assert torch_memory.device_of(model).type == "cuda"
    assert parts is not None
    assert parts.source == "torch"
    assert (parts.weights_bytes, parts.gradients_bytes, parts.optimizer_bytes) == (0, 0, 0)
    assert (parts.before_bytes, parts.rest_bytes) == (100, 900)


def test_tensors_are_found_however_they_are_nested() -> None:
    class Slotted:
        __slots__ = ("kept", "unset")

        def __init__(self) -> None:
            self.kept = {"tensor": torch.ones(7)}

    shared = torch.ones(3)
    nested = {"a": [shared, (torch.ones(2), 5)], "b": {"c": torch.ones(1)}, "d": Slotted(), "e": [shared], "f": deque()}
    nested["f"].append(nested)

    assert sorted(tensor.numel() for tensor in torch_memory.reachable_tensors(nested)) == [1, 2, 3, 7]


class Quantised(torch.Tensor):
    """A wrapper as torchao's: numbers of 8 bits and a scale inside, and no memory of its own."""

    @staticmethod
    def __new__(cls, codes: torch.Tensor, scale: torch.Tensor) -> Any:
        return torch.Tensor._make_wrapper_subclass(cls, codes.shape, dtype=torch.float32, device=codes.device)

    def __init__(self, codes: torch.Tensor, scale: torch.Tensor) -> None:
        self.codes, self.scale = codes, scale

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.detach.default:
            return cls(args[0].codes, args[0].scale)
        raise NotImplementedError(func)


class Flattened(Quantised):
    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["codes", "scale"], None


class EightBit(torch.optim.Optimizer):
    """Keep a moment of 8 bits for every parameter, and move nothing."""

    def __init__(self, params: Any, wrapper: type[Quantised]) -> None:
        super().__init__(params, {})
        self.wrapper = wrapper

    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                codes = torch.zeros(param.shape, dtype=torch.uint8)
                self.state[param]["moment"] = self.wrapper(codes, torch.zeros(4))


def state_bytes(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    parts = torch_memory.split_peak(
        Memory(host_baseline_bytes=0, host_peak_bytes=1), model, list(model.parameters()), optimizer
    )
    assert parts is not None
    return parts.optimizer_bytes


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    model(torch.ones(2, 8)).sum().backward()
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("wrapper", [Quantised, Flattened])
def test_state_in_wrappers_is_counted_by_what_they_hold(wrapper: type[Quantised]) -> None:
    model = nn.Linear(8, 16)

    assert state_bytes(model, stepped(model, EightBit(model.parameters(), wrapper))) == 8 * 16 + 16 + 2 * 4 * 4


def test_weights_in_wrappers_are_counted_and_read_by_what_they_hold() -> None:
    model = nn.Module()
    inside = Flattened(torch.zeros(16, 8, dtype=torch.uint8), torch.zeros(4))
    model.weight = nn.Parameter(inside, requires_grad=False)
    one = nn.Parameter(torch.zeros(2))

    torch_memory.touch(model)
    parts = torch_memory.split_peak(
        Memory(host_baseline_bytes=500, host_peak_bytes=900), model, [one], torch.optim.SGD([one])
    )

    assert parts is not None
    assert (parts.weights_bytes, parts.gradients_bytes) == (16 * 8 + 4 * 4 + 8, 8)


class Both(torch.optim.Optimizer):
    """Two optimizers as one, which share their groups with it; its own state stays empty."""

    def __init__(self, model: nn.Linear) -> None:
        self.parts = {
            "matrix": torch.optim.AdamW([model.weight]),
            "rest": [torch.optim.SGD([model.bias], momentum=0.9)],
        }
        super().__init__(model.parameters(), {})
        self.param_groups = [*self.parts["matrix"].param_groups, *self.parts["rest"][0].param_groups]

    def step(self) -> None:  # type: ignore[override]
        self.parts["matrix"].step()
        self.parts["rest"][0].step()


class Merged(Both):
    """Its state is a view of theirs, made anew each time."""

    @property
    def state(self) -> Any:
        return ChainMap(*(part.state for part in (self.parts["matrix"], *self.parts["rest"])))

    @state.setter
    def state(self, value: Any) -> None:
        pass


class Lookahead(torch.optim.Optimizer):
    """An optimizer around another, with slow weights in an attribute and an object of its own in its state."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})
        self.slow = [param.detach().clone() for group in inner.param_groups for param in group["params"]]

    def step(self) -> None:  # type: ignore[override]
        self.inner.step()
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["projector"] = SimpleNamespace(matrix=torch.zeros(5))


def test_the_state_of_optimizers_within_an_optimizer_is_counted() -> None:
    step, matrix, bias = 4, 4 * 8 * 16, 4 * 16
    model = nn.Linear(8, 16)
    for kind in (Both, Merged):
        assert state_bytes(model, stepped(model, kind(model))) == 2 * matrix + step + bias
    around = stepped(model, Lookahead(torch.optim.AdamW(model.parameters())))
    assert state_bytes(model, around) == 3 * (matrix + bias) + 2 * step + 2 * 5 * 4


def test_what_belongs_to_the_model_is_no_state(trained: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    model, optimizer = trained
    before = state_bytes(model, optimizer)
    optimizer.model = model
    optimizer.register_step_post_hook(lambda *_: None)

    assert state_bytes(model, optimizer) == before == pytest.approx(4 * 64 * 64 * 4, abs=8)
