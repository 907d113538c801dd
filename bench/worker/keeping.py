"""What becomes of a trained model that is to be kept, on each of the ranks that have it or parts of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.worker.gathered import gathered
from bench.worker.saving import save, trained_logits
from bench.workload.models.load import load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from bench.training.prepared import Prepared
    from bench.worker.assemble import Inputs

__all__ = ["keep"]


def keep(prepared: Prepared, inputs: Inputs, directory: Path) -> None:
    """Write what was trained into `directory`: rank 0, with the help of the others where each has a part.

    Args:
        prepared: Has trained; not to be used any more.
        inputs: Of the run, with which `prepared` was made.
        directory: Is made.

    Raises:
        Unsupported: as `bench.worker.saving.save` and `bench.worker.gathered.gathered` do.

    """
    base, split = inputs.spec.workload.model, inputs.data.train
    tokenizer = load_tokenizer(base)
    wanted, whole = None, None if prepared.parallel.rank else prepared
    if prepared.parallel.cuts:
        wanted = trained_logits(prepared, split, tokenizer)
        whole = gathered(prepared, inputs)
    if whole is not None:
        reload = partial(inputs.reload, whole)
        save(whole, directory, base=base, reload=reload, tokenizer=tokenizer, split=split, wanted=wanted)
