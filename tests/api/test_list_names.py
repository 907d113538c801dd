from __future__ import annotations

import bench


def test_every_strategy_is_listed_with_its_options() -> None:
    table = bench.strategies()
    assert {"full", "freeze", "amp"} <= set(table.index)
    assert "last=int" in table.loc["freeze", "options"]
    assert (table["description"] != "").all()
