from __future__ import annotations

import pytest

from bench.testing.checks import pairs
from tests.testing.broken import BROKEN, checks_in


@pytest.mark.parametrize("name", checks_in(pairs))
def test_each_check_fails_where_a_strategy_breaks_it_and_says_how(name: str) -> None:
    strategy, said = BROKEN[name]
    with pytest.raises(AssertionError, match=said):
        checks_in(pairs)[name](strategy)
