"""The way to run a model on a CPU, by counting: no clock is asked, so that a comparison takes the same one each time.

Packs save the arithmetic of padding, and pay for it in every layer: attention spreads them out to rows and gathers them
back, which is operations to start and numbers to move. So rows are cheaper where there is hardly any padding, and where
layers are so small that its arithmetic takes less time than starting an operation. Of one layer, forward and backward:

    padding    3 x weights x padded tokens                      products
             + NUMBERS x NUMBER x width x padded tokens         norms, activations, what is added up
             + 3 x 2 x width x further pairs of query and key   attention
    spreading  OPERATIONS x OPERATION
             + MOVED x NUMBER x width x slots of attention

The unit is a multiply-add of a large product in fp32, the type of the baseline: a strategy in half precision pays no more
for padding. On one core of an AMD with AVX-512, models of width 64 to 512 broke even at up to four times the padding that
this allows: where it errs, packs are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ModelError
from bench.measuring.torch_memory import num_values
from bench.training.forward.layout import num_pairs, num_slots
from bench.workload.data.batches import micro_batches, ordered_batches
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way

__all__ = ["way_by_counts", "way_on_cpu"]

OPERATIONS = 15
"""That spreading starts in a layer, forward and backward, beyond those of rows: three times spread, once gathered."""
OPERATION = 500_000
"""Multiply-adds in the time that it takes to start one: 10 us at 50 billion a second, as some are functions of Python."""
MOVED = 6
"""Numbers per slot and width that spreading and gathering copy, with fewer key heads than heads."""
NUMBER = 15
"""Multiply-adds in the time that it takes to read and write a number: 0.3 ns."""
NUMBERS = 60
"""That a token's norms, activations and sums are, forward and backward, per width."""


def way_on_cpu(
    model: PreTrainedModel, lengths: NDArray[np.integer], batch_size: int, micro_batch_size: int | None
) -> Way | None:
    """Choose for a model and rows of these lengths, by the batches of an epoch; None where the model has no layers to be told apart.

    It is one for all strategies and seeds: batches are those of the first seed, in the passes that are asked for.
    """
    try:
        layers = layers_of(model)
    except ModelError:
        return None
    weights = sum(num_values(param) for layer in layers for param in layer.parameters())
    batches = ordered_batches(lengths, batch_size, seed=0, epoch=0)
    passes = (lengths[rows] for batch in batches for rows in micro_batches(batch, micro_batch_size))
    width: int = model.config.get_text_config().hidden_size
    return way_by_counts(passes, width=width, layer_weights=weights / len(layers))


def way_by_counts(passes: Iterable[NDArray[np.integer]], *, width: int, layer_weights: float) -> Way:
    """Choose between rows and packs that are spread, by what either costs more over all passes.

    Args:
        passes: The lengths of the rows of each forward pass, in tokens.
        width: Of the vectors that pass from layer to layer.
        layer_weights: Of a layer, on average.

    """
    per_token = 3 * layer_weights + NUMBERS * NUMBER * width
    padding, spreading = 0.0, 0.0
    for lengths in passes:
        tokens, longest = int(lengths.sum()), int(lengths.max())
        further_pairs = len(lengths) * longest**2 - num_pairs(lengths)
        padding += per_token * (len(lengths) * longest - tokens) + 6 * width * further_pairs
        spreading += OPERATIONS * OPERATION + MOVED * NUMBER * width * num_slots(lengths)
    return "rows" if padding < spreading else "packed-spread"
