from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from bench.errors import Unsupported
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.fake import classifier, without_numbers
from bench.forecasting.one_of_several import one_of_several
from bench.forecasting.steps import DEVICE, Traced, trace
from bench.forecasting.training import Training
from bench.plan.compose import compose
from bench.testing.models import fresh_model
from bench.training.forward.by_shape import choose_by_shape
from bench.training.here import import_needed
from bench.training.parallel.group import joined
from bench.workload.models.layers import view_of
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.forecasting.tracker import Slot
    from bench.training.forward.choose import ForwardChoice
    from bench.training.parallel.group import Group

TRAINING = Training(split=toy_split(32, shortest=3), batch_size=8)
IN_PARTS = replace(TRAINING, num_processes=3, parallel="shard")
NUM_PARAMS = 100
"""More than any of the models has."""


def traced(
    model: PreTrainedModel,
    strategy: str,
    choose: ForwardChoice | None = None,
    training: Training = TRAINING,
    way: Way | None = None,
) -> Traced:
    with one_of_several(training.num_processes, DEVICE) as group:
        return traced_in(group, model, strategy, training=training, way=way, choose=choose)


def traced_in(group: Group | None, model: PreTrainedModel, strategy: str, **asked: Any) -> Traced:
    view = view_of(model, num_steps=4, num_epochs=2)
    return trace(model, view, compose(registry.strategies_of(parse_strategy(strategy)), view), group=group, **asked)


QUICK = (
    ("llama", "full", None),
    ("llama", "full", "rows"),
    ("bert", "freeze:last=2", None),
    ("bert", "freeze:last=1+cached", "rows"),
    ("gpt2", "lora", None),
    ("gpt2", "lora", "padded"),
)
EVERY = (
    *("accumulate", "freeze:last=1+cached+accumulate:rows=3", "lora+checkpoint+accumulate:rows=1"),
    *("adafactor", "adalora", "adamw4bit", "adamw8bit", "adamw8bit:by=torchao", "amp:dtype=bf16", "amp:dtype=fp16"),
    *("apollo:r=4", "bitfit", "chain_thaw", "checkpoint", "compile", "discriminative", "dora", "ema", "freeze"),
    *("freeze+cached", "freeze:last=1+cached", "freeze:last=2", "frozen:weights=bf16+lora+amp:dtype=bf16"),
    *("frozen:weights=int8+lora", "full", "galore:r=4", "gradual", "head_then_full", "ia3", "label_smoothing", "lion"),
    *("lisa:layers=1", "llrd", "lora", "lora+checkpoint", "lora+lora_plus", "muon", "neftune", "norm_only"),
    *("only:kinds=norm", "pissa", "prompt_tuning", "pure_bf16", "qlora", "rslora", "schedule_free"),
    *("seen_embeddings", "sgd", "swa", "vera", "adapter:type=oft", "adapter:type=loha"),
)


MIXED_NORM = "frozen:weights=bf16+lora+amp:dtype=bf16"
"""Norms with biases have bf16 before them and weights in fp32: a CPU keeps their statistics in fp32, which torch's shapes say are bf16."""


@pytest.mark.parametrize(("name", "strategy", "way"), QUICK)
def test_without_numbers_every_peak_is_that_of_real_tensors_to_the_byte(
    name: str, strategy: str, way: Way | None
) -> None:
    check_equal(name, strategy, way)


@pytest.mark.parametrize(("name", "strategy"), [("gpt2", "full"), ("llama", "lora+accumulate:rows=1")])
def test_so_is_every_peak_of_a_process_of_several(name: str, strategy: str) -> None:
    check_equal(name, strategy, None, replace(TRAINING, num_processes=3))


