from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from transformers import LlamaConfig

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.forecaster import BEYOND, Forecaster
from bench.forecasting.training import Training
from bench.training.target import Target
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from bench.records.forecast import Forecast

TRAINING = Training(split=toy_split(32, shortest=3), batch_size=8)
GPU = Target(kind="cuda", name="a GPU", has_native_bf16=True)


def config(num_layers: int = 10) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
    )


def forecast(forecaster: Forecaster, strategy: str) -> Forecast:
    return forecaster.forecast(registry.strategies_of(parse_strategy(strategy)))


def check_by_few_layers(strategy: str, num_layers: int, training: Training = TRAINING) -> None:
    by_few, by_all = (Forecaster(config(num_layers), training) for _ in range(2))
    by_all._are_alike = False
    with mock.patch.object(by_few, "_taken", wraps=by_few._taken) as taken:
        assert forecast(by_few, strategy) == forecast(by_all, strategy)
    assert taken.call_count == len(BEYOND), "it was told from a few layers"


def test_from_a_few_layers_it_is_what_all_layers_take() -> None:
    check_by_few_layers("freeze:last=2", 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [
        *("full", "freeze", "freeze:last=5", "lora", "lora:last=2", "lora+checkpoint", "qlora"),
        *("freeze+cached", "freeze:last=2+cached", "amp:dtype=bf16", "pure_bf16", "muon"),
        *("gradual", "chain_thaw", "ema", "adafactor", "schedule_free", "norm_only", "prompt_tuning", "adamw8bit"),
    ],
)
def test_of_every_kind_of_strategy_a_few_layers_tell_all(strategy: str) -> None:
    check_by_few_layers(strategy, 16)


def test_a_micro_batch_has_fewer_activations_and_trains_the_same() -> None:
    forecaster, small = (Forecaster(config(3), replace(TRAINING, micro_batch_size=size)) for size in (None, 2))
    whole, parts = forecast(forecaster, "freeze:last=2"), forecast(small, "freeze:last=2")
    assert parts == forecast(forecaster, "freeze:last=2+accumulate:rows=2")
    assert forecast(small, "freeze:last=2+accumulate:rows=8") == whole, "what a strategy says goes before"
    assert parts.memory.activations_bytes < whole.memory.activations_bytes / 2
    assert (parts.num_params, parts.num_trainable_params) == (whole.num_params, whole.num_trainable_params)


def test_a_strategy_that_cuts_batches_itself_has_no_passes_of_other_sizes() -> None:
    with pytest.raises(Unsupported, match="forward passes of 2 rows"):
        forecast(Forecaster(config(1), TRAINING).in_passes_of(4), "full+accumulate:rows=2")


def test_it_says_for_which_device_it_is_and_what_nobody_has_seen_there() -> None:
    forecaster = Forecaster(config(1), TRAINING, aim=GPU)
    found = forecast(forecaster, "full+amp")
    assert found.device == "a GPU"
    assert any("kernels of a GPU" in doubt for doubt in found.unproven)
    assert forecast(Forecaster(config(1), TRAINING), "freeze").unproven == ()


def test_what_depends_on_words_takes_texts() -> None:
    forecaster = Forecaster(config(1), replace(TRAINING, has_texts=False))
    with pytest.raises(Unsupported, match="depends on the words of texts"):
        forecast(forecaster, "seen_embeddings")


def test_a_composition_that_the_model_cannot_have_is_refused_as_it_is_before_a_run() -> None:
    with pytest.raises(UsageError, match="last"):
        forecast(Forecaster(config(1), TRAINING), "freeze:last=2")


def test_a_process_of_several_has_its_share_of_the_rows_and_gradients_that_are_sent_at_once() -> None:
    alone, several = (forecast(Forecaster(config(8), replace(TRAINING, num_processes=num)), "full") for num in (1, 2))
    for part in ("weights_bytes", "optimizer_bytes"):
        assert getattr(several.memory, part) == getattr(alone.memory, part)
    gradients = 4 * several.num_trainable_params
    assert several.memory.gradients_bytes == gradients, "all are there as they are sent"
    assert several.memory.temporaries_bytes >= gradients, "beside them one bucket has all of them"
    assert several.memory.activations_bytes < alone.memory.activations_bytes / 2
    assert any("NCCL" in doubt for doubt in several.unproven)
    assert several.step_flops == alone.step_flops, "of all processes together"


def test_what_is_sent_in_several_buckets_is_no_straight_line(monkeypatch: pytest.MonkeyPatch) -> None:
    training = replace(TRAINING, num_processes=2)
    check_by_few_layers("full", 8, training)
    for module in ("training.parallel.buckets", "forecasting.forecaster"):
        monkeypatch.setattr(f"bench.{module}.BUCKET_BYTES", 2**19)
    by_few, by_all = (Forecaster(config(8), training) for _ in range(2))
    by_all._are_alike = False
    told = forecast(by_few, "full")
    assert told == forecast(by_all, "full")
    assert told.memory.temporaries_bytes < 2 * 2**19


CUT = replace(TRAINING, num_processes=2, parallel="shard")


def test_a_process_of_several_that_cut_a_model_has_a_part_of_each_parameter_gradient_and_moment() -> None:
    cut, whole = (forecast(Forecaster(config(3), replace(CUT, parallel=how)), "full") for how in ("shard", None))
    assert cut == forecast(Forecaster(config(3), replace(CUT, parallel=None)), "full+shard")
    assert (cut.num_params, cut.num_trainable_params) == (whole.num_params, whole.num_trainable_params)
    assert cut.step_flops == whole.step_flops
    buffers = whole.memory.weights_bytes - 4 * whole.num_params
    assert cut.memory.weights_bytes == 2 * cut.num_params + buffers
    steps = whole.memory.optimizer_bytes - 8 * whole.num_params
    assert cut.memory.optimizer_bytes == 4 * cut.num_params + steps
    assert cut.memory.temporaries_bytes > 4 * max(cut.num_params // 5, 256 * 64), "layers are whole while they run"
    told = ("NCCL", "the C library", "it can be twice the rest")
    assert [words for words in told if any(words in doubt for doubt in cut.unproven)] == list(told)


@pytest.mark.parametrize("strategy", [pytest.param("full", marks=pytest.mark.slow), "freeze:last=2"])
def test_from_a_few_layers_it_is_what_all_layers_take_in_parts(strategy: str) -> None:
    check_by_few_layers(strategy, 10, CUT)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["lora", "lora+checkpoint", "amp:dtype=bf16", "adafactor", "muon", "sgd"])
def test_of_every_kind_of_strategy_a_few_layers_tell_all_in_uneven_parts(strategy: str) -> None:
    check_by_few_layers(strategy, 16, replace(CUT, num_processes=3))


def test_what_cannot_compute_with_parts_is_told_with_the_reason_of_torch() -> None:
    with pytest.raises(Unsupported, match=r"does not compute with parts of parameters.*DTensor"):
        forecast(Forecaster(config(1), CUT), "apollo:r=4")
