"""Whatever makes training faster or smaller leaves its losses as they were."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from bench.errors import PlanConflict, Unsupported
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.training.forward.cached import Shelf
from bench.training.forward.packed import PackedForward
from bench.training.prepare import prepare
from bench.training.prepared import Prepared
from bench.training.trainer import Schedule, Trained, train
from bench.workload.data.dataset import Split
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

ARCHITECTURES = ["Llama", "Qwen2", "Bert", "GPT2"]
CPU = torch.device("cpu")
SPLIT = toy_split(23, longest=20)
EPOCH = [np.arange(8), np.arange(8, 22), np.array([int(SPLIT.lengths.argmin())]), np.array([22])]
"""Ragged rows, one row of few tokens, a batch of one."""
TO_COMPILE = [EPOCH[0], EPOCH[1], EPOCH[3]]
"""Without a single token alone, which has code of its own, half a minute; such rows stand in the ragged batch."""


EXACT = {"cpu": 1e-6, "cuda": 1e-5}
"""Relative, of the losses; on a GPU the sums of a product are cut by its shape, which packing and caching change."""


def ready(model: PreTrainedModel, text: str, shelf: Shelf | None = None, device: torch.device = CPU) -> Prepared:
    view = view_of(model)
    plan = compose([registry.load(term) for term in parse_strategy(text)], view)
    return prepare(
        model, view, plan, split=SPLIT, pad_token_id=0, rates=TOY_RATES, device=device, weight_decay=0.01, shelf=shelf
    )


def run(
    prepared: Prepared,
    on_step: Callable[..., None] = lambda *_: None,
    epoch: Sequence[NDArray[np.int64]] = EPOCH,
) -> Trained:
    schedule = Schedule(epochs=[epoch, epoch])
    return train(prepared, SPLIT, schedule, on_step=on_step, on_point=lambda *_: None)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("plain", ["freeze", "freeze:last=1", "freeze:last=2"])
def test_cached_equals_uncached(classifier: Classifier, name: str, plain: str, device: torch.device) -> None:
    wanted = run(ready(classifier(name), plain, device=device))
    cached = ready(classifier(name), f"{plain}+cached", device=device)
    assert run(cached).losses == pytest.approx(wanted.losses, rel=EXACT[device.type])
    assert cached.stored is not None
    assert cached.stored.num_rows == len(SPLIT)
    vectors = len(SPLIT) if plain == "freeze" else int(SPLIT.lengths.sum())
    assert cached.stored.num_bytes == vectors * 16 * 4


@pytest.mark.parametrize("plain", ["freeze", "freeze:last=1"])
def test_cached_equals_uncached_where_packs_are_filled_up(
    classifier: Classifier, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = run(ready(classifier("Llama"), plain))

    def choose_as_on_a_gpu(outer: nn.Module, model: PreTrainedModel, *_: object) -> tuple[PackedForward, None]:
        return PackedForward(outer, model, picks_inside=True, various_lengths=True), None

    monkeypatch.setattr("bench.training.prepare.choose_forward", choose_as_on_a_gpu)
    filled_up = run(ready(classifier("Llama"), plain))
    cached = run(ready(classifier("Llama"), f"{plain}+cached"))
    assert filled_up.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert cached.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert filled_up.num_padded_tokens > sum(filled_up.step_tokens) == sum(wanted.step_tokens)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("every", [1, 2])
def test_checkpoint_equals_full(classifier: Classifier, name: str, every: int, device: torch.device) -> None:
    wanted = run(ready(classifier(name), "full", device=device))
    found = run(ready(classifier(name), f"checkpoint:every={every}", device=device))
    assert found.losses == pytest.approx(wanted.losses, rel=EXACT[device.type])


@pytest.mark.timeout(900)  # a minute of compiling, on quiet cores
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(
    "name", ["Llama", "Bert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Qwen2", "GPT2"))]
)
def test_compiled_equals_eager(
    classifier: Classifier, name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = run(ready(classifier(name), "full", device=device), epoch=TO_COMPILE)
    prepared = ready(classifier(name), "compile", device=device)
    prepared.model.eval()  # as it stands before a run, after a look at its type
    torch._dynamo.reset()
    counters["stats"].clear()
    graphs: list[int] = []
    compile_for = prepared._compile

    def compile_and_count(split: Split, batches: Iterable[NDArray[np.int64]]) -> float:
        seconds = compile_for(split, batches)
        graphs.append(counters["stats"]["unique_graphs"])
        return seconds

    monkeypatch.setattr(Prepared, "_compile", lambda _self, split, batches: compile_and_count(split, batches))
    trained = run(prepared, lambda *_: graphs.append(counters["stats"]["unique_graphs"]), TO_COMPILE)
    assert 0 < graphs[0] == graphs[-1], "a step compiled once more"
    assert trained.losses == pytest.approx(wanted.losses, rel=1e-5)
    assert prepared.compile_seconds is not None
    assert 0 < prepared.compile_seconds <= trained.set_up_seconds <= trained.seconds


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(("name", "text"), [("Gemma2", "full"), ("ModernBert", "full"), ("Bert", "freeze:last=2")])
def test_layers_of_many_kinds_are_traced_as_a_whole_and_before_the_first_step(
    classifier: Classifier, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the layers are traced to runs as it is: to make machine code of each takes half a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    wanted = run(ready(classifier(name), text), epoch=TO_COMPILE)
    torch._dynamo.reset()
    counters["stats"].clear()
    graphs: list[int] = []
    trained = run(
        ready(classifier(name), f"{text}+compile"),
        lambda *_: graphs.append(counters["stats"]["unique_graphs"]),
        TO_COMPILE,
    )
    assert len(set(graphs)) == 1, "a step compiled once more"
    assert trained.losses == pytest.approx(wanted.losses, rel=1e-6)


def test_equal_runs_share_a_cache_and_are_billed_for_it_alike(classifier: Classifier, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "llama and toys")
    first, second = (ready(classifier("Llama"), "freeze:last=1+cached", shelf) for _ in range(2))
    built = run(first)
    kept = bytearray(b"1") * (64 << 20)  # what else this process holds is not the cache's
    taken = run(second)
    assert first.stored is not None
    assert second.stored is not None
    assert (first.stored.is_shared, second.stored.is_shared) == (False, True)
    assert second.stored.seconds == first.stored.seconds
    assert taken.set_up_seconds >= second.stored.seconds
    assert taken.seconds >= taken.set_up_seconds + sum(taken.step_seconds) * 0.99
    assert taken.losses == built.losses
    peaks = [stored.peak.host_peak_bytes for stored in (first.stored, second.stored)]
    assert None not in peaks
    assert 0.75 * len(kept) < peaks[1] - peaks[0] < 1.25 * len(kept)
    other = ready(classifier("Llama"), "freeze+cached", shelf)
    run(other)
    assert other.stored is not None
    assert not other.stored.is_shared


def test_a_cache_too_large_for_memory_stays_in_a_file(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = run(ready(classifier("Bert"), "freeze:last=1"))
    monkeypatch.setattr("bench.training.forward.cached.MEMORY_SHARE", 0)
    assert run(ready(classifier("Bert"), "freeze:last=1+cached")).losses == pytest.approx(wanted.losses, rel=1e-6)


def test_other_rows_take_the_whole_way(classifier: Classifier) -> None:
    prepared = ready(classifier("GPT2"), "freeze+cached")
    run(prepared)
    prepared.model.eval()
    others = toy_split(9, seed=5)
    assert prepared.batch(others, [0]).prefix is None
    assert prepared.batch(SPLIT, [0]).prefix is not None
    copy = Split(SPLIT.tokens, SPLIT.offsets, SPLIT.labels)
    rows = list(range(len(SPLIT)))
    stored, whole = (prepared.logits(prepared.batch(split, rows)) for split in (SPLIT, copy))
    torch.testing.assert_close(stored, whole, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_packed_cannot_be_cached(classifier: Classifier) -> None:
    with pytest.raises(Unsupported, match="cannot be packed"):
        ready(classifier("DebertaV2"), "freeze+cached")
    prepared = ready(classifier("DebertaV2"), "freeze")
    assert [flag.code for flag in prepared.flags] == ["not-packed"]
    assert run(prepared).num_padded_tokens > sum(run(ready(classifier("Llama"), "freeze")).step_tokens)


@pytest.mark.parametrize("text", ["cached", "full+cached", "discriminative+cached", "amp+cached"])
def test_a_cache_without_frozen_layers_is_a_conflict(classifier: Classifier, text: str) -> None:
    with pytest.raises(PlanConflict, match=r"add freeze, as in freeze\+cached"):
        ready(classifier("Llama"), text)


def test_compiling_without_a_compiler_is_not_supported(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.training.forward.layers.shutil.which", lambda _name: None)
    with pytest.raises(Unsupported, match=r"C\+\+ compiler"):
        ready(classifier("Llama"), "compile")


def test_checkpointing_keeps_fewer_activations(classifier: Classifier) -> None:
    def kept(text: str) -> int:
        saved: dict[int, int] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        prepared = ready(classifier("Llama"), text)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            prepared.logits(prepared.batch(SPLIT, list(range(len(SPLIT)))))
        return sum(saved.values())

    assert kept("checkpoint") < 0.5 * kept("full")
    assert kept("checkpoint") < kept("checkpoint:every=2") < kept("full")
