import json

import pytest

from bench.records.comparability import in_words, mismatches, mismatches_asked
from bench.records.readings import MemoryParts
from bench.records.record import RunRecord


def _changed(record, part, **update):
    return record.model_copy(update={part: getattr(record, part).model_copy(update=update)})


def test_runs_that_differ_in_strategy_and_seed_alone_match(make_record):
    records = [make_record(name, seed=seed, step=step) for name, step in (("full", 1), ("amp", 0.5)) for seed in (0, 1)]
    assert mismatches(records) == ()


@pytest.mark.parametrize(
    ("part", "update", "field"),
    [
        ("spec", {"batch_size": 8}, "batch_size"),
        ("spec", {"epochs": 2}, "epochs"),
        ("spec", {"lr": 1e-3}, "lr"),
        ("measured", {"data_digest": "0" * 64}, "data_digest"),
        ("measured", {"num_steps": 31}, "num_steps"),
        ("measured", {"head": "of the checkpoint"}, "head that training began with"),
        ("environment", {"device_name": "another"}, "device name"),
        ("environment", {"num_threads": 1}, "threads"),
        ("environment", {"versions": {"torch": "2.12.0"}}, "version of torch"),
    ],
)
def test_anything_else_is_found(make_record, part, update, field):
    (found,) = mismatches([make_record("full"), _changed(make_record("amp"), part, **update)])
    assert found.field == field
    assert set(found.values) == {"full", "amp"}
    assert len(set(found.values.values())) == 2


def test_what_was_not_recorded_is_no_difference(make_record):
    bare = make_record("amp", status="killed").model_copy(update={"environment": None})
    assert mismatches([make_record("full"), bare]) == ()
    assert mismatches([make_record("full"), _changed(make_record("amp"), "environment", driver="580.1")]) == ()


PARTS = MemoryParts(
    source="host", before_bytes=1, weights_bytes=1, gradients_bytes=1, optimizer_bytes=1, rest_bytes=1, total_bytes=5
)


def _of_before(record, spared_bytes):
    """A record of a version that left out gradient and state of unseen embeddings unasked, and had no field that says so."""
    parts = None if spared_bytes is None else PARTS.model_copy(update={"spared_bytes": spared_bytes})
    memory = record.measured.memory.model_copy(update={"parts": parts})
    written = _changed(record, "measured", memory=memory).model_dump(mode="json")
    del written["measured"]["seen_embeddings"]
    return RunRecord.from_json(json.dumps(written))


@pytest.mark.parametrize("spared_bytes", [None, 300 << 20])
def test_runs_that_left_out_unseen_embeddings_unasked_are_unlike_those_of_today(make_record, spared_bytes):
    before, now = _of_before(make_record("full"), spared_bytes), make_record("amp")
    (found,) = mismatches([before, now])
    assert found.field == "gradient and state of unseen embeddings"
    assert found.values == {"full": "left out unasked", "amp": "as the strategy says"}
    assert mismatches([before, _of_before(make_record("amp"), spared_bytes)]) == ()
    assert mismatches([make_record("full"), _changed(now, "measured", seen_embeddings=True)]) == ()


def test_runs_of_before_in_which_nothing_was_left_out_are_like_those_of_today_and_their_own(make_record):
    frozen = _of_before(make_record("freeze"), 0)
    assert mismatches([frozen, make_record("full")]) == ()
    assert mismatches([frozen, _of_before(make_record("full"), 300 << 20)]) == ()


def test_a_strategy_that_differs_from_itself_is_found(make_record):
    records = [make_record("full"), make_record("full", seed=1, workload={"max_length": 64}), make_record("amp")]
    found = mismatches(records)
    assert in_words(found) == "max_length (256 and 64 for full; 256 for amp)"


def _in_parts(record, rows):
    """A run that was asked for in forward passes of so many rows."""
    return record.model_copy(update={"spec": record.spec.model_copy(update={"micro_batch_size": rows})})


def test_strategies_may_differ_in_the_rows_of_a_forward_pass_and_runs_of_one_may_not(make_record):
    full, lora = make_record("full"), _in_parts(make_record("lora"), 4)
    assert mismatches([full, lora]) == mismatches_asked([full.spec, lora.spec]) == ()
    assert mismatches([full, _in_parts(full, 16), _in_parts(full, 64)]) == (), "each is the whole batch"
    later = _in_parts(make_record("lora", seed=1), 8)
    for found in (mismatches([full, lora, later]), mismatches_asked([full.spec, lora.spec, later.spec])):
        assert in_words(found) == "micro_batch_size (4 and 8 for lora)"
    (found,) = mismatches([full, _changed(lora, "spec", batch_size=8)])
    assert found.field == "batch_size"


def test_what_a_plan_says_of_a_forward_pass_goes_before_what_was_asked_for(make_record):
    planned = [make_record("own", seed=seed, micro_batch_size=4) for seed in (0, 1)]
    assert mismatches([planned[0], _in_parts(planned[1], 8)]) == ()
    assert mismatches([planned[0], _in_parts(make_record("own", seed=1, status="failed"), 8)]) == (), "it had no plan"
    (found,) = mismatches([planned[0], planned[1].model_copy(update={"micro_batch_size": 2})])
    assert found.values == {"own": "4 and 2"}


def test_runs_of_several_processes_are_never_put_beside_those_of_one(make_record):
    full, lora = make_record("full"), make_record("lora")
    shared = _changed(lora, "spec", num_processes=2)
    for found in (mismatches([full, shared]), mismatches_asked([full.spec, shared.spec])):
        assert in_words(found) == "num_processes (None for full; 2 for lora)"
    assert mismatches([_changed(full, "spec", num_processes=2), shared]) == ()
