from __future__ import annotations

import pytest

from bench.cli import conclude
from bench.errors import UsageError


def test_a_fault_of_the_gate_is_no_regression(capsys: pytest.CaptureFixture[str]) -> None:
    def break_down() -> int:
        raise ZeroDivisionError

    def refuse() -> int:
        raise UsageError

    assert conclude.never_red(break_down) == 4
    assert "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(UsageError):
        conclude.never_red(refuse)
