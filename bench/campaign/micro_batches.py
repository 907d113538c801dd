"""The largest micro-batch of each strategy of a comparison, forecast before the first run in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.campaign.announcement import micro_batch_in_words
from bench.campaign.executing import observed
from bench.protocol import Fitted, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.campaign.executing import Executor, Observer
    from bench.experiment.spec import RunSpec
    from bench.protocol import Message

__all__ = ["with_largest_micro_batches"]


def with_largest_micro_batches(
    specs: Sequence[RunSpec],
    done: Iterable[RunSpec],
    executor: Executor,
    observer: Observer,
    say: Callable[[str], None],
) -> tuple[RunSpec, ...]:
    """Give all runs of a strategy the largest micro-batch that fits their device, until the user interrupts.

    None stands for a whole batch, where that fits or nothing can be told; one row where not even that fits: what becomes
    of it is for its own run to say. Strategies that have runs keep the micro-batch of these. A rate changes none.

    Args:
        specs: Of the comparison.
        done: Of the runs that are done.
        executor: Carries out each question in a process of its own.
        observer: Is told what goes on.
        say: Shows one line.

    Raises:
        UsageError: the request cannot be carried out as it stands.

    """
    sizes = {spec.name_without_lr: spec.micro_batch_size for spec in done}
    for spec in specs:
        if spec.name_without_lr not in sizes and not executor.interrupted:
            told = _ask(spec, executor, observer)
            say(micro_batch_in_words(spec.name_without_lr, told))
            is_cut = told is not None and told.num_rows < told.batch_size
            sizes[spec.name_without_lr] = max(told.num_rows, 1) if told and is_cut else None
    return tuple(spec.model_copy(update={"micro_batch_size": sizes.get(spec.name_without_lr)}) for spec in specs)


def _ask(spec: RunSpec, executor: Executor, observer: Observer) -> Fitted | None:
    told: list[Fitted] = []

    def listen(_: Request, message: Message) -> None:
        if isinstance(message, Fitted):
            told.append(message)

    for _ in observed(executor, [Request(spec=spec, mode="fit")], observer, listen):
        pass
    return told[0] if told else None
