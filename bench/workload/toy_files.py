"""The toy workload as files in the cache, for who trains where nobody names a model or data: gate and pytest fixture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bench.cache import build_once, cache_dir

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LAYOUT", "toy_settings"]

LAYOUT = 2
"""Version of what is written: raise it with any change of that, which makes the files of before stale."""

_NUM_ROWS, _LR = 800, 1e-3


def toy_settings(user: str, *, width: int, num_words: tuple[int, int]) -> dict[str, Any]:
    """Return settings of a comparison on the toy workload, whose files are written once and kept in the cache.

    `user` is the folder in the cache: who wants a toy of this size. Texts of one length make steps of one length.
    """
    build = partial(_build, width=width, num_words=num_words)
    folder = build_once(cache_dir() / user / f"tiny-{LAYOUT}", build)
    files = {"model": str(folder / "model"), "dataset": str(folder / "reviews.csv")}
    return files | {"train_samples": None, "eval_samples": None, "lr": _LR}


def _build(folder: Path, *, width: int, num_words: tuple[int, int]) -> None:
    from bench.workload.toy import save_tiny_llama, save_toy_reviews  # noqa: PLC0415  (torch: a gate's parent has none)

    save_tiny_llama(folder / "model", width=width)
    save_toy_reviews(folder / "reviews.csv", _NUM_ROWS, num_words)
