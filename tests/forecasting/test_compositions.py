from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.errors import UnknownName, Unsupported, UsageError
from bench.experiment.settings import Settings
from bench.forecasting import compositions
from bench.forecasting.cards import card_of
from bench.forecasting.compositions import device_of, forecasts, lengths_of, outlook
from bench.forecasting.money import Price
from bench.records.forecast import Forecast
from bench.training.target import Target
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path


CARD = card_of("l4-24gb")


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(save_tiny_llama(tmp_path / "model"))


def test_each_composition_has_a_forecast_or_the_reason_why_not(model: str) -> None:
    settings = Settings(model=model, strategies="seen_embeddings,freeze", batch_size=4)
    found = dict(forecasts(settings, 8, CARD))
    assert list(found) == ["seen_embeddings", "freeze"]
    assert isinstance(found["seen_embeddings"], Unsupported)
    assert isinstance(found["freeze"], Forecast)


def test_rows_of_data_are_as_long_as_they_are_and_have_classes(model: str, tmp_path: Path) -> None:
    data = str(save_toy_reviews(tmp_path / "reviews.csv", num_words=(1, 4)))
    settings = Settings(model=model, strategies="freeze", dataset=data, batch_size=4)
    (_, of_data), (_, of_length) = *forecasts(settings, None, CARD), *forecasts(settings, 30, CARD)
    assert isinstance(of_data, Forecast)
    assert isinstance(of_length, Forecast)
    assert of_data.memory.temporaries_bytes < of_length.memory.temporaries_bytes
    assert of_data.memory.weights_bytes == of_length.memory.weights_bytes


@pytest.mark.parametrize(("text", "expected"), [(None, 256), ("512", 512), ("data", None)])
def test_lengths_are_a_number_or_those_of_the_data(text: str | None, expected: int | None) -> None:
    assert lengths_of(text, Settings()) == expected


@pytest.mark.parametrize("text", ["0", "-3", "long", "1.5", ""])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--lengths .*: give the tokens of every row"):
        lengths_of(text, Settings())


def test_rows_longer_than_the_model_takes_are_refused(model: str) -> None:
    with pytest.raises(UsageError, match="rows of 65 tokens are more than the 64"):
        next(iter(forecasts(Settings(model=model, strategies="full"), 65, CARD)))


def test_a_wrong_name_is_refused_before_any_work() -> None:
    with pytest.raises(UnknownName, match="freeze"):
        next(iter(forecasts(Settings(strategies="full,freez"), 8, CARD)))


def test_a_card_is_aimed_at_and_a_cpu_is_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compositions, "this_card", lambda device, **_: replace(CARD, name=device, kind="cpu"))
    card, aim = device_of("cpu")
    assert (card.name, aim) == ("cpu", None)
    card, aim = device_of("t4-16gb")
    assert card.name == "t4-16gb"
    assert aim == Target(kind="cuda", name="t4-16gb", has_native_bf16=False)
    with pytest.raises(UnknownName, match="Did you mean h100-80gb"):
        device_of("h100")


def test_a_comparison_has_memory_time_and_cost(model: str) -> None:
    settings = Settings(model=model, strategies="full,freeze+cached,seen_embeddings", batch_size=4, seeds=2)
    found = outlook(settings, 8, "t4-16gb", Price(3600))
    assert set(found.refused) == {"seen_embeddings"}
    for one in found.rows.values():
        assert one.overhead_bytes is not None
        assert one.seconds is not None
        assert one.run_seconds is not None
        assert all(run > training > 0 for run, training in zip(one.run_seconds, one.seconds, strict=True))
    full, cached = (found.rows[name].seconds or pytest.fail(name) for name in ("full", "freeze+cached"))
    assert cached[0] < full[0]
    assert found.seconds is not None
    assert found.cost == found.seconds  # at a unit of money a second
    assert found.seconds[0] == pytest.approx(2 * sum((one.run_seconds or (0, 0))[0] for one in found.rows.values()))


def test_half_precision_that_a_card_lacks_is_refused(model: str) -> None:
    settings = Settings(model=model, strategies="amp:dtype=bf16,amp", batch_size=4)
    found = outlook(settings, 8, "v100-16gb")
    assert list(found.rows) == ["amp"]  # in fp16
    assert found.rows["amp"].seconds is not None
    assert "v100-16gb has no native bf16" in found.refused["amp:dtype=bf16"]


def test_a_longer_training_takes_longer(model: str) -> None:
    short, long = (
        outlook(Settings(model=model, strategies="full", batch_size=4, epochs=epochs), 8, "l4-24gb").rows["full"]
        for epochs in (1, 4)
    )
    assert short.seconds is not None
    assert long.seconds == pytest.approx([4 * bound for bound in short.seconds])
    assert long.memory == short.memory


def test_of_several_processes_the_memory_of_one_is_told_and_no_time(model: str) -> None:
    settings = Settings(
        model=model, strategies="freeze,freeze+shard,pure_bf16+head_then_full+shard", batch_size=4, num_processes=2
    )
    found = outlook(settings, 8, "l4-24gb", Price.parse("$2/h"))
    one, part = found.rows["freeze"], found.rows["freeze+shard"]
    assert part.memory.weights_bytes < one.memory.weights_bytes
    assert [*found.refused] == [refused := "pure_bf16+head_then_full+shard"]
    assert "its gradients summed in bf16" in found.refused[refused]
    assert set(found.skipped) == {refused}
    assert (one.seconds, one.run_seconds, found.cost) == (None, None, None)
    of_all = outlook(settings.model_copy(update={"num_processes": None}), 8, "l4-24gb").rows["freeze"]
    assert one.memory.peak_bytes < of_all.memory.peak_bytes
    fitted = outlook(settings.model_copy(update={"micro_batch_size": "fit"}), 8, "l4-24gb").rows
    assert fitted["freeze"].memory == one.memory, "all rows of a process fit"


def test_a_micro_batch_that_was_found_is_not_looked_for_again(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def looks(*_: object, **__: object) -> None:
        raise AssertionError("it is known")

    monkeypatch.setattr(compositions, "micro_batch", looks)
    settings = Settings(model=model, strategies="full", batch_size=4, micro_batch_size="fit")
    ((name, one),) = forecasts(settings, 8, CARD, fitted={"full": 2})
    ((_, asked),) = forecasts(settings.model_copy(update={"micro_batch_size": 2}), 8, CARD)
    assert (name, one) == ("full", asked)
