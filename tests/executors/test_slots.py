from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.executors.devices import Busy, lease
from bench.executors.slots import slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Request


def test_there_are_as_many_as_were_asked_for() -> None:
    with slot(2, None) as one:
        with slot(2, None) as other:
            assert {one, other} == {"cpu slot 1 of 2", "cpu slot 2 of 2"}
            with pytest.raises(Busy), slot(2, None):
                pass
            with slot(3, None) as third:
                assert third == "cpu slot 3 of 3", "of who asks for more, on the same machine"
        with slot(2, None) as again:
            assert again == other


def test_who_measures_alone_has_no_slots_beside_it(make_request: Callable[..., Request]) -> None:
    with lease(make_request(), None), pytest.raises(Busy), slot(2, None):
        pass
    with slot(2, None), pytest.raises(Busy), lease(make_request(), None):
        pass
    with lease(make_request(), None):
        pass


def test_a_slot_is_waited_for_and_that_is_said_once(make_request: Callable[..., Request]) -> None:
    said: list[str] = []
    with ExitStack() as held:
        held.enter_context(lease(make_request(), None))

        def free(text: str) -> None:
            said.append(text)
            held.close()

        with slot(2, free) as name:
            assert name == "cpu slot 1 of 2"
    assert said == ["another bench is measuring on this machine; waiting"]


def test_where_locks_cannot_be_written_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="set BENCH_LOCK_DIR"), slot(2, None):
        pass


def test_the_directory_of_locks_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path / "new" / "locks"))
    with slot(2, None) as name:
        assert name == "cpu slot 1 of 2"
