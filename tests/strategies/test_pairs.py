from __future__ import annotations

import os
import random
from itertools import combinations

import pytest

from bench.errors import Unsupported, UsageError
from bench.plan.compose import compose
from bench.testing.checks import (
    memory_parts_add_up,
    nothing_else_moved,
    trains_with_finite_loss,
    what_should_move_moved,
)
from bench.testing.checks.pairs import check_pair
from bench.testing.models import MODELS, view_on
from bench.testing.subject import Subject
from tests.strategies.built_in import ALL

NUM_DRAWN = 60
PAIRS = list(combinations(ALL, 2))


@pytest.mark.parametrize("model", MODELS)
def test_every_pair_commutes_or_conflicts_in_words(model: str) -> None:
    view = view_on(model)
    wrong = []
    for one, other in PAIRS:
        try:
            check_pair(ALL[one], ALL[other], view)
        except AssertionError as error:
            wrong.append(str(error).partition("\n")[0])
    assert not wrong, f"{len(wrong)} of {len(PAIRS)} pairs:\n" + "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.usefixtures("untraced")
def test_drawn_pairs_train() -> None:
    """Other pairs each time; BENCH_PAIRS_SEED draws those of an earlier run again."""
    seed = int(os.environ.get("BENCH_PAIRS_SEED") or random.SystemRandom().randrange(10**6))
    draw = random.Random(seed)
    possible = [(pair, model) for pair in PAIRS for model in MODELS if _compose(*pair, model)]
    drawn = draw.sample(possible, min(NUM_DRAWN, len(possible)))
    print(f"\nBENCH_PAIRS_SEED={seed}: {len(drawn)} of {len(possible)} pairs that compose, on a model")  # noqa: T201  (so that they can be drawn again)
    wrong = []
    for (one, other), model in drawn:
        outcome = _outcome(Subject((ALL[one], ALL[other]), model))
        print(f"{one}+{other} on {model}: {outcome or 'ok'}", flush=True)  # noqa: T201
        wrong += [outcome] if outcome.startswith("wrong") else []
    assert not wrong, "\n".join(wrong)


def _compose(one: str, other: str, model: str) -> bool:
    try:
        compose((ALL[one], ALL[other]), view_on(model))
    except (Unsupported, UsageError):
        return False
    return True


def _outcome(subject: Subject) -> str:
    try:
        for demand in (trains_with_finite_loss, what_should_move_moved, nothing_else_moved, memory_parts_add_up):
            demand(subject)
    except Unsupported as error:
        return f"skipped: {error}"
    except AssertionError as error:
        if isinstance(error.__cause__, UsageError):  # which only the built model knows
            return f"refused: {error.__cause__}"
        return f"wrong: {error}".partition("\n")[0]
    return ""
