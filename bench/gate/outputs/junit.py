"""JUnit XML: one test case per benchmark and metric, red exactly where the exit code is."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from bench.gate.outputs.symbols import headline

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Finding, Judgement

__all__ = ["to_junit"]

_NUMBERS = ("base", "head", "change", "low", "high", "margin", "detectable", "deviation", "num_pairs", "confirmed")


def to_junit(judgement: Judgement, *, strict: bool = False) -> str:
    """Write the judgement; with `strict`, what is inconclusive is a failure and not merely skipped."""
    suite = ET.Element("testsuite", name="bench gate")
    for finding in judgement.findings:
        suite.append(_case(finding, strict=strict))
    if judgement.head_crashed or not judgement.findings:
        case = ET.SubElement(suite, "testcase", classname="bench gate", name="gate")
        ET.SubElement(case, "error", type="not-measured", message=headline(judgement))
    if judgement.warnings:
        ET.SubElement(suite, "system-err").text = "\n".join(judgement.warnings)
    totals = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    root = ET.Element("testsuites", name="bench gate")
    for element in (root, suite):
        element.attrib |= {name: str(number) for name, number in totals.items()}
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(finding: Finding, *, strict: bool) -> ET.Element:
    case = ET.Element("testcase", classname=finding.benchmark, name=finding.metric)
    properties = ET.SubElement(case, "properties")
    for name in ("verdict", *_NUMBERS, "file", "line"):
        value = getattr(finding, name)
        if value is not None:
            ET.SubElement(properties, "property", name=name, value=str(value))
    reason = finding.reason
    if finding.verdict == "FAIL":
        ET.SubElement(case, "failure", type="regression", message=reason).text = reason
    elif finding.verdict == "NOT_MEASURED":
        ET.SubElement(case, "error", type="not-measured", message=reason).text = reason
    elif finding.verdict == "INCONCLUSIVE" and strict:
        ET.SubElement(case, "failure", type="inconclusive", message=reason).text = reason
    elif finding.verdict == "INCONCLUSIVE":
        ET.SubElement(case, "skipped", type="inconclusive", message=f"inconclusive: {reason}")
    else:
        ET.SubElement(case, "system-out").text = reason
    return case
