"""What a strategy asks of others, as numbers."""

from bench.analysis.comparison import compare
from bench.analysis.deployment import CARDS_GIB, USABLE, bytes_to_deploy, gpu_bytes, smallest_card_gib
from bench.records.record import Memory


def test_a_card_keeps_some_of_its_memory_free():
    assert smallest_card_gib(1) == CARDS_GIB[0]
    assert smallest_card_gib(int(24 * 2**30 * USABLE)) == 24
    assert smallest_card_gib(24 << 30) == 32
    assert smallest_card_gib(CARDS_GIB[-1] << 30) is None


def test_the_largest_peak_of_the_runs_on_a_gpu_counts(make_record):
    def on(device, seed, peak):
        record = make_record(seed=seed)
        spec = record.spec.model_copy(update={"device": device})
        measured = record.measured.model_copy(update={"memory": Memory(nvml_delta_bytes=peak)})
        return record.model_copy(update={"spec": spec, "measured": measured})

    (result,) = compare([on("cuda:0", 0, 5 << 30), on("cuda:0", 1, 7 << 30)]).results
    assert gpu_bytes(result) == 7 << 30
    assert gpu_bytes(compare([on("cpu", 0, 5 << 30)]).results[0]) is None
    assert gpu_bytes(compare([on("cuda:0", 0, None)]).results[0]) is None


def test_weights_that_did_not_train_are_not_shipped(make_record):
    (result,) = compare([make_record(lrs=(*(None,) * 13, 1e-3))]).results
    assert bytes_to_deploy(result) == 4 * result.measured[0].num_trainable_params
    assert bytes_to_deploy(compare([make_record(status="oom")]).results[0]) is None


def test_a_run_that_measured_what_is_to_be_stored_is_believed(make_record):
    record = make_record()
    measured = record.measured.model_copy(update={"deploy_bytes": 1234})
    (result,) = compare([record.model_copy(update={"measured": measured})]).results
    assert bytes_to_deploy(result) == 1234
