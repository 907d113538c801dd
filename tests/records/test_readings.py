from __future__ import annotations

import pytest
from pydantic import ValidationError

from bench.records.readings import Memory


@pytest.mark.parametrize(
    ("peaks", "headline"),
    [
        ({"nvml_delta_bytes": 7, "torch_reserved_peak_bytes": 5, "host_peak_bytes": 90, "host_before_bytes": 10}, 7),
        ({"torch_reserved_peak_bytes": 5, "host_peak_bytes": 90, "host_before_bytes": 10}, 5),
        ({"host_peak_bytes": 90, "host_before_bytes": 10}, 80),
        ({"host_peak_bytes": 90}, None),
        ({"host_peak_bytes": 10, "host_before_bytes": 10}, None),
        ({"nvml_delta_bytes": 0, "host_peak_bytes": 90, "host_before_bytes": 10}, 0),
        ({}, None),
    ],
)
def test_the_headline_is_the_gpu_s_peak_or_the_process_above_what_it_held_before(
    peaks: dict[str, int], headline: int | None
) -> None:
    assert Memory(**peaks).training_bytes == headline
    of_another_version = peaks | {"phases": [{"phase": "distil"}], "method": "npu"}
    assert Memory.of_peaks(of_another_version).training_bytes == headline


def test_a_peak_that_is_no_number_of_bytes_is_refused() -> None:
    with pytest.raises(ValidationError, match="nvml_delta_bytes"):
        Memory.of_peaks({"nvml_delta_bytes": "much"})
