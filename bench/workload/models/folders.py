"""Checks of a model's files by their names and first bytes: what is no model is refused in one line.

Nothing here imports torch or transformers, and no pickle is opened.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bench.errors import ModelError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_folder", "check_gguf", "weight_files"]

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MOST_HEADER_BYTES = 100_000_000
"""The limit of safetensors itself."""
_LFS = b"version https://git-lfs"
_PICKLES = {".bin", ".ckpt", ".pkl", ".pt", ".pth"}
_OF_OTHERS = {".h5": "TensorFlow", ".msgpack": "Flax", ".onnx": "ONNX", ".npz": "MLX or NumPy", ".tflite": "TensorFlow"}
_SPLIT_GGUF = re.compile(r"-\d{5}-of-(\d{5})\.gguf", re.IGNORECASE)
_TOKENIZER = ("tokenizer*", "vocab*", "merges*", "spiece*", "sentencepiece*", "*.model", "*.codes", "*.tiktoken")


def check_folder(folder: Path, name: str) -> None:
    """Refuse a folder that is not a complete model of transformers in safetensors, with what it is and what to do.

    Raises:
        ModelError: the configuration, the weights or the tokenizer is missing, in part or as a whole.

    """
    try:
        _check_folder(folder, name)
    except OSError as error:
        raise ModelError(f"cannot read the folder of {name}: {error.strerror}") from error


def _check_folder(folder: Path, name: str) -> None:
    if (folder / "adapter_config.json").is_file():
        raise ModelError(_adapter(folder, name))
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name} {_without_config(folder)}")
    config = _object(folder / "config.json", name)
    if "model_type" not in config and {"_class_name", "word_embedding_dimension"} & config.keys():
        msg = f"{name} is a part of a pipeline of diffusers or sentence-transformers, not a model of transformers; give the folder of the transformer"
        raise ModelError(msg)
    for file in weight_files(folder, name):
        _check_header(file, name)
    if not any(path.is_file() for pattern in _TOKENIZER for path in folder.glob(pattern)):
        msg = f"cannot load the tokenizer of {name}: it holds none; save the one that the model was trained with there (tokenizer.save_pretrained)"
        raise ModelError(msg)
    for file in folder.glob("*.json"):
        _check_pointer(file, name)


def check_gguf(file: Path) -> None:
    """Refuse a file named .gguf that has another format, or is only one part of a model.

    Raises:
        ModelError: what it is instead.

    """
    try:
        is_pointer, is_whole = (_begins_with(file, start) for start in (_LFS, b"GGUF"))
        is_page = _begins_with(file, b"<")
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error
    if is_pointer:
        raise ModelError(_pointer(file))
    if not is_whole:
        kind = "a page of the web" if is_page else "of another format" if file.stat().st_size else "empty"
        msg = f"{file} is no GGUF file, for it is {kind}; download it again, or give the folder of the model in safetensors"
        raise ModelError(msg)
    if part := _SPLIT_GGUF.search(file.name):
        msg = f"{file} is one part of {int(part[1])} of a GGUF file; join them first (llama-gguf-split --merge), and give the whole"
        raise ModelError(msg)


def weight_files(folder: Path, name: str) -> list[Path]:
    """List the safetensors files that transformers reads a model's weights from, and check that all are present.

    Raises:
        ModelError: there are none, or the index names files that are missing.

    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise ModelError(f"cannot load the model of {name}: it {_without_weights(folder)}")
    shards = _object(folder / INDEX, name).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(shard, str) for shard in shards.values()):
        msg = f"cannot load the model of {name}: {INDEX} has no weight_map that names the files of the weights"
        raise ModelError(msg)
    names = sorted(set(shards.values()))
    if missing := [shard for shard in names if not (folder / shard).is_file()]:
        msg = f"cannot load the model of {name}: it lacks {len(missing)} of the {len(names)} files that {INDEX} names: {', '.join(missing[:3])}; download them too"
        raise ModelError(msg)
    return [folder / shard for shard in names]


def _check_header(file: Path, name: str) -> None:
    """Refuse a file of safetensors whose size differs from what its header says."""
    size = file.stat().st_size
    _check_pointer(file, name)
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length <= min(MOST_HEADER_BYTES, size - 8):
                raise ValueError("it is no whole file of safetensors")  # noqa: TRY301
            header = json.loads(opened.read(length))
        header.pop("__metadata__", None)
        end = 8 + length + max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if end != size:
            raise ValueError(f"it has {size:,} bytes of the {end:,} that its header tells of; copy it again")  # noqa: TRY301
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ModelError(f"cannot load the model of {name}: {file.name}: {first_line(error)}") from error


