from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from transformers import AutoConfig

from bench.errors import ModelError, UnknownName
from bench.workload.models.configuration import configuration_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_short_name_and_the_hub_id_it_stands_for_are_the_same() -> None:
    short, hub = configuration_of("llama-3-8b"), configuration_of("meta-llama/Meta-Llama-3-8B")
    assert short.to_dict() == hub.to_dict()
    assert short is not configuration_of("llama-3-8b")


def test_a_token_pads_even_where_the_configuration_names_none() -> None:
    assert configuration_of("llama-3.2-1b").pad_token_id == 128001
    assert configuration_of("bert-base").pad_token_id == 0


def test_a_folder_that_has_a_short_name_is_the_model_as_it_is_for_a_run(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bert-base").mkdir()
    shutil.copy(tiny_model / "config.json", tmp_path / "bert-base")
    monkeypatch.chdir(tmp_path)
    assert configuration_of("bert-base").model_type == "llama"


@pytest.mark.parametrize("place", ["", "config.json"])
def test_a_folder_and_its_file_are_read_without_weights(place: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_model / "config.json", tmp_path)
    read, whole = configuration_of(str(tmp_path / place)), AutoConfig.from_pretrained(tiny_model)
    assert (read.hidden_size, read.num_hidden_layers) == (whole.hidden_size, whole.num_hidden_layers)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'llama-8b'\. Did you mean llama-3-8b\? Known: bert-base, .*config.json"):
        configuration_of("llama-8b")


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not a valid JSON"), ({"model_type": "of-nobody"}, "of-nobody"), ({"hidden_size": 3}, "model_type")],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(content: Any, words: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ModelError, match=words) as caught:
        configuration_of(str(file))
    assert "\n" not in str(caught.value)


def hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Give an empty cache of the Hub, offline; return the folder for a snapshot of owner/name."""
    from huggingface_hub import constants  # noqa: PLC0415

    repository, revision = cache / "models--owner--name", "0" * 40
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(cache))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision)
    return repository / "snapshots" / revision


def test_of_the_hub_the_configuration_is_enough(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = hub(monkeypatch, tmp_path)
    with pytest.raises(ModelError, match="owner/name from the Hub: HF_HUB_OFFLINE is set"):
        configuration_of("owner/name")
    snapshot.mkdir(parents=True)
    shutil.copy(tiny_model / "config.json", snapshot)
    assert configuration_of("owner/name").model_type == "llama"


def test_what_the_hub_holds_instead_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    snapshot = hub(monkeypatch, tmp_path)
    snapshot.mkdir(parents=True)
    (snapshot / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="owner/name is an adapter of PEFT"):
        configuration_of("owner/name")
