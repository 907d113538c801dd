from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.api.strategy_entry import strategy_entry
from bench.errors import UnknownName, UsageError
from bench.plan.families import Family


def test_an_entry_is_what_class_and_edit_say() -> None:
    entry = strategy_entry("frozen:weights=nf4")
    assert entry["options"] == {"weights": ["bf16|int8|nf4", "bf16"]}
    assert entry["source"].startswith("Dettmers et al. 2022, arXiv 2208.07339 (int8); ")
    assert entry["family"] == Family.TYPES
    assert entry["asks"] == {"frozen_weights": "nf4"}
    assert not entry["has_types"]
    assert strategy_entry("adapter")["has_types"]
    assert json.loads(json.dumps(entry)) == entry


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(UsageError, match="freeze\\+amp is a composition: give one of freeze, amp"):
        strategy_entry("freeze+amp")
    with pytest.raises(UnknownName, match="Did you mean freeze"):
        strategy_entry("freez")


def test_entries_of_all_are_made_without_torch_and_peft() -> None:
    code = """
import sys
from bench.api.strategy_entry import strategy_entry
from bench.experiment import registry
assert all(map(strategy_entry, registry.names()))
assert not {"peft", "torch"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