def _adapter(folder: Path, name: str) -> str:
    base = _object(folder / "adapter_config.json", name).get("base_model_name_or_path")
    if (folder / "config.json").is_file() and ((folder / WEIGHTS).is_file() or (folder / INDEX).is_file()):
        return f"{name} holds an adapter of PEFT (adapter_config.json) beside a whole model; give a folder with one of the two alone"
    of = f" for {base}, its base model" if base else ""
    return (
        f"{name} is an adapter of PEFT{of}, not a whole model; merge it into its base "
        "(merge_and_unload, then save_pretrained, and the tokenizer's too) and give that folder, or give the base model itself"
    )


def _without_config(folder: Path) -> str:  # noqa: PLR0911  (one for each kind)
    """Describe what a folder without config.json is instead."""
    inner = sorted(path.parent.name for path in folder.glob("*/config.json"))
    checkpoints = [name for name in inner if re.fullmatch(r"checkpoint-\d+", name)]
    ggufs = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".gguf")
    if (folder / "modules.json").is_file():
        bodies = [child for child in inner if _is_transformer(folder / child)]
        where = f"give that of its transformer, {folder / bodies[0]}" if bodies else "its transformer is not in it"
        return f"is a folder of sentence-transformers, whose parts have folders of their own; {where}"
    if (folder / "model_index.json").is_file():
        return "is a pipeline of diffusers, which makes images; give a model of texts"
    if ggufs:
        return f"is a folder with GGUF files; give one of them: {folder / ggufs[0]}"
    if checkpoints:
        latest = max(checkpoints, key=lambda child: int(child.partition("-")[2]))
        return f"holds checkpoints of a training, each a folder of its own; give one of them: {folder / latest}"
    if snapshots := sorted(folder.glob("snapshots/*/config.json")):
        return f"is a folder of the Hub's cache; give the snapshot in it: {snapshots[-1].parent}"
    if inner:
        return f"has no config.json, but its folder {inner[0]} has: give {folder / inner[0]}"
    if not any(folder.iterdir()):
        return "is empty; give the folder of a model: config.json, model.safetensors and the tokenizer's files"
    if weights := _weights_of_any_kind(folder):
        return f"has weights ({weights[0]}), but no config.json, which says of what model; give a folder that save_pretrained wrote"
    if any(path.is_file() for pattern in _TOKENIZER for path in folder.glob(pattern)):
        return "holds a tokenizer alone, without config.json and weights; give the folder of the model"
    return "is no folder of a model: it has no config.json; give one with config.json, model.safetensors and the tokenizer's files"


def _without_weights(folder: Path) -> str:
    """Describe the weights of a folder that has none in safetensors."""
    found = _weights_of_any_kind(folder)
    if shards := [name for name in found if re.fullmatch(r"model-\d+-of-\d+\.safetensors", name)]:
        return f"holds {len(shards)} files of its weights, but not {INDEX}, which says what is where; download it too"
    if others := [name for name in found if name.endswith(".safetensors")]:
        return f"holds its weights as {others[0]}, but transformers reads {WEIGHTS}; rename it if it is the whole model"
    if pickles := [name for name in found if any(name.lower().endswith(kind) for kind in _PICKLES)]:
        return (
            f"holds its weights as a pickle alone ({pickles[0]}), which is never read, as it can run any code; if you trust it, "
            "write safetensors: AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(folder)"
        )
    if found:
        kind = next(kind for end, kind in _OF_OTHERS.items() if found[0].lower().endswith(end))
        return f"holds weights of {kind} alone ({found[0]}); give the model in safetensors, as transformers saves it"
    return f"has a config.json, but no weights; they are read from {WEIGHTS}, or from the files of {INDEX}"


def _weights_of_any_kind(folder: Path) -> list[str]:
    kinds = {".safetensors", *_PICKLES, *_OF_OTHERS}
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in kinds and path.is_file())
    # The Trainer saves its arguments and its optimizer as pickles, too.
    apart = {"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth"}
    return [name for name in files if name not in apart]


def _is_transformer(folder: Path) -> bool:
    try:
        return "model_type" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return False


def _object(file: Path, name: str) -> Mapping[str, Any]:
    """Read a JSON object."""
    _check_pointer(file, name)
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"cannot load the configuration of {name}: {file.name}: {first_line(error)}") from error
    if not isinstance(read, dict):
        raise ModelError(f"cannot load the configuration of {name}: {file.name} is no object of JSON")
    return read


def _check_pointer(file: Path, name: str) -> None:
    if _begins_with(file, _LFS):
        raise ModelError(f"{name}: {_pointer(file)}")


def _pointer(file: Path) -> str:
    return f"{file.name} is a pointer of Git LFS, not the file itself; run `git lfs pull` where it was cloned"


def _begins_with(file: Path, start: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(start)) == start
