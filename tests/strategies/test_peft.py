"""peft behind a curtain: quiet, and its types by name."""

from __future__ import annotations

import subprocess
import sys

from bench.beside.strategies._peft import REFUSED, options_of, types

ASKS_FOR_PEFT = """
import bench.executors.preloaded
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.adapter import Adapter
from tests.strategies.tiny import prepared
Adapter(type="frod")
prepared(Lora())
prepared(Adapter(type="boft"))
"""


def test_nothing_that_peft_prints_reaches_the_user() -> None:
    done = subprocess.run([sys.executable, "-c", ASKS_FOR_PEFT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_strategies_are_read_without_peft() -> None:
    code = """
import sys
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.adapter import Adapter
from bench.plan.view import stand_in
for strategy in (Lora(target=("q_proj",)), Adapter()):
    strategy.edit(stand_in(4))
assert not {"peft", "torch"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_types_are_those_of_the_installed_peft_and_variants_of_lora() -> None:
    found = types()
    assert {"lora", "loha", "lokr", "oft", "boft", "vera", "olora", "dora", "rslora", "pissa"} <= set(found)
    assert not set(REFUSED) & set(found)
    assert not {"prompt_tuning", "p_tuning", "prefix_tuning", "cpt"} & set(found)


def test_options_are_those_of_peft_that_text_can_give() -> None:
    assert options_of("loha")["r"] == (int, 8)
    assert {"lora_alpha", "use_rslora"} <= set(options_of("dora"))
    hidden = {"use_dora", "target_modules", "modules_to_save", "bias", "peft_type", "inference_mode", "eva_config"}
    assert not hidden & set(options_of("dora"))
