from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import ModelError, UnknownName
from bench.workload.models.check import check_model
from bench.workload.presets import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    WriteCsv = Callable[..., Path]


def test_a_model_that_can_exist_passes(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    for name in (*MODELS, "owner/name", str(tiny_model), str(tmp_path / "model.gguf")):
        check_model(name)


@pytest.mark.parametrize("name", ["smollm2-135", "folder/model.gguf", "/nowhere"])
def test_a_model_that_cannot_exist_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown model .*Known: minilm-l6, smollm2-135m.*a GGUF file"):
        check_model(name)


def test_what_is_here_without_weights_is_refused_with_where_they_are() -> None:
    with pytest.raises(ModelError, match="without weights; to train it, give its Hub id meta-llama/Meta-Llama-3-8B"):
        check_model("llama-3-8b")
