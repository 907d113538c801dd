"""The ways in which a model can be run on rows of unlike length."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from bench.experiment.bounds import Lenient

__all__ = ["WAYS", "AskedWay", "Way"]

Way = Literal["packed-varlen", "packed-spread", "rows", "padded"]
"""How rows of unlike length take one forward pass.

packed-varlen: end to end, with attention by a GPU's kernels for various lengths. packed-spread: end to end, spread out to
rows for attention alone. rows: each padded on its right and attended to as it is, and the picked tokens alone above the
last layer. padded: as transformers does it.
"""

WAYS: tuple[Way, ...] = get_args(Way)

AskedWay = Annotated[Lenient[Way] | None, Field(exclude_if=lambda way: way is None)]
"""Of all runs of a comparison; None where it is not chosen yet, and in records of before, which have no such field."""
