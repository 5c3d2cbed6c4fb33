"""`changes` and `affected` as a user runs them: real nox, real git, real events."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, REPOSITORY, Result, copy_example, edit, git, nox, write

_ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0"]
"""


_CODE = '"""Used."""\n\n\ndef one() -> int:\n    """One."""\n    return 1\n'
_APP = '"""App."""\n\nfrom base.used import one\n\n__all__ = ["one"]\n'


def _test(imports: str, truth: str) -> str:
    return f"{imports}\n\n\ndef test_it():\n    assert {truth}\n"


def commit(home: Path, message: str = "A change") -> str:
    git(home, "add", "-A")
    git(home, "commit", "-qm", message)
    return git(home, "rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """libs/base <- libs/app (one module of it), libs/alone; committed, on main."""
    files = {
        "pyproject.toml": _ROOT,
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\n",
        "docs/index.md": "# Docs\n",
        "libs/base/pyproject.toml": pyproject("base"),
        "libs/base/src/base/__init__.py": '"""Base."""\n',
        "libs/base/src/base/used.py": _CODE,
        "libs/base/src/base/unused.py": '"""Unused."""\n',
        "libs/base/tests/test_base.py": _test("from base.used import one", "one() == 1"),
        "libs/app/pyproject.toml": pyproject("app", needs='"base"')
        + "\n[tool.uv.sources]\nbase = { workspace = true }\n",
        "libs/app/src/app/__init__.py": _APP,
        "libs/app/tests/test_app.py": _test("import app", "app.one() == 1"),
        "libs/alone/pyproject.toml": pyproject("alone"),
        "libs/alone/src/alone/__init__.py": '"""Alone."""\n\nVALUE = 1\n',
        "libs/alone/tests/test_alone.py": _test("import alone", "alone.VALUE == 1"),
    }
    write(tmp_path, files)
    git(tmp_path, "init", "-q", "-b", "main")
    assert nox(tmp_path, "-s", "lock").status == 0
    commit(tmp_path, "The shop")
    return tmp_path


def changes(home: Path, *args: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    result = nox(home, "-s", "changes", "--", "--json", *args, env=env)
    assert result.status == 0, result.text
    document: dict[str, Any] = json.loads(result.out)
    return document


def affected(document: dict[str, Any], kind: str = "packages") -> set[str]:
    return {item["name"] for item in document[kind] if item["affected"]}


def reasons(document: dict[str, Any], name: str) -> list[str]:
    """The reasons of a package: each stands once in the document, and packages refer to it."""
    places = next(item["reasons"] for item in document["packages"] if item["name"] == name)
    return [document["reasons"][place] for place in places]


def test_json_has_exactly_the_promised_shape_and_reasons_are_chains(shop: Path) -> None:
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 1 * 1")
    document = changes(shop, "--base", "HEAD")
    assert list(document) == [
        "range", "everything", "everything_reasons", "packages", "services", "lambdas",
        "strategies", "reasons", "matrix",
    ]  # fmt: skip
    assert set(document["range"]) == {"base", "head", "why"}
    assert document["range"]["base"] == document["range"]["head"] == git(shop, "rev-parse", "HEAD")
    assert affected(document) == {"base", "app"}
    app = next(item for item in document["packages"] if item["name"] == "app")
    chain = "libs/base/src/base/used.py <- libs/app/src/app/__init__.py:3 (import)"
    assert app.keys() == {"name", "path", "affected", "reasons"}
    assert reasons(document, "app") == [chain]
    names = [job["sessions"] for job in document["matrix"]["include"]]
    assert names == ["test(app)", "test(base)"]
    assert document == changes(shop, "--base", "HEAD")


def test_a_module_that_nobody_imports_affects_only_its_package(shop: Path) -> None:
    with (shop / "libs/base/src/base/unused.py").open("a") as file:
        file.write("VALUE = 1\n")
    assert affected(changes(shop)) == {"base"}


def test_what_a_link_leads_to_affects_who_imports_it_by_the_link(shop: Path) -> None:
    (shop / "libs/alone/src/alone/linked").symlink_to("../../../base/src/base")
    (shop / "libs/alone/src/alone/link.py").symlink_to("../../../base/src/base/unused.py")
    tests = _test("import alone.link\nfrom alone.linked import used", "used.one() == 1")
    write(shop, {"libs/alone/tests/test_links.py": tests})
    commit(shop)
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 1 * 1")
    document = changes(shop, "--base", "HEAD")
    assert affected(document) == {"base", "app", "alone"}
    linked = "libs/alone/src/alone/linked/used.py"
    assert reasons(document, "alone") == [f"libs/base/src/base/used.py <- {linked}"]
    git(shop, "checkout", "-q", ".")
    (shop / "libs/base/src/base/unused.py").write_text("")
    assert affected(changes(shop, "--base", "HEAD")) == {"base", "alone"}
    git(shop, "rm", "-q", "-f", "libs/base/src/base/unused.py")
    assert affected(changes(shop, "--base", "HEAD")) == {"base", "alone"}


def test_nothing_changed_gives_an_empty_matrix_and_says_so(
    shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("runner")
    output, summary = outside / "output", outside / "summary"
    env = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    git(shop, "checkout", "-q", "-b", "feature")
    commit_empty(shop)
    document = changes(shop, env=env)
    assert affected(document) == set()
    assert document["matrix"] == {"include": []}
    values = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert values["any"] == "false"
    assert json.loads(values["matrix"]) == {"include": []}
    assert set(values) >= {"packages", "services", "lambdas", "strategies"}
    assert "```mermaid" in summary.read_text()
    done = nox(shop, "-s", "affected")
    assert done.status == 0
    assert "nothing that changed affects any check" in done.log


def commit_empty(home: Path) -> None:
    git(home, "commit", "-q", "--allow-empty", "-m", "Nothing")


def test_what_belongs_to_nothing_selects_everything(shop: Path) -> None:
    write(shop, {"strange.cfg": "x\n"})
    document = changes(shop)
    assert document["everything"] is True
    assert affected(document) == {"base", "app", "alone"}
    why = [document["reasons"][place] for place in document["everything_reasons"]]
    remedy = "if it affects nothing, add it to affected.ignore"
    assert why == [f"strange.cfg: belongs to nothing known; {remedy}"]


def test_affected_runs_just_the_affected_tests_and_fails_with_them(shop: Path) -> None:
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 2")
    result = nox(shop, "-s", "affected")
    assert result.status != 0
    verdicts = result.verdicts()
    assert verdicts["test(base)"] == "aborted"
    assert verdicts["test(app)"] == "aborted"
    assert "test(alone)" not in verdicts
    edit(shop / "libs/base/src/base/used.py", "return 2", "return 3 - 2")
    result = nox(shop, "-s", "affected")
    assert result.status == 0, result.text


def test_rules_counts_what_each_kind_of_edge_alone_finds(shop: Path) -> None:
    result = nox(shop, "-s", "changes", "--", "--rules")
    assert result.status == 0, result.text
    rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines() if line.strip()}
    edges, alone, selections = map(int, rows["import"])
    assert edges >= alone > 0
    assert selections == 2  # app, by the module that it imports and the package around that
    assert rows["framework"] == ["0", "0", "0"]
    assert json.loads(nox(shop, "-s", "changes", "--", "--rules", "--json").out)["packages"]


def test_explain_and_report_and_a_table_for_people(shop: Path) -> None:
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 1 * 1")
    explained = nox(shop, "-s", "changes", "--", "--explain", "app")
    assert "app: affected by" in explained.out
    assert "libs/base/src/base/used.py <- libs/app/src/app/__init__.py:3 (import)" in explained.out
    unknown = nox(shop, "-s", "changes", "--", "--explain", "ap")
    assert unknown.status != 0
    assert "--explain ap: no package of that name; did you mean 'app'" in unknown.log
    report = nox(shop, "-s", "changes", "--", "--report")
    assert "libs/base/src/base/used.py" in report.out
    table = nox(shop, "-s", "changes")
    assert "2 of 3 packages affected" in table.out


def test_the_events_of_ci_reach_the_selection(
    shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = git(shop, "rev-parse", "HEAD")
    with (shop / "libs/alone/src/alone/__init__.py").open("a") as file:
        file.write("MORE = 1\n")
    after = commit(shop)
    event = tmp_path_factory.mktemp("runner") / "event.json"
    event.write_text(json.dumps({"ref": "refs/heads/main", "before": before, "after": after}))
    env = {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "CI": "true"}
    document = changes(shop, env=env)
    assert affected(document) == {"alone"}
    assert document["range"]["base"] == before
    document = changes(shop, env={"GITHUB_EVENT_NAME": "schedule", "CI": "true"})
    assert document["everything"] is True


def test_a_package_that_is_not_on_the_disk_has_its_session_in_the_matrix(
    shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = git(shop, "rev-parse", "HEAD")
    new = {
        "libs/new/pyproject.toml": pyproject("new", needs='"base"')
        + "\n[tool.uv.sources]\nbase = { workspace = true }\n",
        "libs/new/src/new/__init__.py": '"""New."""\n',
        "libs/new/tests/test_new.py": _test("import new", "new"),
    }
    write(shop, new)
    head = commit(shop)
    git(shop, "checkout", "-q", base)
    event = tmp_path_factory.mktemp("runner") / "event.json"
    request = {"base": {"ref": "main", "sha": base}, "head": {"sha": head}}
    event.write_text(json.dumps({"pull_request": request}))
    env = {"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(event)}
    for document in (changes(shop, env=env), changes(shop, "--base", base, "--head", head)):
        assert affected(document) == {"new"}
        assert [job["sessions"] for job in document["matrix"]["include"]] == ["test(new)"]
    result = nox(shop, "-s", "affected", "--", "--base", base, "--head", head)
    assert result.status != 0
    assert "not in this checkout, so not run: test(new)" in result.log


def test_a_sparse_checkout_leaves_no_package_out(shop: Path) -> None:
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 1 * 1")
    commit(shop)
    git(shop, "sparse-checkout", "set", "libs/base")
    assert not (shop / "libs/app").exists()
    document = changes(shop, "--base", "HEAD~1")
    assert affected(document) == {"base", "app"}
    sessions = [job["sessions"] for job in document["matrix"]["include"]]
    assert sessions == ["test(app)", "test(base)"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--base", "no-such-revision"], "no-such-revision"),
        (["--base", "--json"], "expected one argument"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_bad_arguments_are_one_line(shop: Path, args: list[str], said: str) -> None:
    result = nox(shop, "-s", "changes", "--", *args)
    assert_fault(result, said)


def assert_fault(result: Result, said: str) -> None:
    assert result.status != 0
    assert "Traceback" not in result.text, result.text
    assert said in result.log


def test_a_corrupt_lock_is_one_line(shop: Path) -> None:
    (shop / "uv.lock").write_text("version = [")
    assert_fault(nox(shop, "-s", "changes"), "uv.lock: broken TOML")


def test_no_repository_and_no_git_are_one_line(shop: Path, tmp_path_factory: Any) -> None:
    empty = tmp_path_factory.mktemp("no-bin")
    assert_fault(nox(shop, "-s", "changes", env={"PATH": str(empty)}), "git: not found on PATH")
    loose = write(
        tmp_path_factory.mktemp("loose"),
        {"noxfile.py": NOXFILE, "pyproject.toml": pyproject("x")},
    )
    assert_fault(nox(loose, "-s", "changes"), "not in a git repository; run in a clone")


def test_names_of_any_bytes_are_shown_as_text(shop: Path, tmp_path_factory: Any) -> None:
    name = b"libs/base/src/base/\xff\n::error::forged \x1b[31m.txt"
    (Path(os.fsdecode(os.fsencode(shop) + b"/" + name))).write_text("data")
    (shop / "odd\n::error::forged.bin").write_text("of nobody")
    out = tmp_path_factory.mktemp("ci")
    env = {"GITHUB_OUTPUT": str(out / "output"), "GITHUB_STEP_SUMMARY": str(out / "summary")}
    for args in (["--json"], ["--explain", "base"], ["--report"], []):
        result = nox(shop, "-s", "changes", "--", "--base", "HEAD", *args, env=env)
        assert result.status == 0, result.text
        assert "\n::error" not in result.text
        assert "\x1b[31m" not in result.text
    assert "\n::error" not in (out / "summary").read_text()
    assert "odd\\\\n::error::forged.bin" in (out / "summary").read_text()
    document = changes(shop, "--base", "HEAD")
    assert document["everything"]
    assert affected(document) == {"alone", "app", "base"}


def test_a_package_that_vanished_affects_who_used_it(shop: Path) -> None:
    git(shop, "rm", "-rq", "libs/alone")
    edit(shop / "libs/app/src/app/__init__.py", '__all__ = ["one"]', '__all__ = ["one"]\nX = 1')
    assert nox(shop, "-s", "lock").status == 0
    document = changes(shop)
    assert {item["name"] for item in document["packages"]} == {"base", "app"}
    assert "app" in affected(document)


def test_a_file_in_another_encoding_is_read_as_python_reads_it(shop: Path) -> None:
    file = shop / "libs/alone/src/alone/latin.py"
    file.write_bytes(b'# -*- coding: latin-1 -*-\nfrom base.used import one\nNAME = "caf\xe9"\n')
    broken = shop / "libs/alone/src/alone/broken.py"
    broken.write_bytes(b'NAME = "caf\xe9"\n')
    commit(shop)
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 1 * 1")
    assert affected(changes(shop, "--base", "HEAD")) >= {"base", "app", "alone"}


# --- the table in the docs -----------------------------------------------------------------------

_ROW = re.compile(r"^\| (?P<change>[^|]+) \| (?P<packages>[^|]+) \|$", re.MULTILINE)


def documented() -> list[tuple[str, set[str]]]:
    text = (REPOSITORY / "docs/affected.md").read_text(encoding="utf-8")
    section = text.split("## On the example")[1].split("\n## ")[0]
    return [
        (row["change"], set(re.findall(r"`([^`]+)`", row["packages"])))
        for row in _ROW.finditer(section)
        if row["change"] not in {"change", "---"}
    ]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = copy_example("tradai-uv", tmp_path_factory.mktemp("example") / "tradai-uv")
    git(home, "init", "-q", "-b", "main")
    assert nox(home, "-s", "lock").status == 0
    git(home, "add", "-A")
    git(home, "add", "-f", "uv.lock")
    git(home, "commit", "-qm", "The example")
    return home


@pytest.mark.parametrize(("change", "packages"), documented(), ids=[row[0] for row in documented()])
def test_a_row_of_the_docs(example: Path, change: str, packages: set[str]) -> None:
    try:
        make_change(example, change)
        document = changes(example, "--base", "HEAD")
        assert affected(document) == packages, json.dumps(document, indent=1)
    finally:
        git(example, "reset", "-q", "--hard")
        git(example, "clean", "-qfd")


def make_change(home: Path, change: str) -> None:
    """Do what a row says: `path` (append a comment), move `a` to `b`, and so on."""
    names = re.findall(r"`([^`]+)`", change)
    if change.startswith("move "):
        (home / names[1]).parent.mkdir(parents=True, exist_ok=True)
        (home / names[0]).rename(home / names[1])
    elif change.startswith("upgrade "):
        lock = home / "uv.lock"
        text = lock.read_text()
        found = re.search(rf'name = "{re.escape(names[0])}"\nversion = "([^"]+)"', text)
        assert found, names[0]
        moved = found[0].replace(found[1], f"{found[1]}.1")
        lock.write_text(text.replace(found[0], moved))
    elif change.startswith("a dependency in "):
        project = home / names[0]
        text = project.read_text()
        assert "dependencies = [" in text
        project.write_text(text.replace("dependencies = [", 'dependencies = ["attrs", ', 1))
    else:
        file = home / names[0]
        file.write_bytes(file.read_bytes() + b"\n# changed\n")
