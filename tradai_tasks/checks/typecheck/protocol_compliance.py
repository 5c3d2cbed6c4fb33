"""Make a module whose type check verifies that classes satisfy their Protocols, and judge it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradai_tasks.checks.typecheck.checkers import Finding
from tradai_tasks.settings.model import ProtocolPair

_MUST_FAIL = "# must fail"


def protocol_module(pairs: Iterable[ProtocolPair], *, mypy: bool) -> str:
    """Return a module whose type check verifies that classes satisfy their Protocols.

    Each class is returned as its Protocol. If one of the two were `Any` for the checker (an import
    that cannot be followed, a base class without types), every such line would pass; so each is
    also used in a line that must fail. mypy reveals one that passes by an unused `type: ignore`;
    `protocol_faults` finds it in the report of any other.
    """
    fails = "  # type: ignore[return-value]" if mypy else f"  {_MUST_FAIL}"
    said = "'unused type: ignore'" if mypy else "no error"
    lines = ['"""Made by tradai-tasks: judges which class satisfies which Protocol."""']
    if mypy:
        lines.append("# mypy: warn-unused-ignores, disallow-any-unimported")
        lines.append("# mypy: disallow-subclassing-any")
    lines.append("")
    body = ["", "", "class Unrelated:", '    """Satisfies nothing but `object`."""']
    if not mypy:
        body += ["", "", "def check(other: Unrelated) -> int:", f"    return other{fails}"]
    for position, pair in enumerate(pairs):
        module, _, name = pair.class_.partition(":")
        protocol_home, _, protocol = pair.protocol.partition(":")
        lines.append(f"from {module} import {name} as Class{position}")
        lines.append(f"from {protocol_home} import {protocol} as Protocol{position}")
        body += [
            "",
            "",
            f"def check{position}(value: Class{position}) -> Protocol{position}:",
            f"    # {pair.class_} must satisfy {pair.protocol}",
            "    return value",
            "",
            "",
            f"def blind{position}(other: Unrelated) -> Protocol{position}:",
            f"    # {said} here: nothing is known of {pair.protocol}",
            f"    return other{fails}",
            "",
            "",
            f"def vague{position}(value: Class{position}) -> Unrelated:",
            f"    # {said} here: nothing is known of {pair.class_} or its base",
            f"    return value{fails}",
        ]
    return "\n".join([*lines, *body, ""])


def protocol_faults(module: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the errors in a module of `protocol_module`, and each line that should have one.

    The first such line holds for the checker itself: without an error there, it reports nothing.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    found = {finding.line for finding in errors}
    expected = set()
    for number, line in enumerate(module.splitlines(), 1):
        if line.endswith(_MUST_FAIL):
            expected.add(number)
            if number not in found:
                before = module.splitlines()[number - 2].strip()
                text = before.partition(" here: ")[2] or "it reports no error of any kind"
                yield Finding(path="", line=number, severity="error", text=text)
    yield from (finding for finding in errors if finding.line not in expected)
