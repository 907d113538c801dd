from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def test_a_device_that_is_not_there_is_refused_in_one_line(
    bench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code, told, errors = bench("doctor", "--device", "cuda", "--in-process")
    assert (code, told, errors.count("\n")) == (2, "", 1)
    assert "no usable GPU for --device cuda" in errors
