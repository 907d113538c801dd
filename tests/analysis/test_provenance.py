"""Where numbers come from."""

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.analysis.provenance import devices, reproduce, settings, shared, titles
from bench.records.flags import Flag


def test_titles_tell_apart_what_differs_and_nothing_else(make_record, with_rates):
    assert titles([compare([make_record()])]) == ("smollm2-135m on rotten-tomatoes",)
    assert titles(split(with_rates))[0] == "smollm2-135m on rotten-tomatoes, lr 1e-5"
    elsewhere = make_record().environment.model_copy(update={"device_name": "other"})
    machines = split([[make_record()], [make_record(environment=elsewhere, workload={"max_length": 64})]])
    assert titles(machines) == (
        "smollm2-135m on rotten-tomatoes, max length 256, Example CPU @ 2.50GHz",
        "smollm2-135m on rotten-tomatoes, max length 64, other",
    )
    assert titles([compare([]), compare([make_record()])])[0] == "no runs"


def test_processes_that_share_runs_are_counted_in_titles_and_facts(make_record, in_processes):
    alone, of_two = split([[make_record()], [in_processes(make_record())]])
    assert titles([alone, of_two]) == (
        "smollm2-135m on rotten-tomatoes",
        "smollm2-135m on rotten-tomatoes, 2 processes a run",
    )
    assert (shared(alone), shared(of_two)) == ("", "2 processes a run")


def test_the_command_that_asks_for_the_runs_again_is_made_from_the_records(make_record):
    records = [
        make_record(name, seed=seed, workload={"eval_samples": None}) for name in ("full", "amp") for seed in (0, 1)
    ]
    assert reproduce(compare(records)) == (
        "python -m bench compare --strategies full,amp --seeds 2 --model smollm2-135m --dataset rotten-tomatoes "
        "--eval-samples all --device cpu"
    )
    assert reproduce(compare([*records, make_record("wide", workload={"max_length": 8})])) == ""
    assert reproduce(compare([])) == ""


def test_a_run_that_knew_no_machine_adds_none(make_record):
    skipped = make_record("amp", status="skipped", environment=None)
    assert devices(compare([make_record(), skipped])) == "Example CPU @ 2.50GHz"
    assert devices(compare([skipped])) == "cpu"


def test_of_micro_batches_that_differ_by_strategy_no_one_command_asks(make_record, asked):
    records = [make_record("full"), asked(make_record("lora"), "lora", micro_batch_size=4)]
    comparison = compare(records)
    assert (reproduce(comparison), "micro_batch_size" in settings(comparison)) == ("", False)
    same = compare([asked(record, record.spec.name, micro_batch_size=4) for record in records])
    assert "--micro-batch-size 4" in reproduce(same)
    assert settings(same)["micro_batch_size"] == "4"


def test_the_way_that_was_chosen_is_asked_for_again_unless_a_strategy_went_without_it(make_record, asked):
    records = [asked(make_record(name), name, way="rows") for name in ("full", "lora")]
    assert "--way rows" in reproduce(compare(records))
    padded = records[1].model_copy(update={"flags": (Flag(code="not-packed", message="batches are padded: x"),)})
    assert "--way" not in reproduce(compare([records[0], padded]))
