from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.errors import RecordError
from bench.records.record import SCHEMA_VERSION, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_record_comes_back_as_it_was(make_record: Callable[..., RunRecord]) -> None:
    record = make_record()
    assert RunRecord.from_json(record.to_json()) == record


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
@pytest.mark.parametrize("more", [{}, {"energy_joules": 7}, {"status": "paused"}])
def test_a_record_of_another_version_is_refused_by_its_version_alone(
    make_record: Callable[..., RunRecord], version: int, more: dict[str, object]
) -> None:
    other = json.loads(make_record().to_json()) | {"schema_version": version} | more

    with pytest.raises(RecordError) as caught:
        RunRecord.from_json(json.dumps(other))

    assert str(caught.value) == (
        f"a record of schema version {version}, but this bench reads version {SCHEMA_VERSION}; "
        "read it with the version of bench that wrote it"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": "new"}, "not a record of schema 1: schema_version: "),
        ({"wall_seconds": None}, "not a record of schema 1: wall_seconds: "),
        ({"wall_seconds": -5}, "not a record of schema 1: wall_seconds: Input should be greater than or equal to 0"),
        (
            {"started_at": "2026-11-24T09:30:00"},
            "not a record of schema 1: started_at: Input should have timezone info",
        ),
        ({"started_at": None}, "not a record of schema 1: started_at: "),
    ],
)
def test_a_broken_record_is_refused_by_its_first_wrong_field(
    make_record: Callable[..., RunRecord], change: dict[str, object], words: str
) -> None:
    broken = json.loads(make_record().to_json()) | change

    with pytest.raises(RecordError) as caught:
        RunRecord.from_json(json.dumps(broken))

    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("processes", "ranks", "words"),
    [
        (2, {"num": 2, "peak_bytes": [5]}, "peak_bytes has 1 entries, but num is 2"),
        (3, {"num": 2, "peak_bytes": [5, 6]}, "measured.ranks has 2 processes, but spec.num_processes is 3"),
        (None, {"num": 2, "peak_bytes": [5, 6]}, "measured.ranks has 2 processes, but spec.num_processes is None"),
    ],
)
def test_ranks_are_as_many_as_processes(
    make_record: Callable[..., RunRecord], processes: int | None, ranks: dict[str, object], words: str
) -> None:
    content = json.loads(make_record().to_json())
    content["spec"]["num_processes"], content["measured"]["ranks"] = processes, ranks
    with pytest.raises(RecordError, match=words):
        RunRecord.from_json(json.dumps(content))
