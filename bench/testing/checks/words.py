"""What the report says of a strategy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.plan.describe import changes
from bench.plan.train_plan import TrainPlan, baseline_phases
from bench.testing.names import name_of

if TYPE_CHECKING:
    from bench.testing.subject import Subject

__all__ = ["is_told_in_words"]

MOST_CHARACTERS = 200
_CODE = {
    "names an object by its address or its code": re.compile(r"<[^<>]* at 0x|<lambda>|<(function|class) "),
    "writes names as Python does": re.compile(r"\(['\"]|\{['\"]|\[['\"]|frozenset\("),
    "has several lines": re.compile("[\r\n]"),
}


def is_told_in_words(subject: Subject) -> None:
    """Each field that differs from the baseline has a line of plain words, and so has what a strategy says of itself."""
    plan, view = subject.plan, subject.view
    told = changes(plan, view, {name_of(one): one for one in subject.strategies})
    is_baseline = plan == TrainPlan(phases=baseline_phases(view))
    assert told or is_baseline, f"{subject.name} changes the plan, and the report would say nothing of it"
    for field, words in told.items():
        assert words.strip(), f"the report says nothing of {field} of {subject.name}"
        for what, pattern in _CODE.items():
            assert not pattern.search(words), (
                f"what the report says of {field} of {subject.name} {what}: {words!r}; give its value a describe(view)"
            )
        assert len(words) <= MOST_CHARACTERS, (
            f"what the report says of {field} of {subject.name} has {len(words)} characters, over {MOST_CHARACTERS}: {words!r}"
        )
