"""Cases of JUnit reports, divided by test file and put together again."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tradai_tasks.results.junit import cases_by_file, with_replayed

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="1" tests="4">
<testcase classname="tests.test_a" name="test_one" time="0.1" />
<testcase classname="tests.test_a.TestB" name="test_two"><skipped message="no" /></testcase>
<testcase classname="tests.test_a.test_c" name="test_three"><properties>
<property name="own" value="1" /></properties></testcase>
<testcase classname="elsewhere" name="test_four" />
</testsuite></testsuites>"""
TESTS = {
    "tests/test_a.py::test_one": "lib/tests/test_a.py",
    "tests/test_a.py::TestB::test_two": "lib/tests/test_a.py",
    "tests/test_a/test_c.py::test_three": "lib/tests/test_a/test_c.py",
}


def test_cases_are_divided_by_file() -> None:
    found = cases_by_file(REPORT, TESTS)
    assert {file: len(cases) for file, cases in found.items()} == {
        "lib/tests/test_a.py": 2,
        "lib/tests/test_a/test_c.py": 1,
    }
    assert '<testcase classname="tests.test_a" name="test_one"' in found["lib/tests/test_a.py"][0]


def test_replayed_cases_are_marked_and_counted() -> None:
    cases = [case for cases in cases_by_file(REPORT, TESTS).values() for case in cases]
    suite = ET.fromstring(with_replayed(REPORT, cases))[0]
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("7", "2", "0")
    marks = [[(p.get("name"), p.get("value")) for p in case.iter("property")] for case in suite[4:]]
    assert marks == [
        [("replayed", "true")],
        [("replayed", "true")],
        [("own", "1"), ("replayed", "true")],
    ]
    assert suite[5].find("skipped") is not None


def test_a_report_without_a_suite_gets_one() -> None:
    case = '<testcase classname="x" name="y" />'
    for empty in (b"<testsuites />", b'<testsuite name="pytest" />'):
        top = ET.fromstring(with_replayed(empty, [case]))
        assert [suite.get("tests") for suite in top.iter("testsuite")] == ["1"]
