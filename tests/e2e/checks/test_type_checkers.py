"""Type checkers other than mypy, each the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real import edit, nox, write
from tests.support.small import small_workspace

_WRONG = 'number: int = ""\n'
_ALPHA = "libs/alpha/src/alpha"
_CODE = """\
from typing import Any, Protocol


class Greeter(Protocol):
    def greet(self) -> str: ...


class Good:
    def greet(self) -> str:
        return ""


class Bad:
    def greet(self) -> int:
        return 1


unknown: Any = object  # pyright: ignore[reportExplicitAny]


class Vague(unknown):  # pyright: ignore[reportAny]
    pass
"""
# each one's settings: what it excludes, and what makes it report nothing
_SETTINGS = {
    "pyright": ('exclude = ["**/made"]', 'typeCheckingMode = "off"'),
    "basedpyright": ('exclude = ["**/made"]', 'typeCheckingMode = "off"'),
    "ty": ('src.exclude = ["**/made"]', 'rules.all = "ignore"'),
    "pyrefly": ('project-excludes = ["**/made"]', 'preset = "off"'),
}


@pytest.fixture(scope="module", params=_SETTINGS)
def checker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def home(checker: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has the checker in its configuration, and not in its lock."""
    files = {f"{_ALPHA}/parts.py": _CODE, f"{_ALPHA}/made/wrong.py": _WRONG}
    for name in ("one", "two"):  # two modules of one name, which no member installs
        files[f"services/{name}/pyproject.toml"] = (
            f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        )
        files[f"services/{name}/helper.py"] = f"VALUE: int = {len(name)}\n"
        files[f"services/{name}/handler.py"] = "from helper import VALUE\n\nprint(VALUE + 1)\n"
    home = small_workspace(tmp_path_factory.mktemp("types"), files)
    table = f"\n[tool.{checker}]\n{_SETTINGS[checker][0]}\n"
    edit(home / "pyproject.toml", "[dependency-groups]", f"{table}\n[dependency-groups]")
    return home


def test_it_is_inferred_and_names_what_it_excludes(home: Path, checker: str) -> None:
    result = nox(home, "-s", "typecheck")
    assert result.status == 0, result.text
    assert f"type checker: {checker}; to choose another, set typecheck.checker" in result.text
    assert f"excluded by {checker}'s configuration: {_ALPHA}/made/wrong.py" in result.text


def test_an_error_in_any_file_is_red_and_an_annotation(home: Path, checker: str) -> None:
    places = ("services/two/helper.py", "libs/beta/src/beta/.hidden.py", f"{_ALPHA}/new.py")
    kept = {place: (home / place).read_text() for place in places[:1]}
    write(home, {place: kept.get(place, "") + _WRONG for place in places})
    try:
        result = nox(home, "-s", "typecheck", env={"GITHUB_ACTIONS": "true"})
    finally:
        write(home, kept)
        for place in places[1:]:
            (home / place).unlink()
    assert result.status != 0
    assert f"typecheck: {checker} found faults" in result.text
    is_hidden = checker != "ty"  # the others always leave out names with a dot, here named
    for place in (places[0], places[2], *(() if is_hidden else places[1:2])):
        assert f"::error file={place},line=" in result.text, result.text
    if is_hidden:
        assert f"excluded by {checker}'s configuration" in result.text
        assert places[1] in result.text


def test_protocols_are_judged_and_what_is_unknown_is_no_pass(home: Path, checker: str) -> None:
    member = home / "libs/alpha/pyproject.toml"
    before = member.read_text()
    pairs = [
        f'{{ class = "alpha.parts:{name}", protocol = "alpha.parts:Greeter" }}'
        for name in ("Good", "Bad", "Vague")
    ]
    try:
        for end, passage in ((1, ""), (2, "Bad"), (3, "nothing is known of alpha.parts:Vague")):
            text = f"{before}\n[tool.tradai-tasks]\nprotocols = [{', '.join(pairs[:end])}]\n"
            member.write_text(text)
            result = nox(home, "-R", "-s", "typecheck")
            assert (result.status == 0) is (end == 1), result.text
            assert passage in result.text
            assert ("protocol_compliance.py" in result.text) is (end > 1), result.text
    finally:
        member.write_text(before)


def test_one_that_reports_nothing_is_no_pass(home: Path, checker: str) -> None:
    root = home / "pyproject.toml"
    before = root.read_text()
    edit(root, _SETTINGS[checker][0], _SETTINGS[checker][1])
    try:
        result = nox(home, "-R", "-s", "typecheck")
    finally:
        root.write_text(before)
    assert result.status != 0, result.text
    assert "it reports no error of any kind" in result.text


@pytest.mark.parametrize("words", [("--no-such",), ("--version",)])
def test_one_that_cannot_check_says_so(home: Path, checker: str, words: tuple[str, ...]) -> None:
    result = nox(home, "-R", "-s", "typecheck", "--", *words)
    assert result.status != 0
    said = ("could not finish", "ended without a report that can be read, so nothing")
    assert any(f"typecheck: {checker} {one}" in result.text for one in said), result.text


def test_strict_asks_for_more(home: Path, checker: str) -> None:
    root = home / "pyproject.toml"
    before = root.read_text()
    write(home, {f"{_ALPHA}/loose.py": "def loose(value):\n    return value\n"})
    root.write_text(f"[tool.tradai-tasks.typecheck]\nstrict = true\n\n{before}")
    try:
        result = nox(home, "-R", "-s", "typecheck")
    finally:
        root.write_text(before)
        (home / f"{_ALPHA}/loose.py").unlink()
    if checker == "ty":  # which has no rule about missing annotations
        return
    assert result.status != 0, result.text
    assert f"{_ALPHA}/loose.py:1: error:" in result.text