def test_what_is_sent_within_the_backward_pass_takes_what_is_told_where_it_is_sent_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = replace(TRAINING, num_processes=3)

    def backward(group: Group | None) -> dict[Slot, int]:
        peaks = traced_in(group, fresh_model("llama"), "full", training=training).peaks
        return {slot: int(parts.sum()) for slot, parts in peaks.items() if slot.name == "backward"}

    with one_of_several(3, DEVICE) as group:
        in_one_piece = backward(group)
        monkeypatch.setattr("bench.training.parallel.buckets.BUCKET_BYTES", 2**14)
        told = backward(group)
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=DEVICE) as alone:
        sent = backward(replace(alone, num_ranks=3))
    assert told == sent
    assert told != in_one_piece, "pieces are put together in it"


def test_so_it_is_in_parts_but_for_the_norms_of_gradients() -> None:
    check_equal_in_parts("gpt2", "full")


REFUSED_IN_PARTS = {
    *("adalora", "adamw8bit", "apollo:r=4", "frozen:weights=int8+lora", "pure_bf16", "qlora"),
    "seen_embeddings",
}
OTHER_IN_PARTS = {"muon", MIXED_NORM}
"""The first gathers whole matrices, of which one fewer or more is there at a time."""


@pytest.mark.slow
@pytest.mark.parametrize("strategy", sorted({*EVERY} - REFUSED_IN_PARTS - OTHER_IN_PARTS))
@pytest.mark.parametrize("name", ["llama", "bert", "gpt2"])
def test_every_strategy_is_told_in_parts(name: str, strategy: str) -> None:
    check_equal_in_parts(name, strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", sorted(REFUSED_IN_PARTS))
def test_what_is_refused_in_parts_is_refused_without_numbers(strategy: str) -> None:
    import_needed(registry.strategies_of(parse_strategy(strategy)))
    config = fresh_model("llama").config
    with pytest.raises(Unsupported), without_numbers():
        traced(classifier(config, num_labels=2), strategy, choose_by_shape, IN_PARTS)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", EVERY)
@pytest.mark.parametrize("name", ["llama", "bert", "gpt2"])
@pytest.mark.parametrize("way", [None, "rows"])
def test_every_strategy_is_told_to_the_byte(
    request: pytest.FixtureRequest, name: str, strategy: str, way: Way | None
) -> None:
    if strategy == MIXED_NORM and name != "llama":
        request.applymarker(
            pytest.mark.xfail(reason="two numbers of a norm per token are wider than said", strict=True)
        )
    check_equal(name, strategy, way)


def test_every_strategy_is_among_those_that_are_told() -> None:
    told = {term.name for text in EVERY for term in parse_strategy(text)}
    assert set(filter(registry.is_ours, registry.names())) <= told | {"shard"}


def check_equal(name: str, strategy: str, way: Way | None, training: Training = TRAINING) -> None:
    found, expected = both(name, strategy, way, training)
    assert found == expected


def check_equal_in_parts(name: str, strategy: str) -> None:
    found, expected = both(name, strategy, None, IN_PARTS)
    assert found.keys() == expected.keys()
    for slot, parts in expected.items():
        norms = np.array(found[slot]) - parts
        assert not norms[:-1].any()
        # A copy of the norms, four bytes each, is made on the way to their sum where they have numbers.
        assert -4 * NUM_PARAMS <= norms[-1] <= 0 if slot.name == "optimizer" else norms[-1] == 0


def both(
    name: str, strategy: str, way: Way | None, training: Training
) -> tuple[dict[Slot, list[int]], dict[Slot, list[int]]]:
    """The peaks without numbers, and those of real tensors."""
    real = fresh_model(name)
    config = copy.deepcopy(real.config)  # the model's own tells how it is run
    import_needed(registry.strategies_of(parse_strategy(strategy)))
    torch.manual_seed(0)
    try:
        expected = traced(real, strategy, training=training, way=way)
    except Unsupported as error:
        pytest.skip(f"it does not run: {error}")
    with without_numbers():
        found = traced(classifier(config, num_labels=2), strategy, choose_by_shape, training, way)
    assert type(found.prepared.forward) is type(expected.prepared.forward)
    first, second = ({slot: parts.tolist() for slot, parts in one.peaks.items()} for one in (found, expected))
    return first, second
