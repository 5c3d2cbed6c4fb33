"""Keep the JUnit XML of test files, and add it to that of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET  # nosec B405 - of files that pytest wrote in this run

_COUNTS = {"skipped": "skipped", "failure": "failures", "error": "errors"}
_MARK = "replayed"
EMPTY_REPORT = b'<testsuites name="pytest tests"><testsuite name="pytest" /></testsuites>'


def cases_by_file(report: bytes, tests: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the cases of a JUnit report by test file.

    Args:
        report: The report that pytest wrote.
        tests: The test file of each node id.

    Raises:
        xml.etree.ElementTree.ParseError: It is no XML.
    """
    # pytest makes the name of a class of the path of its file, `tests/test_a.py` -> `tests.test_a`
    modules = {_dotted(node.partition("::")[0]): file for node, file in tests.items()}
    found: dict[str, list[str]] = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314 # nosec B314 - as above
        name = case.get("classname", "")
        while name and name not in modules:
            name = name.rpartition(".")[0]
        if name:
            case.tail = None
            found.setdefault(modules[name], []).append(ET.tostring(case, encoding="unicode"))
    return {file: tuple(cases) for file, cases in found.items()}


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def with_replayed(report: bytes, cases: Iterable[str]) -> bytes:
    """Return a JUnit report with further cases, each marked by the property `replayed`.

    Raises:
        xml.etree.ElementTree.ParseError: It is no XML.
    """
    top = ET.fromstring(report)  # noqa: S314 # nosec B314 - pytest wrote it in this run
    suite = top if top.tag == "testsuite" else top.find("testsuite")
    if suite is None:
        suite = ET.SubElement(top, "testsuite", {"name": "pytest"})
    for text in cases:
        case = ET.fromstring(text)  # noqa: S314 # nosec B314 - from a record with its own digest
        properties = case.find("properties")
        if properties is None:
            properties = ET.Element("properties")
            case.insert(0, properties)
        ET.SubElement(properties, "property", {"name": _MARK, "value": "true"})
        suite.append(case)
        for name in ["tests", *(_COUNTS[one.tag] for one in case if one.tag in _COUNTS)]:
            suite.set(name, str(int(suite.get(name, "0")) + 1))
    return bytes(ET.tostring(top, encoding="utf-8", xml_declaration=True))
