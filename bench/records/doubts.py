"""Flags that follow from the measurement of a run alone; `bench.records.flags` says which bar it from ranking.

No threshold may flag a sound run on a shared machine of two cores: what makes a number wrong is flagged,
what merely widens its interval is not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.records.data_summary import unseen_classes
from bench.records.record import Flag
from bench.records.steadiness import unsteadiness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.records.flags import FlagCode
    from bench.records.readings import DeviceActivity, HostActivity, Memory
    from bench.records.record import Measurement

__all__ = ["doubts"]

MIN_TIMED_STEPS = 12
"""Three blocks of four steps: with fewer, an interval is several times as wide as the scatter."""
MAX_GAP_SECONDS = 0.5
"""Used memory rises in steps; what comes and goes faster is a temporary of one training step."""
SLACK_BYTES = 64 * 2**20
"""How far the sampled peak may lie below what torch held, for the CUDA context and rounding."""
MAX_RESIDUAL_SHARE = 0.05
MAX_THROTTLED_SHARE = 0.05
"""One sample of many may meet a short spike of power."""
MIN_CLOCK_RATIO = 0.9
"""Between the first and the last third: boost clocks move by a few percent with the temperature."""
MIN_CLOCK_SAMPLES = 9
MAX_STEAL_SHARE = 0.1
"""An error of the times well above what other guests of a quiet host cause (below 1 %)."""
MAX_OTHERS_SHARE = 0.1
MIN_SWAPPED_BYTES = 2**20
"""Fewer bytes are idle pages of libraries, which cost nothing."""
MAX_SKIPPED_SHARE = 0.01
"""The loss scale grows, and may overflow once, every 2000 steps."""
MAX_TRUNCATED_SHARE = 0.05
CHANCE_Z = 1.645
"""One-sided, 5 %."""
MAX_MAJORITY_SHARE = 0.8
"""Above it, all other classes together move accuracy by less than a fifth."""
MAX_ACCURACY_MARGIN = 0.1
"""Half width of the 95 % interval of an accuracy of one half; 0.1 takes about 96 rows."""


def doubts(measured: Measurement) -> tuple[Flag, ...]:
    """Return the flags in the order of what they concern: steps, the machine, memory, the device, what was learnt."""
    found = (
        *_of_steps(measured),
        *(_of_host(measured.host) if measured.host else ()),
        *_of_memory(measured.memory),
        *(_of_device(measured.device) if measured.device else ()),
        *_of_learning(measured),
    )
    return tuple(Flag(code=code, message=message) for code, message in found)


def _of_steps(measured: Measurement) -> Iterator[tuple[FlagCode, str]]:
    warmup = measured.num_warmup_steps
    seconds, tokens = measured.step_seconds[warmup:], measured.step_tokens[warmup:]
    if len(seconds) < MIN_TIMED_STEPS:
        yield "few-steps", f"{len(seconds)} steps after the warm-up were timed, of {MIN_TIMED_STEPS} wanted"
    borders = [step - warmup for step in measured.phase_steps or ()]
    if found := unsteadiness(seconds, tokens, borders):
        yield "unsteady-steps", found
    late = _skipped_late(measured.skipped_steps or ())
    if late > MAX_SKIPPED_SHARE * measured.num_steps:
        yield (
            "fp16-skipped-steps",
            f"{late} of {measured.num_steps} steps were skipped after the first search of a scale",
        )


def _skipped_late(steps: tuple[int, ...]) -> int:
    """Count the skipped steps but those at the beginning, where the loss scale is still searched."""
    return sum(step != position for position, step in enumerate(steps, start=1))


def _of_host(host: HostActivity) -> Iterator[tuple[FlagCode, str]]:
    if host.steal_share is not None and host.steal_share > MAX_STEAL_SHARE:
        yield "cpu-steal", f"the hypervisor gave {host.steal_share:.0%} of the processors' time to other guests"
    if host.others_share is not None and host.others_share > MAX_OTHERS_SHARE:
        yield "busy-machine", f"other processes took {host.others_share:.0%} of the processors' time"
    if host.swapped_bytes is not None and host.swapped_bytes >= MIN_SWAPPED_BYTES:
        yield "swap", f"{host.swapped_bytes / 2**20:.0f} MiB of the run were moved to disk"
    if host.num_allocator_retries:
        message = f"the allocator had to free memory and retry {host.num_allocator_retries} times"
        yield "allocator-retries", message


def _of_memory(memory: Memory) -> Iterator[tuple[FlagCode, str]]:
    gap, delta, reserved = memory.nvml_max_gap_seconds, memory.nvml_delta_bytes, memory.torch_reserved_peak_bytes
    if delta is not None and reserved is not None and delta + SLACK_BYTES < reserved:
        seen = f"NVML saw {delta / 2**20:.0f} MiB more in use, but torch held {reserved / 2**20:.0f} MiB"
        yield "sampler-gap", f"{seen}: the sampling missed the peak"
    elif gap is not None and gap > MAX_GAP_SECONDS:
        yield "sampler-gap", f"memory was not sampled for {gap:.2f} s"
    parts = memory.parts
    if parts and abs(parts.residual_bytes) > MAX_RESIDUAL_SHARE * parts.total_bytes:
        seen = f"the parts of the peak are {parts.residual_bytes / 2**20:+.0f} MiB off its {parts.total_bytes / 2**20:.0f} MiB"
        yield "memory-residual", seen


def _of_device(device: DeviceActivity) -> Iterator[tuple[FlagCode, str]]:
    if device.throttled_share is not None and device.throttled_share > MAX_THROTTLED_SHARE:
        yield "throttled", f"slowed down in {device.throttled_share:.0%} of {device.num_samples} samples"
    if device.power_capped_share is not None and device.power_capped_share > MAX_THROTTLED_SHARE:
        yield "power-capped", f"at its power limit in {device.power_capped_share:.0%} of {device.num_samples} samples"
    first, last = device.first_sm_clock_mhz, device.last_sm_clock_mhz
    if (
        first
        and last
        and device.num_samples >= MIN_CLOCK_SAMPLES
        and min(first, last) < MIN_CLOCK_RATIO * max(first, last)
    ):
        yield "clocks-drifted", f"from {first:.0f} MHz in the first third to {last:.0f} MHz in the last"
    counts = {
        "before": device.num_foreign_before,
        "during": device.num_foreign_during,
        "after": device.num_foreign_after,
    }
    if seen := ", ".join(f"{count} {when}" for when, count in counts.items() if count):
        yield "foreign-process", f"other processes were on the device: {seen}"


def _of_learning(measured: Measurement) -> Iterator[tuple[FlagCode, str]]:
    tested, share = measured.evaluation, measured.truncated_share
    chance = tested.majority_accuracy
    if tested.accuracy - chance < CHANCE_Z * math.sqrt(chance * (1 - chance) / tested.num_samples):
        told = f"{tested.accuracy:.1%} on {tested.num_samples} rows, {chance:.1%} by always predicting the same"
        yield "chance-accuracy", told
    if chance > MAX_MAJORITY_SHARE:
        yield "one-class-dominates", f"one class holds {chance:.1%} of the {tested.num_samples} evaluation rows"
    if measured.data and (found := unseen_classes(measured.data)):
        yield "unseen-classes", found
    if share > MAX_TRUNCATED_SHARE:
        yield "truncated-inputs", f"{share:.1%} of the training rows are longer than the maximal length"
    margin = 1.96 * math.sqrt(0.25 / tested.num_samples)
    if margin > MAX_ACCURACY_MARGIN:
        yield "small-evaluation", f"{tested.num_samples} rows: an accuracy is known to {margin * 100:.0f} points only"
