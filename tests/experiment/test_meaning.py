from __future__ import annotations

import subprocess
import sys

import pytest

from bench.experiment.meaning import meaning
from bench.experiment.spec import parse_strategy


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("freeze", "freeze:last=0", True),
        ("freeze+amp:lr=1e-3", "amp+freeze:lr=0.001", True),
        ("freeze", "freeze:last=1", False),
        ("freeze", "freeze:lr=0.01", False),
        ("./mine.py:Mine:x=1", "./mine.py:Mine:x=01", False),
        ("freeze:lst=0", "freeze:lst=0", True),
        ("freeze:lst=0", "freeze:lst=00", False),
        ("freeze:lr=much", "freeze", False),
    ],
)
def test_what_can_be_made_is_the_same_in_any_words_and_the_rest_in_its_own(
    one: str, other: str, *, is_same: bool
) -> None:
    assert (meaning(parse_strategy(one)) == meaning(parse_strategy(other))) == is_same


def test_a_composition_is_made_only_where_another_has_its_names() -> None:
    code = (
        "import sys; from bench.experiment.meaning import check_no_two_are_one; "
        "from bench.experiment.spec import parse_strategies; "
        "check_no_two_are_one(parse_strategies('full,adapter:type=lora,amp')); assert 'peft' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
