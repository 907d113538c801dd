from __future__ import annotations

import socket

import pytest

from bench.errors import BenchError
from bench.executors import link as module
from bench.executors.launch import Launch
from bench.executors.link import Link, opened
from tests.executors.conftest import eventually


@pytest.fixture
def launch() -> Launch:
    return Launch(0, 2, 0, "localhost", free_port(), has_store=False)


def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])


def second_of(launch: Launch) -> Launch:
    return Launch(1, launch.num, 1, launch.address, launch.port, has_store=False)


def heard(link: Link, num: int) -> list[str]:
    """So many lines, which the store may have a moment after they were sent."""
    lines: list[str] = []

    def have_come() -> bool:
        lines.extend(link.heard())
        return len(lines) >= num

    assert eventually(have_come, 10.0)
    return lines


def test_lines_arrive_once_in_order_both_ways_and_empty_or_long(launch: Launch) -> None:
    with opened(launch) as (store, name), opened(second_of(launch)) as (other, _):
        first, second = Link(store, name, 0, 1), Link(other, name, 1, 0)
        lines = ["one", "", "two\nlines", "ä" * 2_000_000]
        for line in lines:
            first.send(line)
        second.send("back")
        assert heard(second, len(lines)) == lines
        assert list(second.heard()) == []
        assert heard(first, 1) == ["back"]
        assert store.num_keys() <= 3 + len(lines), "what was heard is not kept"


def test_an_end_that_gives_no_sign_of_life_is_gone(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOST_SECONDS", 1.0)
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    with opened(launch) as (store, name):
        link = Link(store, name, 0, 1)
        assert link.is_alive, "it may still be starting"
        with opened(second_of(launch)):
            assert not eventually(lambda: not link.is_alive, 2.0)
        assert eventually(lambda: not link.is_alive, 10.0)


def test_who_never_comes_is_gone_in_the_end(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOIN_SECONDS", 0.5)
    with opened(launch) as (store, name):
        link = Link(store, name, 0, 1)
        assert eventually(lambda: not link.is_alive, 5.0)


def test_who_does_not_answer_is_taken_for_gone(launch: Launch) -> None:
    with opened(launch) as (store, name), opened(second_of(launch)):
        link = Link(store, name, 0, 1)
        assert link.is_alive
        link.cut()
        assert not link.is_alive


def test_a_place_that_another_holds_is_told(launch: Launch) -> None:
    with (
        opened(launch),
        pytest.raises(BenchError, match=r"cannot meet at localhost:\d+ .*MASTER_ADDR and MASTER_PORT"),
        opened(launch),
    ):
        pass
