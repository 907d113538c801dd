from __future__ import annotations

from rich.console import Console

from bench.analysis.intervals import Interval
from bench.doctor.checks import Check
from bench.doctor.display import diagnosis_table, noise_in_words, speed_in_words
from bench.doctor.examine import Diagnosis
from bench.forecasting.cards import card_of


def test_a_diagnosis_is_shown_as_it_is() -> None:
    checks = (
        Check("right", 2.0, 2.02, "{:.2f} s".format),
        Check("wrong", 2.0, 1.0, "{:.2f} s".format),
        Check("absent", 2.0, None, "{:.2f} s".format),
    )
    diagnosis = Diagnosis(checks, Interval(1.0, None, None, "one value, no interval"), None)
    console = Console(width=120, record=True, file=None, quiet=True)
    console.quiet = False
    with console.capture() as capture:
        console.print(diagnosis_table(diagnosis))
    lines = {line.split()[0]: line for line in capture.get().splitlines() if line.strip()}
    assert "1.0%" in lines["right"]
    assert "pass" in lines["right"]
    assert "50.0%" in lines["wrong"]
    assert "FAIL" in lines["wrong"]
    assert "not on this machine" in lines["absent"]
    assert not diagnosis.is_well
    assert noise_in_words(diagnosis).startswith("Two equal strategies: step times differ by a factor of 1.000.")


def test_speed_is_that_of_a_forecast() -> None:
    told = speed_in_words(card_of("t4-16gb"))
    assert "matmuls in fp16 at 19.5 TFLOP/s to 48.8 TFLOP/s, and moves 180 to 600 GB/s." in told
