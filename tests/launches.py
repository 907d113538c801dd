"""What one training step starts on a GPU, counted on a CPU (see `tests.gpu_kernels`): ours, and that of transformers' Trainer.

Counted are the operations that reach the device and are neither a view nor an allocation. A GPU starts more than one kernel for some
of them; here each counts 1, on either side.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.data import Dataset, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.training.forward.padded import collate
from bench.training.passes.transforms import rewrite
from bench.training.trainer import Schedule, steps
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama, toy_split
from tests.applied import applied
from tests.gpu_kernels import as_on_a_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.workload.data.dataset import Split

BATCHES = list(np.arange(12).reshape(3, 4))
"""Of rows whose tokens, filled up, are as many in each."""
SPLIT = toy_split(12, shortest=2, longest=9)

_NO_KERNEL = {
    *("_local_scalar_dense", "_unsafe_view", "is_pinned", "lift_fresh", "resize_", "set_"),
    *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
}
"""What starts none, beside views."""
_WAITS = {"_local_scalar_dense", "equal", "is_nonzero", "masked_select", "nonzero", "unique_dim", "_unique2"}


class Launches(TorchDispatchMode):
    """Notes what is dispatched to the device, and how often a batch is sent there."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[tuple[int, ...], ...]]] = []
        """Each operation, with the shapes of the tensors that it takes."""
        self.num_kernels = 0
        self.num_copies = 0
        """Of a batch to the device, which are no operations where both are one device."""

    @property
    def num(self) -> int:
        """All that is started."""
        return self.num_kernels + self.num_copies

    @property
    def counts(self) -> Counter[str]:
        """How often each operation runs."""
        return Counter(name for name, _ in self.calls)

    @property
    def waits(self) -> set[str]:
        """The operations that the host waits for."""
        return {name for name in self.counts if name.split(".")[1] in _WAITS}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        shapes = tuple(tuple(leaf.shape) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor))
        self.calls.append((str(func), shapes))
        starts_one = not (func.is_view or func.namespace == "profiler" or func.overloadpacket.__name__ in _NO_KERNEL)
        self.num_kernels += starts_one
        return func(*args, **(kwargs or {}))


@contextmanager
def counted() -> Iterator[Launches]:
    """Count what runs meanwhile."""
    plain = torch.Tensor.to

    def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        # While the host goes on: batches are sent so, and the scale of a fused optimizer, which stands where it is to be.
        launches.num_copies += "non_blocking" in kwargs and self.ndim > 0
        return plain(self, *args, **kwargs)

    with Launches() as launches, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "to", to)
        yield launches


def launches_of_ours(strategy: str, num_layers: int) -> Launches:
    """Count the second step of training: the first makes the state of the optimizer."""
    with as_on_a_gpu():
        prepared = applied(strategy, tiny_llama(num_layers=num_layers), split=SPLIT)
        assert prepared.why_padded is None
        loop = steps(prepared, SPLIT, Schedule(epochs=[BATCHES]), on_point=lambda *_: None)
        next(loop)
        with counted() as launches:
            next(loop)
    return launches


def launches_of_the_trainer(strategy: str, num_layers: int) -> Launches:
    """Count the second step of transformers' Trainer, on the same rows, with what the strategy trains and adds."""
    between = _SecondStep()
    with as_on_a_gpu(), TemporaryDirectory() as directory:
        trainer_for(
            strategy,
            tiny_llama(num_layers=num_layers),
            split=SPLIT,
            batches=BATCHES,
            callback=between,
            directory=directory,
            use_cpu=True,
        ).train()
    return between.launches


def trainer_for(
    strategy: str,
    model: PreTrainedModel,
    *,
    split: Split,
    batches: Sequence[NDArray[np.int64]],
    callback: TrainerCallback,
    directory: str,
    **arguments: Any,
) -> Trainer:
    """Make transformers' Trainer, for one epoch of these batches, with what the strategy trains and adds, and its precision."""
    view = view_of(model)
    plan = compose([registry.load(term) for term in parse_strategy(strategy)], view)
    trains = view.params_of(plan.phases.at(0, view.num_steps, 0))
    params = dict(model.named_parameters())
    outer, _ = rewrite(model, plan.transforms)
    for name, param in params.items():
        param.requires_grad_(name in trains)
    trainer = _Trainer(
        model=outer,
        args=TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=len(batches[0]),
            max_steps=len(batches),
            bf16=plan.precision == "amp",
            dataloader_pin_memory=not arguments.get("use_cpu", False),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            **arguments,
        ),
        train_dataset=_Rows(np.concatenate(list(batches))),
        data_collator=partial(_collate, split),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


class _SecondStep(TrainerCallback):
    """Counts from the end of the first step to that of the second."""

    def __init__(self) -> None:
        self.launches = Launches()
        self._open = counted()

    def on_step_end(self, _arguments: object, state: Any, _control: object, **_: object) -> None:
        if state.global_step == 1:
            self.launches = self._open.__enter__()
        elif state.global_step == 2:
            self._open.__exit__(None, None, None)


class _Rows(Dataset[int]):
    """Row numbers, in the order in which they are trained on."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> int:
        return int(self._rows[place])


def _collate(split: Split, rows: list[int]) -> dict[str, torch.Tensor]:
    batch = collate(split, rows, 0)
    return {**batch.inputs, "labels": batch.targets}


class _Trainer(Trainer):
    def _get_train_sampler(self, *_: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)
