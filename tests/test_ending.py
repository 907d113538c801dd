"""What asks a process to end, with real signals of real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.ending import Ending, interrupted_by_signals, uninterrupted

ROOT = Path(__file__).parents[1]


def test_a_signal_interrupts_as_ctrl_c_does_and_tells_its_exit_code() -> None:
    with interrupted_by_signals() as ending:
        assert ending.exit_code == 130
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert ending.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_two_signals_of_one_request_interrupt_once_and_a_later_one_again() -> None:
    ending = Ending()
    with pytest.raises(KeyboardInterrupt):
        ending.interrupt(signal.SIGTERM, None)
    ending.interrupt(signal.SIGHUP, None)
    assert ending.exit_code == 143
    ending.at -= 2
    with pytest.raises(KeyboardInterrupt):
        ending.interrupt(signal.SIGTERM, None)


def test_who_ignores_a_hang_up_goes_on() -> None:
    code = "import os, signal; from bench.ending import interrupted_by_signals\nwith interrupted_by_signals(): os.kill(os.getpid(), signal.SIGHUP); print('on')"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], capture_output=True, text=True, env=environ, timeout=60, check=True
    )
    assert done.stdout == "on\n"


def test_what_may_not_be_interrupted_is_done_before_a_signal_is_heard() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            done.append("all of it")
        done.append("more")

    is_over = threading.Event()
    other = threading.Thread(target=is_over.wait)  # a signal to the process may reach it instead
    other.start()
    try:
        with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
            work()
    finally:
        is_over.set()
        other.join()
    assert done == ["all of it"]
