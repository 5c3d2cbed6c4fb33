"""Which type checker a project uses, what it is given, and what its report says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.trees import MemoryTree
from tradai_tasks.checks.typecheck.checkers import (
    CHECKERS,
    Call,
    Finding,
    checked_report,
    mypy_findings,
    unknown_option,
)
from tradai_tasks.checks.typecheck.protocol_compliance import protocol_faults, protocol_module
from tradai_tasks.checks.typecheck.rules import choose_checker
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.settings.model import ProtocolPair

_PYPROJECT = "pyproject.toml"


@pytest.mark.parametrize(
    ("files", "locked", "name"),
    [
        ({}, (), "mypy"),
        ({"pyrightconfig.json": "{}"}, (), "pyright"),
        ({"pyrightconfig.json": "{}"}, ("basedpyright",), "basedpyright"),
        ({_PYPROJECT: "[tool.basedpyright]"}, (), "basedpyright"),
        ({_PYPROJECT: "[tool.pyright]"}, ("mypy",), "pyright"),
        ({_PYPROJECT: "[tool.mypy]\n[tool.pyright]"}, ("pyright",), "pyright"),
        ({_PYPROJECT: "[tool.mypy]\n[tool.pyright]"}, (), "mypy"),
        ({"libs/a/ty.toml": ""}, (), "ty"),
        ({"libs/a/pyproject.toml": "[tool.pyrefly]"}, (), "pyrefly"),
        ({"pyrefly.toml": ""}, (), "pyrefly"),
        ({"setup.cfg": "[mypy]\n"}, ("ty",), "mypy"),
        ({}, ("ty",), "ty"),
        ({}, ("pyrefly", "mypy"), "mypy"),
    ],
)
def test_the_checker_is_the_one_that_is_configured_or_locked(
    files: dict[str, str], locked: tuple[str, ...], name: str
) -> None:
    assert choose_checker(MemoryTree(files), ".", ["libs/a"], locked).name == name


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("pyright", "pyrightconfig.json", '{ // why\n "exclude": ["gen", "**/b.py",], /* x */ }'),
        ("basedpyright", _PYPROJECT, '[tool.pyright]\nexclude = ["gen/", "**/b.py"]'),
        ("basedpyright", _PYPROJECT, '[tool.basedpyright]\ninclude = ["a.py"]\n[tool.pyright]'),
        ("ty", "ty.toml", '[src]\nexclude = ["*.py", "!a.py", "gen"]'),
        ("ty", _PYPROJECT, '[tool.ty.src]\ninclude = ["a.py"]'),
        ("pyrefly", "pyrefly.toml", 'project-excludes = ["gen/**", "b.py"]'),
        ("pyrefly", _PYPROJECT, '[tool.pyrefly]\nproject_includes = "a.py"'),
    ],
)
def test_what_a_configuration_leaves_out_is_known(name: str, file: str, text: str) -> None:
    files = {f"m/{path}": "" for path in ("a.py", "b.py", "gen/c.py")}
    tree = MemoryTree({**files, f"m/{file}": text})
    config = CHECKERS[name].config_file(tree, "m", ".")
    assert config == f"m/{file}"
    assert CHECKERS[name].left_out(tree, config, files).excluded == ["m/b.py", "m/gen/c.py"]


@pytest.mark.parametrize(
    ("name", "text", "is_ignored"),
    [
        ("pyright", "# words\n# type: ignore\n", True),
        ("pyright", "import os  # type: ignore\n", False),
        ("pyright", "# type: ignore[x]\n", False),
        ("pyright", "# ty: ignore\n", False),
        ("ty", "# ty: ignore[all]\n", True),
        ("ty", "# type: ignore\n", True),
        ("pyrefly", "import os\n# pyrefly: ignore-errors\n", True),
        ("pyrefly", "# pyrefly: ignore\n", True),
        ("pyrefly", "x = 1\n# pyrefly: ignore\n", False),
    ],
)
def test_a_comment_for_a_whole_file_is_known(name: str, text: str, is_ignored: bool) -> None:
    tree = MemoryTree({"a.py": text})
    assert CHECKERS[name].left_out(tree, None, ["a.py"]).ignored == ["a.py"] * is_ignored


def test_files_that_pyright_ignores_are_known() -> None:
    tree = MemoryTree({"pyrightconfig.json": '{"ignore": ["b"]}', "b/a.py": "", "c.py": ""})
    found = CHECKERS["pyright"].left_out(tree, "pyrightconfig.json", ["b/a.py", "c.py"])
    assert (found.excluded, found.ignored) == ([], ["b/a.py"])


@pytest.mark.parametrize("text", ["", "[]", "Traceback", '{"summary": {}}', '{"errors": [1]}'])
@pytest.mark.parametrize("name", ["pyright", "ty", "pyrefly"])
def test_no_report_is_no_pass(name: str, text: str) -> None:
    if name == "ty" and text in {"", "[]"}:  # that it reports at all is seen by another run
        assert checked_report(CHECKERS[name], text, "", 3) == []
        return
    with pytest.raises(
        CheckFailedError, match="without a report that can be read, so nothing counts"
    ):
        checked_report(CHECKERS[name], text, "", 3)


def test_pyright_that_checks_fewer_files_is_no_pass() -> None:
    text = json.dumps({"generalDiagnostics": [], "summary": {"filesAnalyzed": 2}})
    assert checked_report(CHECKERS["pyright"], text, "", 2) == []
    with pytest.raises(CheckFailedError, match="pyright checked 2 of the 3 files"):
        checked_report(CHECKERS["pyright"], text, "", 3)


def test_pyrefly_states_in_its_log_how_many_files_it_checked() -> None:
    log = " INFO 0 errors\n INFO 1,002 modules (20 dependent modules); 3 lines"
    assert checked_report(CHECKERS["pyrefly"], '{"errors": []}', log, 1002) == []
    with pytest.raises(CheckFailedError, match="pyrefly checked 1002 of the 1003 files"):
        checked_report(CHECKERS["pyrefly"], '{"errors": []}', log, 1003)
    with pytest.raises(CheckFailedError, match="nothing counts as checked"):
        checked_report(CHECKERS["pyrefly"], '{"errors": []}', "", 1)


def test_strictness_is_asked_for_in_each_ones_way() -> None:
    call = Call(
        files=("a.py",), home="/w", environment="/e", search=("/x",), config="/w/c", strict=True
    )
    assert "--error=all" in CHECKERS["ty"].argv(call)
    assert "--config /w/c --preset strict" in " ".join(CHECKERS["pyrefly"].argv(call))
    make = CHECKERS["pyright"].made_config
    assert make is not None
    assert make({"extraPaths": ["more"]}, call, "/w/build") == {
        "extends": "/w/c",
        "typeCheckingMode": "strict",
        "extraPaths": ["/w/more", "/x"],
        "executionEnvironments": [{"root": ".."}],
    }
    own = {"executionEnvironments": [{"root": "src"}]}
    assert make(own, replace(call, strict=False), "/w/build") == {
        "extends": "/w/c",
        "extraPaths": ["/x"],
    }


def test_the_errors_in_mypys_report_are_findings() -> None:
    text = (
        'a/b.py:3: \x1b[1m\x1b[31merror:\x1b(B\x1b[m Bad "x"  [misc]\n'
        "a/b.py:4: note: hint\nc.py:5:1: error: Worse\n"
    )
    found = [(one.path, one.line, one.text) for one in mypy_findings(text)]
    assert found == [("a/b.py", 3, 'Bad "x"  [misc]'), ("c.py", 5, "Worse")]


def test_a_finding_of_several_lines_is_shown_as_one() -> None:
    shown = Finding(path="a.py", line=1, severity="error", text="Bad\n  since", rule="r")
    assert str(shown) == "a.py:1: error: Bad\n    since  [r]"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("error: invalid value 'gitlab' for '--output-format <FORMAT>'\n", "--output-format"),
        ("WARN x\nerror: unexpected argument '--preset' found\n", "--preset"),
        ("error: unexpected argument '--of-the-user' found\n", None),
        ("Panicked at '--preset'", None),
    ],
)
def test_an_option_that_an_old_checker_does_not_know_is_found(
    log: str, expected: str | None
) -> None:
    """As ty 0.0.1a10 and pyrefly 0.50 say it."""
    given = ["ty", "check", "--output-format=gitlab", "--preset", "default", "a.py"]
    assert unknown_option(given, log) == expected


def test_the_protocol_module_compiles_and_names_both() -> None:
    pair = ProtocolPair(class_="a.b:C", protocol="d:P")
    for mypy in (True, False):
        text = protocol_module([pair, pair], mypy=mypy)
        compile(text, "x.py", "exec")
        assert "from a.b import C as Class1" in text
        assert "# a.b:C must satisfy d:P" in text


def test_a_line_that_must_fail_and_does_not_is_a_fault() -> None:
    text = protocol_module([ProtocolPair(class_="a.b:C", protocol="d:P")], mypy=False)
    lines = text.splitlines()
    due = [number for number, line in enumerate(lines, 1) if line.endswith("# must fail")]
    errors = [Finding(path="", line=number, severity="error", text="no") for number in due]
    assert list(protocol_faults(text, errors)) == []
    judged = Finding(path="", line=lines.index("    return value") + 1, severity="error", text="x")
    assert list(protocol_faults(text, [*errors, judged])) == [judged]
    said = [fault.text for fault in protocol_faults(text, [])]
    assert said == [
        "it reports no error of any kind",
        "nothing is known of d:P",
        "nothing is known of a.b:C or its base",
    ]
    warnings = [Finding(path="", line=number, severity="warning", text="no") for number in due]
    assert len(list(protocol_faults(text, warnings))) == 3
