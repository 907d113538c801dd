from __future__ import annotations

import logging
import sys
import warnings

import pytest

from bench.plan.quiet import quietly


def talk() -> None:
    sys.stdout.write("printed\n")
    sys.stderr.write("to stderr\n")
    logging.getLogger("a library").error("logged")
    warnings.warn("warned", stacklevel=1)


def test_nothing_is_heard_and_afterwards_all_is(capsys: pytest.CaptureFixture[str]) -> None:
    with quietly():
        talk()
    assert capsys.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="warned"):
        talk()
    assert capsys.readouterr().out == "printed\n"


def test_an_error_passes_and_ends_the_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no such kernel"), quietly():
        raise ValueError("no such kernel")
    sys.stdout.write("heard\n")
    assert capsys.readouterr().out == "heard\n"
    assert logging.root.manager.disable == logging.NOTSET


def test_a_handler_that_was_made_meanwhile_speaks_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    with quietly():
        handler = logging.StreamHandler()
    handler.emit(logging.makeLogRecord({"msg": "heard"}))
    assert capsys.readouterr().err == "heard\n"
