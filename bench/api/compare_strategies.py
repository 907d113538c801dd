"""`bench.compare`: a comparison from its options to its result; `bench compare` is a skin over the same steps."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from bench.api.keywords import as_settings, check_keywords, in_keywords, named, path_named, with_options
from bench.api.measure import measure
from bench.api.request import requested
from bench.api.result import default_directory
from bench.api.tables import dataset_named
from bench.executors.launch import check_started_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.api.result import Result

__all__ = ["compare"]


@with_options
def compare(
    strategies: str | Sequence[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    data: object = None,
    text: str | int | Sequence[str | int] | None = None,
    label: str | int | None = None,
    seeds: int = 1,
    out: str | PathLike[str] | None = None,
    quick: bool = False,
    resume: bool = False,
    in_process: bool = False,
    progress: bool = True,
    **options: Any,
) -> Result:
    """Train with each strategy, and compare speed, memory and accuracy.

    Every option of `bench compare` that says what is compared is a keyword, with the same default: `train_samples=1000`, `epochs=2`, `device="cpu"`.
    Each run is trained in a process of its own, which runs neither the calling script nor the cells of a notebook again.

    Args:
        strategies: What to compare: a list such as `["full", "freeze:last=2+amp"]`, or one text with commas.
        model: Preset, local directory, GGUF file or Hub id.
        data: Preset, local file or directory, Hub id, pandas DataFrame, `datasets.Dataset`, or a mapping of splits to
            such tables. A table is written to the cache (`BENCH_CACHE_DIR`), where the records say that it lies.
        text: Column of the texts, or two that are read as a pair; None takes one with a usual name.
        label: Column of the labels; None takes one with a usual name.
        seeds: Repetitions, each with another seed.
        out: Results directory; None makes reports/out/TIME.
        quick: A first look with a small model and few rows.
        resume: Go on in `out`; only what ended ok is done.
        in_process: Run in this process, for a debugger.
        progress: Show what is going on, on stderr or below the cell.
        options: Any other option of `bench compare`.

    Raises:
        UsageError: the request is wrong, which is found out before any run; UnknownName says the nearest name.
        KeyboardInterrupt: the user interrupted it; `bench.load` reads the runs that were done.

    """
    check_started_once()
    check_keywords(compare, options)
    own = {"strategies": strategies, "text": text, "label": label}
    given = {name: named(name, value) for name, value in own.items() if value is not None}
    if model is not None:
        given["model"] = str(path_named("model=", model)) if isinstance(model, PathLike) else model
    with in_keywords():
        if data is not None:
            given["data"] = dataset_named(data, given.get("text"), given.get("label"))
        settings = as_settings({**given, "seeds": seeds, **options}, quick=quick)
        directory = default_directory() if out is None else path_named("out=", out)
        measured = measure(
            settings, requested(settings), directory, resume=resume, in_process=in_process, progress=progress
        )
    if measured.result is None:
        msg = f"the comparison was interrupted before any run ended; go on with out={str(directory)!r} and resume=True"
        raise KeyboardInterrupt(msg)
    if measured.interrupted:
        msg = f"the comparison was interrupted; what was done is kept: bench.load({str(directory)!r}), or go on with out= and resume=True"
        raise KeyboardInterrupt(msg)
    return measured.result
