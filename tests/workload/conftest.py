"""A cache of its own for every test, and tiny models, packages and data made on the spot."""

from __future__ import annotations

import csv
import shutil
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from bench.workload.assets import wheels
from bench.workload.assets.wheels import Asset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

WORDS = ("a", "film", "good", "bad", "fine", "dull", "the", "plot", "is", "very", "not", "0", "1", "2", "3", "4")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "cache"
    if not request.node.get_closest_marker("assets"):
        monkeypatch.setenv("BENCH_CACHE_DIR", str(folder))
        monkeypatch.delenv("BENCH_WHEELS", raising=False)
    return folder


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Asset]:
    """Write a wheel with these files into `folder` (default: wheels), and pin it as an asset."""

    def make(
        files: Mapping[str, str], members: Iterable[str], *, name: str = "toy-words", folder: str = "wheels"
    ) -> Asset:
        module = name.replace("-", "_")
        wheel = tmp_path / folder / f"{module}-1.0-py3-none-any.whl"
        wheel.parent.mkdir(exist_ok=True)
        information = f"{module}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
            archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{information}/RECORD", "")
        digest = sha256(wheel.read_bytes()).hexdigest()
        return Asset(name, "1.0", digest, wheel.stat().st_size, tuple(members))

    return make


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> Callable[[Asset], str]:
    """Make an asset the only one that there is."""

    def pin(asset: Asset) -> str:
        monkeypatch.setattr(wheels, "ASSETS", {asset.package: asset})
        return asset.package

    return pin


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama without a head, of 2 layers and 24 positions, with a tokenizer of one token per word."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("models") / "tiny"
    vocabulary = {word: number for number, word in enumerate(("<unk>", "</s>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>", padding_side="left"
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=24,
    )
    LlamaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be changed."""
    return shutil.copytree(tiny_model, tmp_path / "model")


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama as a GGUF file, with a byte-level tokenizer."""
    import gguf  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from tokenizers import pre_tokenizers  # noqa: PLC0415

    path = tmp_path_factory.mktemp("gguf") / "tiny model.gguf"
    tokens = ["<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġf", "il"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(32)
    writer.add_embedding_length(16)
    writer.add_block_count(2)
    writer.add_feed_forward_length(24)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_token_merges(["Ġ f", "i l"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {"token_embd": (len(tokens), 16), "output_norm": (16,), "output": (len(tokens), 16)}
    for layer in range(2):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{part}"] = (16, 16)
        shapes |= {f"blk.{layer}.ffn_gate": (24, 16), f"blk.{layer}.ffn_up": (24, 16)}
        shapes |= {f"blk.{layer}.ffn_down": (16, 24), f"blk.{layer}.attn_norm": (16,), f"blk.{layer}.ffn_norm": (16,)}
    draw = np.random.default_rng(0)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", draw.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write rows of text and label (or the columns named) as a file of comma- or tab-separated values."""

    def write(
        rows: Iterable[Sequence[object]], name: str = "data.csv", columns: Sequence[str] = ("text", "label")
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if name.endswith(".tsv") else ",")
            writer.writerows([columns, *rows])
        return path

    return write


@pytest.fixture
def reviews() -> list[tuple[str, str]]:
    """Forty different texts, thirty good and ten bad."""
    words = [f"{a} {b} film" for a in ("0", "1", "2", "3", "4") for b in ("0", "1", "2", "3", "4", "a", "the", "is")]
    return [(f"{word} good", "good") if number % 4 else (f"{word} bad", "bad") for number, word in enumerate(words)]
