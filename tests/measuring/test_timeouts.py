from __future__ import annotations

import threading

import pytest

from bench.measuring.timeouts import call_within


def test_an_answer_in_time_is_given() -> None:
    assert call_within(30, lambda: 7) == 7


def test_none_is_an_answer() -> None:
    assert call_within(30, lambda: None) is None


def test_what_the_call_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        call_within(30, fail)


def test_a_call_that_does_not_return_is_left_alone() -> None:
    never = threading.Event()

    with pytest.raises(TimeoutError):
        call_within(0.05, never.wait)

    never.set()
