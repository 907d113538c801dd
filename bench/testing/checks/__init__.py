"""What a strategy must keep to, one demand a function: it returns, or raises AssertionError with what the strategy does wrong.

Each is given a `Subject`. Where it raises Unsupported, the demand cannot be put on this model or machine.
"""

from bench.testing.checks.edit import (
    edit_is_pure,
    fields_exist,
    layers_and_kinds_exist,
    makes_a_plan,
    phases_are_pure,
    trains_as_told,
)
from bench.testing.checks.flops import products_are_counted
from bench.testing.checks.kept import reloads_as_it_was
from bench.testing.checks.memory import memory_parts_add_up
from bench.testing.checks.movement import (
    nothing_else_moved,
    preparing_keeps_weights,
    trains_with_finite_loss,
    what_should_move_moved,
)
from bench.testing.checks.pairs import composes_in_any_order
from bench.testing.checks.value import (
    has_defaults,
    has_no_option_lr,
    is_a_frozen_dataclass,
    is_hashable,
    options_round_trip,
    says_what_it_does,
)
from bench.testing.checks.ways import accumulates, trains_on_one_row, trains_with_amp, trains_with_checkpoint
from bench.testing.checks.words import is_told_in_words

__all__ = ["IN_OTHER_WAYS", "LAST", "OF_STRATEGY", "ON_MODEL"]

OF_STRATEGY = (
    is_a_frozen_dataclass,
    is_hashable,
    has_defaults,
    says_what_it_does,
    has_no_option_lr,
    options_round_trip,
    composes_in_any_order,
)
"""Once for each strategy."""

ON_MODEL = (
    edit_is_pure,
    fields_exist,
    layers_and_kinds_exist,
    phases_are_pure,
    trains_as_told,
    makes_a_plan,
    is_told_in_words,
    preparing_keeps_weights,
    trains_with_finite_loss,
    what_should_move_moved,
    nothing_else_moved,
    memory_parts_add_up,
    products_are_counted,
)
"""Once for each strategy on each model; those that train share one run."""

IN_OTHER_WAYS = (trains_with_amp, trains_with_checkpoint, accumulates, trains_on_one_row)
"""Likewise, with a run each, which is compared with the shared one."""

LAST = (reloads_as_it_was,)
"""On each model too, after all others: it uses up the shared run."""
