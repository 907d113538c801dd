from __future__ import annotations

from typing import get_args

import pytest

from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.sharing import Sharing, cuts, offloads
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama

WAYS: tuple[Sharing, ...] = get_args(Sharing)


@pytest.mark.parametrize("how", WAYS)
def test_the_report_tells_every_way_from_the_others(how: Sharing) -> None:
    view = view_of(tiny_llama())
    told = {one: changes(compose([], view).with_parallel(one), view, {})["parallel"] for one in WAYS}
    assert [one for one in WAYS if told[one] == told[how]] == [how]
    assert ("cut among" in told[how]) == cuts(how)
    assert ("host's memory" in told[how]) == offloads(how)


def test_where_nobody_says_how_every_process_has_the_whole_model() -> None:
    assert not cuts(None)
    assert not offloads(None)
