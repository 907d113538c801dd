"""What is no whole model of transformers is named for what it is, before anything is loaded."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from bench.cli.app import run
from bench.errors import ModelError, UnknownName
from bench.workload.models.check import check_model_files
from bench.workload.models.folders import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 456\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def refusal(name: str) -> str:
    with pytest.raises(ModelError) as caught:
        check_model_files(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


CONFIG = json.dumps({"model_type": "llama"})
ADAPTER = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "some/base"})
SHARDS = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})
TOKENIZER = {"tokenizer.json": "{}", "tokenizer_config.json": "{}"}
FOLDERS: dict[str, tuple[dict[str, str | bytes], str]] = {
    "adapter": (
        {"adapter_config.json": ADAPTER, "adapter_model.safetensors": b"", **TOKENIZER},
        r"is an adapter of PEFT for some/base, its base model, .*merge_and_unload.* give the base model itself",
    ),
    "adapter of nothing": ({"adapter_config.json": "{}"}, "is an adapter of PEFT, not a whole model"),
    "adapter and model": (
        {"adapter_config.json": ADAPTER, "config.json": CONFIG, "model.safetensors": b""},
        "holds an adapter of PEFT .* beside a whole model",
    ),
    "pickle": (
        {"config.json": CONFIG, "pytorch_model.bin": b"", "training_args.bin": b"", **TOKENIZER},
        r"as a pickle alone \(pytorch_model.bin\), which is never read.*save_pretrained",
    ),
    "pickles in shards": (
        {"config.json": CONFIG, "pytorch_model-00001-of-00002.bin": b"", "pytorch_model.bin.index.json": "{}"},
        "as a pickle alone",
    ),
    "arguments of a training": ({"config.json": CONFIG, "training_args.bin": b""}, "but no weights"),
    "configuration alone": ({"config.json": CONFIG}, "has a config.json, but no weights"),
    "TensorFlow": ({"config.json": CONFIG, "tf_model.h5": b""}, r"weights of TensorFlow alone \(tf_model.h5\)"),
    "ONNX": ({"config.json": CONFIG, "model.onnx": b""}, "weights of ONNX alone"),
    "another name": (
        {"config.json": CONFIG, "model.fp16.safetensors": b""},
        r"as model.fp16.safetensors, but transformers reads model.safetensors",
    ),
    "missing shards": (
        {"config.json": CONFIG, "model.safetensors.index.json": SHARDS, "model-00001-of-00002.safetensors": b""},
        "lacks 1 of the 2 files .*: model-00002-of-00002.safetensors; download",
    ),
    "missing index": (
        {"config.json": CONFIG, "model-00001-of-00002.safetensors": b""},
        r"holds 1 files of its weights, but not model.safetensors.index.json",
    ),
    "index without a map": (
        {"config.json": CONFIG, "model.safetensors.index.json": "{}"},
        "has no weight_map",
    ),
    "broken index": (
        {"config.json": CONFIG, "model.safetensors.index.json": "{"},
        "model.safetensors.index.json: Expecting property name",
    ),
    "empty": ({}, "is empty"),
    "tokenizer alone": (TOKENIZER, "holds a tokenizer alone"),
    "weights alone": ({"model.safetensors": b""}, r"has weights \(model.safetensors\), but no config.json"),
    "sentence-transformers": (
        {
            "modules.json": "[]",
            "0_Transformer/config.json": CONFIG,
            "1_Pooling/config.json": json.dumps({"word_embedding_dimension": 384}),
        },
        r"is a folder of sentence-transformers, .*0_Transformer$",
    ),
    "pooling": (
        {"config.json": json.dumps({"word_embedding_dimension": 384})},
        "is a part of a pipeline of diffusers or sentence-transformers",
    ),
    "diffusers": ({"model_index.json": "{}", "unet/config.json": "{}"}, "is a pipeline of diffusers"),
    "GGUF inside": ({"model-q4.gguf": b"GGUF"}, "with GGUF files; give one of them: .*model-q4.gguf"),
    "checkpoints": (
        {"checkpoint-90/config.json": CONFIG, "checkpoint-500/config.json": CONFIG},
        "holds checkpoints of a training, .*checkpoint-500$",
    ),
    "cache of the Hub": ({"snapshots/0123/config.json": CONFIG}, "give the snapshot in it: .*snapshots/0123$"),
    "one folder too high": ({"model/config.json": CONFIG}, "but its folder model has: give .*/model$"),
    "anything": ({"notes.txt": "a"}, "is no folder of a model"),
    "pointer for weights": (
        {"config.json": CONFIG, "model.safetensors": POINTER, **TOKENIZER},
        r"model.safetensors is a pointer of Git LFS, not the file itself; run `git lfs pull`",
    ),
    "pointer for config": ({"config.json": POINTER}, "config.json is a pointer of Git LFS"),
    "list for config": ({"config.json": "[]"}, r"config.json is no object of JSON"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_is_no_model_is_named_for_what_it_is(kind: str, tmp_path: Path) -> None:
    files, told = FOLDERS[kind]
    folder = tmp_path / "given"
    folder.mkdir()
    with pytest.raises(ModelError, match=told) as caught:
        check_model_files(str(write(folder, files)))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_whole_model_passes_and_one_without_tokenizer_does_not(copy: Path) -> None:
    check_model_files(str(copy))
    (copy / "tokenizer.json").write_text(POINTER)
    assert "tokenizer.json is a pointer of Git LFS" in refusal(str(copy))
    for file in copy.glob("tokenizer*"):
        file.unlink()
    assert "cannot load the tokenizer of" in refusal(str(copy))


def test_weights_cut_short_are_found_by_their_header(copy: Path) -> None:
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4])
    assert f"it has {len(whole) - 4:,} bytes of the {len(whole):,} that its header tells of" in refusal(str(copy))
    for damaged in (b"", whole[:40], struct.pack("<Q", 1 << 60) + whole[8:], struct.pack("<Q", 2) + b"[]"):
        weights.write_bytes(damaged)
        assert "cannot load the model of" in refusal(str(copy))


def test_the_weights_of_shards_are_found_together(copy: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    parts = {key: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, key in enumerate(tensors)}
    for file in set(parts.values()):
        save_file({key: tensor for key, tensor in tensors.items() if parts[key] == file}, copy / file)
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    check_model_files(str(copy))
    assert [file.name for file in weight_files(copy, "copy")] == sorted(set(parts.values()))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "for it is empty"),
        (b"<!DOCTYPE html>", "for it is a page of the web"),
        (b"lmgg\1\0\0\0", "for it is of another format"),
        (POINTER.encode(), "is a pointer of Git LFS"),
    ],
)
def test_a_gguf_file_that_is_none_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "Model.GGUF"
    file.write_bytes(content)
    assert told in refusal(str(file))


def test_a_part_of_a_gguf_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model-00001-of-00003.gguf"
    file.write_bytes(b"GGUF")
    assert "is one part of 3 of a GGUF file; join them first" in refusal(str(file))


def test_a_file_in_place_of_a_folder_is_refused(copy: Path) -> None:
    assert "is a file, of which only GGUF is read" in refusal(str(copy / "model.safetensors"))


def test_a_user_that_does_not_exist_is_no_model() -> None:
    with pytest.raises(UnknownName, match="unknown model '~nobody-at-all/x'"):
        check_model_files("~nobody-at-all/x")


def test_a_comparison_of_no_model_ends_before_it_begins(
    tmp_path: Path, write_csv: Callable[..., Path], reviews: list[tuple[str, str]]
) -> None:
    model = write(tmp_path / "adapter", {"adapter_config.json": ADAPTER})
    out = tmp_path / "out"
    with pytest.raises(ModelError, match="is an adapter of PEFT for some/base"):
        run(["compare", "--model", str(model), "--dataset", str(write_csv(reviews)), "--out", str(out)])
    assert not out.exists()
