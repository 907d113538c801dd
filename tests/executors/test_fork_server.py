from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from bench.campaign.executing import only
from bench.executors import Runner
from bench.executors.fork_server import SERVER_ENVIRONMENT
from bench.protocol import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from bench.protocol import Message, Request


def test_runs_have_the_environment_of_the_server_unless_the_user_set_another(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SERVER_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    before = dict(os.environ)
    messages: list[Message] = []

    with Runner(entry="tiny_entries:tells_surroundings", preload=("bench.protocol",)) as fresh:
        assert only(fresh, make_request(), messages.append).status == "ok"

    assert isinstance(messages[0], Stage)
    found = json.loads(messages[0].detail)["environ"]
    assert {name: found[name] for name in SERVER_ENVIRONMENT} == SERVER_ENVIRONMENT | {"GOMP_SPINCOUNT": "7"}
    assert dict(os.environ) == before, "this process keeps its own"
