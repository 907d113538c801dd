from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.table import FAULTS, NOTHING, OF_PROCESSES, OTHERS, Fault, Place

OBEYED = re.compile(r"(?m)[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|^\s*::")
"""What a terminal or the log of a CI service would obey."""
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}: {fault.how}")
def test_a_fault_is_said_in_a_line_and_costs_nothing_else(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    place = Place(tmp_path, monkeypatch, capfd)
    assert fault.provoke(place) == fault.code, place.said
    assert fault.says in place.said
    assert "Traceback" not in place.said
    assert not OBEYED.search(place.shown)
    assert {path: path.read_bytes() for path in place.untouched} == place.untouched
    if fault.kept == NOTHING:
        assert set(tmp_path.iterdir()) == set(place.untouched)
    if fault.kept == OTHERS:
        assert all(name in place.said for name in ("freeze:last=1", "full", "llrd", "seen_embeddings"))


def test_the_table_is_long_and_the_tests_that_it_names_are_there() -> None:
    assert len(FAULTS) + len(OF_PROCESSES) >= 60
    for fault in OF_PROCESSES:
        file, _, name = fault.test.partition("::")
        assert f"\ndef {name}(" in (TESTS / file).read_text()
