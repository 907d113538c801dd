import pytest

from bench.analysis.comparison import compare
from bench.analysis.words.deployment import evaluation_rates, fits_on, size_to_deploy
from bench.records.record import Memory


def _on_gpu(record, memory):
    spec = record.spec.model_copy(update={"device": "cuda:0"})
    return record.model_copy(update={"spec": spec, "measured": record.measured.model_copy(update={"memory": memory})})


def _result(record):
    return compare([record]).results[0]


@pytest.mark.parametrize(
    ("peak", "card"),
    [(7 << 30, "8 GiB"), ((8 << 30) - 1, "12 GiB"), (1, "4 GiB"), (75 << 30, "80 GiB"), (200 << 30, "over 180 GiB")],
)
def test_the_smallest_card_whose_memory_leaves_something_free(make_record, peak, card):
    assert fits_on(_result(_on_gpu(make_record(), Memory(nvml_delta_bytes=peak)))) == card


def test_where_only_the_allocator_was_read_the_context_comes_on_top(make_record):
    assert fits_on(_result(_on_gpu(make_record(), Memory(torch_reserved_peak_bytes=int(7.4 * 2**30))))) == "12 GiB"


def test_a_cpu_has_no_card_and_what_was_not_measured_is_a_dash(make_record):
    assert fits_on(_result(make_record())) == "n/a"
    assert fits_on(_result(_on_gpu(make_record(), Memory()))) == "\N{EN DASH}"


def test_what_is_shipped_are_the_weights_that_trained(make_record):
    alone = make_record(lrs=(*(None,) * 13, 1e-3))
    assert size_to_deploy(_result(alone)) == "38.1 MiB"
    half = alone.model_copy(update={"measured": alone.measured.model_copy(update={"weights_dtype": "bfloat16"})})
    assert size_to_deploy(_result(half)) == "19.1 MiB"
    assert size_to_deploy(_result(make_record(status="oom"))) == "\N{EN DASH}"


def test_rates_of_evaluation_apart_and_merged(make_record):
    record = make_record()
    evaluation = record.measured.evaluation

    def rates(**seconds):
        measured = record.measured.model_copy(update={"evaluation": evaluation.model_copy(update=seconds)})
        return evaluation_rates(_result(record.model_copy(update={"measured": measured})))

    assert evaluation.num_samples == 256
    assert rates(seconds=4.0) == "64"
    assert rates(seconds=4.0, merged_seconds=2.0) == "64, merged 128"
    assert evaluation_rates(_result(make_record(status="oom"))) == "\N{EN DASH}"
