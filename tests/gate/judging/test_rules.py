import pytest

from bench.analysis.comparison import compare
from bench.errors import UnknownName
from bench.gate.judging.grammar import parse_rule
from bench.gate.judging.rules import check_strategies, judge_rules
from bench.records.record import Flag

GIB = 1 << 30


@pytest.fixture
def comparison(make_record):
    records = []
    for seed in range(3):
        records += [
            make_record("full", seed=seed, step=1.0 + 0.002 * seed),
            make_record("amp", seed=seed, step=0.5, memory=GIB),
        ]
    return compare(records)


def _findings(comparison, *texts):
    return judge_rules([parse_rule(text) for text in texts], comparison).findings


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("amp throughput >= 1.2x full", "PASS"),
        ("amp throughput >= 3x full", "FAIL"),
        ("amp throughput >= 2.0x full", "INCONCLUSIVE"),
        ("amp throughput > full", "PASS"),
        ("amp peak_memory <= 1 GiB", "PASS"),
        ("amp peak_memory < 1 GiB", "FAIL"),
        ("amp peak_memory <= 0.6x full", "PASS"),
        ("amp peak_memory <= full - 2 GiB", "FAIL"),
        ("amp accuracy >= full - 40 points", "PASS"),
        ("amp accuracy >= full + 40 points", "FAIL"),
        ("amp accuracy >= full - 1 point", "INCONCLUSIVE"),
        ("amp accuracy >= 50 %", "PASS"),
        ("amp accuracy >= 99 %", "FAIL"),
        ("amp accuracy >= 80 %", "INCONCLUSIVE"),
        ("amp step_time <= 1 s", "PASS"),
        ("amp step_time <= 10 ms", "FAIL"),
        ("amp step_seconds_p90 <= 0.9x full", "PASS"),
        ("amp step_time <= full - 100 ms", "PASS"),
    ],
)
def test_rules_are_judged_with_intervals(comparison, text, verdict):
    (finding,) = _findings(comparison, text)
    assert (finding.verdict, finding.benchmark) == (verdict, text)


def test_findings_say_what_was_seen(comparison):
    ratio, share, memory = _findings(
        comparison, "amp throughput >= 1.2x full", "amp accuracy >= full - 1 point", "amp peak_memory <= 20 GiB"
    )
    assert ratio.reason.startswith("1.99\N{MULTIPLICATION SIGN} (")
    assert ratio.low < ratio.change < ratio.high
    assert len(ratio.pairs) == ratio.num_pairs == 3
    assert " points (" in share.reason
    assert memory.reason == "1 GiB in the furthest of 3 runs"


def test_a_rule_without_a_strategy_is_about_every_other(comparison):
    findings = _findings(comparison, "peak_memory <= 20 GiB", "accuracy >= full - 40 points")
    assert [finding.benchmark for finding in findings] == [
        "full peak_memory <= 20 GiB", "amp peak_memory <= 20 GiB", "amp accuracy >= full - 40 points"
    ]  # fmt: skip
    (alone,) = _findings(comparison, "full accuracy >= full")
    assert (alone.verdict, alone.reason) == ("NOT_MEASURED", "no strategy is left that the rule could be about")


def test_one_run_has_no_interval_but_of_its_steps_and_its_peak(make_record):
    one = compare([make_record("full"), make_record("amp", step=0.5, memory=GIB)])
    texts = ("throughput >= 1.2x full", "peak_memory <= 0.6x full", "eval_loss <= full", "peak_memory <= 1 GiB")
    steps, peak, loss, absolute, absolute_amp = _findings(one, *texts)
    assert (steps.verdict, peak.verdict, loss.verdict) == ("PASS", "PASS", "INCONCLUSIVE")
    assert steps.reason.endswith("this run only)")
    assert peak.reason == "0.50\N{MULTIPLICATION SIGN}, one run"
    assert loss.reason.endswith("one run has no interval")
    assert (absolute.verdict, absolute_amp.verdict) == ("FAIL", "PASS")


def test_an_unknown_strategy_is_refused(comparison):
    with pytest.raises(UnknownName, match="Did you mean amp"):
        _findings(comparison, "amq throughput >= 1.2x full")
    with pytest.raises(UnknownName, match="Did you mean full"):
        check_strategies([parse_rule("accuracy >= ful")], ["full", "amp"])


def test_what_was_not_measured_is_never_green(make_record):
    records = [
        make_record("full"),
        make_record("lost", status="oom", reason="out of memory"),
        make_record("partly"),
        make_record("partly", seed=1, status="failed", reason="boom"),
        make_record("other", seed=5),
    ]
    comparison = compare(records)
    findings = {
        finding.benchmark.split()[0]: finding
        for finding in _findings(comparison, "throughput >= 0.1x full", "full mfu >= 0.1", "energy_joules <= 1 J")
    }
    assert {finding.verdict for finding in findings.values()} == {"NOT_MEASURED"}
    first = {
        finding.benchmark.split()[0]: finding.reason for finding in _findings(comparison, "throughput >= 0.1x full")
    }
    assert first == {
        "lost": "lost oom: out of memory",
        "partly": "partly: 1 of 2 runs did not finish",
        "other": "other and full cannot be compared: no common seed, or other evaluation rows",
    }


def test_runs_too_unlike_are_not_judged(make_record):
    unlike = compare([make_record("full"), make_record("amp", num_steps=20)])
    judgement = judge_rules([parse_rule("throughput >= 1x full")], unlike, "rules.toml")
    assert judgement.exit_code() == 4
    assert judgement.findings[0].reason.startswith("Comparison not valid")
    assert judgement.base.name == "rules.toml"


def test_a_doubted_strategy_is_judged_only_where_asked(make_record):
    flag = Flag(code="swap", message="it swapped")
    comparison = compare([make_record("full"), make_record("amp", step=0.5, flags=(flag,))])
    rules = [parse_rule("throughput >= 1.2x full")]
    (finding,) = judge_rules(rules, comparison).findings
    assert (finding.verdict, finding.reason) == ("NOT_MEASURED", "amp is doubted: it swapped")
    assert judge_rules(rules, comparison, rank_suspect=True).verdict == "PASS"


def test_a_rule_says_no_more_than_the_comparison_claims(make_record):
    steps = {"full": (1, 1, 1), "amp": (0.78, 0.7, 0.63), "a": (1, 1.2, 0.9), "b": (0.9, 1.1, 1.2), "c": (1.2, 0.9, 1)}
    comparison = compare(
        [make_record(name, seed=seed, step=seconds[seed]) for seed in range(3) for name, seconds in steps.items()]
    )
    claim = comparison.ranking.claims.about("samples_per_second", "amp", "full")
    assert claim.tentative == 1
    faster, bounded, slower = _findings(
        comparison, "amp throughput > full", "amp throughput <= 9x full", "amp throughput <= 1x full"
    )
    assert (faster.verdict, bounded.verdict, slower.verdict) == ("INCONCLUSIVE", "PASS", "INCONCLUSIVE")
    assert faster.reason.endswith("; not certain after correcting for 10 comparisons")
    assert not bounded.reason.endswith("comparisons")
