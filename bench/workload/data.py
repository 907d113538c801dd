"""The data of a run, tokenised once and kept in the cache."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from bench.records.data_summary import DataSummary
from bench.workload.cache import build_once, cache_dir
from bench.workload.origins import TOKENIZER_FILES, model_folder
from bench.workload.presets import required_assets
from bench.workload.reading import source_of
from bench.workload.selection import choose
from bench.workload.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.spec import WorkloadSpec
    from bench.workload.reading import Raw

__all__ = ["Data", "Split", "load_data"]

LAYOUT = 2
"""Of the cached files, and of the rules that make them: a change makes old ones stale."""


@dataclass(frozen=True)
class Split:
    """Tokenised rows, end to end."""

    tokens: NDArray[np.int32]  # (all tokens,)
    offsets: NDArray[np.int64]  # (rows + 1,): row i is tokens[offsets[i]:offsets[i + 1]]
    labels: NDArray[np.int64]  # (rows,)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of every row."""
        return np.diff(self.offsets)

    def row(self, index: int) -> NDArray[np.int32]:
        """The token ids of one row."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    def first(self, num_rows: int) -> Split:
        """The first rows, all of them where there are fewer."""
        offsets = self.offsets[: num_rows + 1]
        return Split(self.tokens[: offsets[-1]], offsets, self.labels[:num_rows])


@dataclass(frozen=True)
class Data:
    """What a run is trained and evaluated on."""

    train: Split
    evaluation: Split
    label_names: tuple[str, ...]
    pad_token_id: int
    num_dropped_duplicates: int
    """Rows of the whole training split whose text is also in the evaluation split."""
    num_dropped_rows: int
    """Rows without text or label, in both splits."""
    truncated_share: float
    """Share of the training rows longer than the maximal length."""
    digest: str
    """Of the token ids, labels and order of rows of both splits."""
    summary: DataSummary
    """How what was read became what is trained and evaluated on."""
    assets: dict[str, str]
    """SHA-256 of the packages that model and data come from, by name."""


def load_data(spec: WorkloadSpec, report: Callable[[int, int], None] | None = None) -> Data:
    """Read, select and tokenise the data of a workload, or take it from the cache.

    Args:
        spec: The workload; equal ones over equal files give equal data.
        report: Called with the bytes of a package so far and their total, while one is fetched.

    Raises:
        UnknownName: the data set, model, a split or a column does not exist.
        AssetError: a preset cannot be fetched.
        DataError: the data cannot be read, or its labels make no sense.
        ModelError: the model has no tokenizer.

    """
    raw = source_of(spec, report)
    folder = model_folder(spec.model, report)
    key = [LAYOUT, spec.model_dump(mode="json"), raw.fingerprint, _content(folder)]
    name = sha256(json.dumps(key).encode()).hexdigest()[:32]
    return _read(build_once(cache_dir() / "tokens" / name, lambda building: _build(spec, raw, building)), spec)


def _content(folder: Path) -> dict[str, str]:
    """Tell the files that decide how a model tokenises, by their content."""
    files = sorted({file for pattern in TOKENIZER_FILES for file in folder.glob(pattern)})
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def _build(spec: WorkloadSpec, raw: Raw, folder: Path) -> None:
    from bench.workload.tokens import Tokeniser  # noqa: PLC0415  what is in the cache needs no transformers

    chosen = choose(spec, *raw.read())
    tokenise = Tokeniser(spec.model, spec.max_length)
    train_rows, train_lengths = tokenise(chosen.train.texts)
    eval_rows, eval_lengths = tokenise(chosen.evaluation.texts)
    summary = summarise(chosen, train_lengths, eval_lengths, tokenise.max_length)
    splits = {
        "train": _split(train_rows, chosen.train.labels),
        "evaluation": _split(eval_rows, chosen.evaluation.labels),
    }
    arrays = {f"{name}.{part}": array for name, split in splits.items() for part, array in asdict(split).items()}
    facts = {
        "label_names": chosen.label_names,
        "pad_token_id": tokenise.pad_token_id,
        "num_dropped_duplicates": chosen.num_dropped_duplicates,
        "num_dropped_rows": chosen.num_dropped_rows,
        "truncated_share": summary.lengths.truncated_share,
        "digest": _digest(arrays),
        "summary": summary.model_dump(mode="json"),
    }
    np.savez(folder / "splits.npz", **arrays)
    (folder / "facts.json").write_text(json.dumps(facts))


def _split(rows: Sequence[Sequence[int]], labels: NDArray[np.int64]) -> Split:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Split(np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]), offsets, labels)


def _digest(arrays: Mapping[str, NDArray[np.integer]]) -> str:
    digest = sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(folder: Path, spec: WorkloadSpec) -> Data:
    with np.load(folder / "splits.npz", allow_pickle=False) as arrays:
        train, evaluation = (
            Split(*(arrays[f"{name}.{part}"] for part in ("tokens", "offsets", "labels")))
            for name in ("train", "evaluation")
        )
    facts = json.loads((folder / "facts.json").read_text())
    facts |= {
        "label_names": tuple(facts["label_names"]),
        "summary": DataSummary.model_validate_json(json.dumps(facts["summary"])),
    }
    return Data(train, evaluation, **facts, assets=required_assets(spec))
