import pytest

from bench.matching import in_words, mismatches


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


def test_a_strategy_that_differs_from_itself_is_found(make_record):
    records = [make_record("full"), make_record("full", seed=1, workload={"max_length": 64}), make_record("amp")]
    found = mismatches(records)
    assert in_words(found) == "max_length (256 and 64 for full; 256 for amp)"
