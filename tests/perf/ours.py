"""Our side of the comparison: the plan applied, and the one loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.measuring import host_memory
from bench.training.forward.rule import way_on_cpu
from bench.training.trainer import Schedule, train
from tests.perf.side import DEVICE, Done, load

if TYPE_CHECKING:
    from bench.training.prepared import Prepared
    from tests.perf.side import Epochs, Work

__all__ = ["make_ready", "prepare_ours", "train_ours", "train_ready"]

_ready: list[tuple[Prepared, Work]] = []


def prepare_ours(work: Work) -> Prepared:
    """Apply the plan, as a run does before it trains, in the way that a comparison chooses on a CPU; a GPU packs."""
    spec, lengths = work.inputs.spec, work.data.train.lengths
    if DEVICE.type == "cpu":
        spec = spec.model_copy(update={"way": way_on_cpu(work.model, lengths, spec.batch_size, None)})
    return replace(work.inputs, spec=spec).prepare(DEVICE, plan=work.plan)


def make_ready(strategy: str, model: str, num_rows: int, *, compiled: bool = True) -> None:
    """Load a fresh model and apply the plan, so that this process is ready to train."""
    _ready.clear()  # one model at a time
    work = load(strategy, model, num_rows)
    if not compiled:
        work = work.without_compile()
    _ready.append((prepare_ours(work), work))
    host_memory.release_free_memory()  # as a run does: what the last turn has touched is not there for this one


def train_ready(epochs: Epochs) -> Done:
    """Train what was made ready, from where it stands."""
    return train_ours(*_ready[0], epochs)


def train_ours(prepared: Prepared, work: Work, epochs: Epochs) -> Done:
    """Train on these batches with the settings that are the Trainer's defaults: no warm-up, no decay of weights."""
    trained = train(
        prepared,
        work.data.train,
        Schedule(epochs=epochs, warmup_ratio=0.0),
        on_step=lambda _done, _loss, _seconds: None,
        on_point=lambda _done, _seconds: None,
    )
    return Done(
        seconds=trained.seconds,
        num_tokens=sum(trained.step_tokens),
        step_seconds=trained.step_seconds,
        losses=trained.losses,
        cache_seconds=trained.set_up.cache.seconds if trained.set_up.cache else 0.0,
        compile_seconds=trained.set_up.compile_seconds or 0.0,
    )
