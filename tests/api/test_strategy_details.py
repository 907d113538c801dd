from __future__ import annotations

import pytest

from bench.api.strategy_details import strategy_details
from bench.errors import UnknownName


def test_what_it_conflicts_with_is_told_of_both() -> None:
    assert "full" in strategy_details("freeze")["conflicts"]
    assert "freeze" in strategy_details("full")["conflicts"]
    assert "amp" not in strategy_details("freeze")["conflicts"]
    assert "full" in strategy_details("freeze:last=2")["conflicts"]


def test_what_cannot_stand_alone_says_what_it_lacks() -> None:
    cached = strategy_details("cached")
    assert "add freeze" in (cached["alone"] or "")
    assert cached["conflicts"] == []
    assert cached["sets"] == {"cache_prefix": "the frozen layers run once per row, and their output is stored"}
    assert strategy_details("freeze")["alone"] is None


def test_a_type_behind_a_door_has_options_of_its_own() -> None:
    one = strategy_details("adapter:type=hra:r=4")
    assert list(one["options"]) == ["r", "apply_GS", "init_weights", "target", "last"]
    assert one["sets"]["transforms"].startswith("hra, r=4, on 8 linear layers")
    assert one["types"] == {}
    with pytest.raises(UnknownName, match="type of adapter 'hraa'"):
        strategy_details("adapter:type=hraa")
