from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("strategies", ["freeze", "last=int [0]", "dtype=auto|bf16|fp16 [auto]"]),
        ("models", ["smollm2-135m", "minilm-l6", "Apache-2.0"]),
        ("datasets", ["rotten-tomatoes", "imdb", "bbc-news", "drug-reviews"]),
        ("metrics", ["samples_per_second", "samples/s", "higher is better"]),
    ],
)
def test_lists_document_every_name(
    kind: str, words: list[str], monkeypatch: pytest.MonkeyPatch, bench: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, shown, _ = bench("list", kind)
    assert code == 0
    assert all(word in shown for word in words), shown
