from __future__ import annotations

import shutil
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from bench.training.here import import_needed, what_lacks

if TYPE_CHECKING:
    import pytest


def test_what_the_machine_cannot_do_is_said_in_the_words_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert (what_lacks({"precision": "amp"}) or "").startswith("this CPU has no native bf16")
    assert (what_lacks({"compile": True}) or "").startswith("compile needs a C++ compiler")
    assert what_lacks({"precision": "bf16", "compile": False, "lr": 1e-3}) is None


def test_what_strategies_need_is_imported_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wsgiref.validate", raising=False)
    strategies: list[Any] = [SimpleNamespace(needs=("wsgiref.validate",)), SimpleNamespace()]
    import_needed(strategies)
    assert "wsgiref.validate" in sys.modules
