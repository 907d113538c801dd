from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bench.errors import ModelError, UnknownName
from bench.workload.models.load import load_model

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean minilm-l6"):
        load_model("minilm-l5", labels=("0", "1"), seed=0)


def test_a_hub_model_without_the_hub_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants  # noqa: PLC0415

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"model owner/name .*: HF_HUB_OFFLINE is set") as caught:
        load_model("owner/name", labels=("0", "1"), seed=0)
    assert "\n" not in str(caught.value)


def test_a_hub_model_comes_from_the_local_cache_of_the_hub(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants  # noqa: PLC0415

    repository, revision = tmp_path / "models--owner--name", "0" * 40
    shutil.copytree(tiny_model, repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert load_model("owner/name", labels=("0", "1"), seed=0).fresh == {"score.weight"}
