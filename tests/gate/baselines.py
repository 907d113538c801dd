import math
import random
from datetime import UTC, datetime

from bench.gate.judging.baseline import Baseline, Pair, Process, Recorded
from bench.gate.judging.judgement import Side

WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


TIMES = ("step_seconds_median", "step_seconds_mean")


def recorded(num_pairs=12, *, noise=0.002, effect=0.0, peak=400 << 20, accuracy=0.9, loss=0.7, seed=0, digest="d"):
    draw = random.Random(seed)

    def process():
        seconds = 0.1 * (1 + effect) * math.exp(draw.gauss(0, noise))
        return Process(
            step_seconds_median=seconds,
            step_seconds_mean=1.1 * seconds,
            training_memory_bytes=peak,
            accuracy=accuracy,
            losses=(loss, loss / 2),
        )

    pairs = tuple(Pair(seed=number, processes=(process(), process())) for number in range(1, num_pairs + 1))
    return Recorded(is_half_precision=False, data_digest=digest, pairs=pairs)


def baseline(strategies=None, *, fingerprint=None, work=None, **made):
    return Baseline(
        recorded=WHEN,
        side=Side("main", "0123abcd" * 5, {"processor": "Example"} if fingerprint is None else fingerprint),
        work={"steps": 60, "tiny": 1} if work is None else work,
        strategies={"full": recorded(**made)} if strategies is None else strategies,
    )


def verdicts(judgement, strategy="full"):
    return {f.metric: f.verdict for f in judgement.findings if f.benchmark == strategy}
