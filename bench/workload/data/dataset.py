"""The data of a run, tokenised once and cached."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from bench.cache import build_once, cache_dir
from bench.records.data_summary import DataSummary
from bench.workload.data.selection import choose
from bench.workload.data.source import source_of
from bench.workload.data.summary import summarise
from bench.workload.models.locate import TOKENIZER_FILES, model_folder
from bench.workload.presets import required_assets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.experiment.spec import WorkloadSpec
    from bench.workload.rows import Raw

__all__ = ["Data", "Split", "load_data"]

LAYOUT = 4
"""The version of the cached files, and of the rules that make them: a change invalidates old ones."""


@dataclass(frozen=True)
class Split:
    """Tokenised rows, concatenated."""

    tokens: NDArray[np.int32]  # (all tokens,)
    offsets: NDArray[np.int64]  # (rows + 1,): row i is tokens[offsets[i]:offsets[i + 1]]
    labels: NDArray[np.int64]  # (rows,)
    token_types: NDArray[np.int8] | None = None  # (all tokens,)
    """Which of two texts each token belongs to, for a model that takes token types; None where all are 0."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of tokens of every row."""
        return np.diff(self.offsets)

    def row(self, index: int) -> NDArray[np.int32]:
        """Return the token ids of one row."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    def types_of(self, index: int) -> NDArray[np.int8] | None:
        """Return the token types of one row; None where all are 0."""
        types = self.token_types
        return None if types is None else types[self.offsets[index] : self.offsets[index + 1]]

    def first(self, num_rows: int) -> Split:
        """Return the first rows, all of them where there are fewer."""
        offsets = self.offsets[: num_rows + 1]
        types = None if self.token_types is None else self.token_types[: offsets[-1]]
        return Split(self.tokens[: offsets[-1]], offsets, self.labels[:num_rows], types)


@dataclass(frozen=True)
class Data:
    """What a run trains and evaluates on."""

    train: Split
    evaluation: Split
    label_names: tuple[str, ...]
    pad_token_id: int
    num_dropped_duplicates: int
    """Rows of the whole training split whose text is also in the evaluation split."""
    num_dropped_rows: int
    """Rows without text or label, in both splits."""
    truncated_share: float
    """Share of the training rows that were truncated."""
    digest: str
    """SHA-256 of token ids, labels and order of rows of both splits."""
    summary: DataSummary
    """What was read, dropped and chosen, for the report."""
    assets: dict[str, str]
    """SHA-256 of the packages that model and data come from, by name."""


def load_data(
    spec: WorkloadSpec, report: Callable[[int, int], None] | None = None, *, validation: bool = False
) -> Data:
    """Read, select and tokenise the data of a workload, or take it from the cache.

    Equal workloads over equal files give equal data. `report` gets the bytes of a package so far and their total,
    while one is fetched. For `validation`, the evaluation rows are held out of those to train on, as `choose` says.

    Raises:
        UnknownName: the data set, model, a split or a column does not exist.
        AssetError: a preset cannot be fetched.
        DataError: the data cannot be read, or its labels make no sense.
        ModelError: the model has no tokenizer.

    """
    raw = source_of(spec, report)
    folder = model_folder(spec.model, report)
    key = [LAYOUT, spec.model_dump(mode="json"), raw.fingerprint, _content(folder), *(["validation"] * validation)]
    name = sha256(json.dumps(key).encode()).hexdigest()[:32]
    build = partial(_build, spec, raw, validation=validation)
    return _read(build_once(cache_dir() / "tokens" / name, build), spec)


def _content(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files that decide how a model tokenises, by name."""
    files = sorted({file for pattern in TOKENIZER_FILES for file in folder.glob(pattern)})
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def _build(spec: WorkloadSpec, raw: Raw, folder: Path, *, validation: bool) -> None:
    from bench.workload.data.tokens import Tokeniser  # noqa: PLC0415  (transformers, which cached data does without)

    chosen = choose(spec, *raw.read(), validation=validation)
    tokenise = Tokeniser(spec.model, spec.max_length)
    train_rows, train_lengths = tokenise(chosen.train.texts)
    eval_rows, eval_lengths = tokenise(chosen.evaluation.texts)
    summary = summarise(chosen, train_lengths, eval_lengths, tokenise.max_length)
    splits = {
        "train": _split(train_rows, chosen.train.labels, tokenise.token_types(chosen.train.texts)),
        "evaluation": _split(eval_rows, chosen.evaluation.labels, tokenise.token_types(chosen.evaluation.texts)),
    }
    parts = ((f"{name}.{part}", array) for name, split in splits.items() for part, array in asdict(split).items())
    arrays = {name: array for name, array in parts if array is not None}
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


def _split(rows: Sequence[Sequence[int]], labels: NDArray[np.int64], types: Sequence[Sequence[int]] | None) -> Split:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    tokens = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows])
    token_types = None if types is None else np.concatenate([np.asarray(row, dtype=np.int8) for row in types])
    return Split(tokens, offsets, labels, token_types)


def _digest(arrays: Mapping[str, NDArray[np.integer]]) -> str:
    digest = sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(folder: Path, spec: WorkloadSpec) -> Data:
    with np.load(folder / "splits.npz", allow_pickle=False) as arrays:
        train, evaluation = (
            Split(*(arrays.get(f"{name}.{part}") for part in ("tokens", "offsets", "labels", "token_types")))
            for name in ("train", "evaluation")
        )
    facts = json.loads((folder / "facts.json").read_text())
    facts |= {
        "label_names": tuple(facts["label_names"]),
        "summary": DataSummary.model_validate_json(json.dumps(facts["summary"])),
    }
    return Data(train, evaluation, **facts, assets=required_assets(spec))
