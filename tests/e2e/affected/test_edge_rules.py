"""Kinds of edges are switched off by name, and a noxfile adds its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.affected.test_changes import affected, changes, commit, reasons, shop
from tests.support.real import clean_env, edit, nox, write

__all__ = ["shop"]

# The example of docs/affected.md, for a loader of plugins in `base`.
RULE = '''\
from tradai_tasks.edge_rules import EdgeRule, Reference


class PluginLoader(EdgeRule):
    """`load_plugin("x")` imports `base.plugins.x`."""

    name = "plugin-loader"
    summary = "`load_plugin(NAME)` imports `base.plugins.NAME`"
    words = frozenset({"load_plugin("})

    def extract(self, source):
        for call in source.calls("load_plugin"):
            for name in source.values(call.args[0]).literals if call.args else ():
                yield Reference(f"base.plugins.{name}", line=call.lineno)
'''
NOXFILE = """\
import tradai_tasks
from acme_rules import PluginLoader

tradai_tasks.register(edge_rules=[PluginLoader()])
"""
PLUGIN = "libs/base/src/base/plugins/pay.py"
CALL = 'from loader import load_plugin\n\nNAME = "pay"\n\nload_plugin(NAME)\n'
STEP = "libs/alone/src/alone/__init__.py:5 (plugin-loader)"


@pytest.fixture
def with_rule(
    shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shop, where `alone` loads a plugin of `base` in a way that only its own rule knows."""
    team = tmp_path_factory.mktemp("team")
    write(team, {"acme_rules.py": RULE})
    monkeypatch.setenv("PYTHONPATH", str(team))
    files = {PLUGIN: "", "libs/alone/src/alone/__init__.py": CALL, "noxfile.py": NOXFILE}
    write(shop, {**files, "libs/base/src/base/plugins/__init__.py": ""})
    commit(shop)
    edit(shop / PLUGIN, "", "X = 1\n")
    return team


def test_a_rule_of_a_noxfile_finds_its_edges_cold_and_warm(shop: Path, with_rule: Path) -> None:
    for _ in range(2):
        document = changes(shop, "--base", "HEAD")
        assert affected(document) == {"base", "alone"}
        assert reasons(document, "alone") == [f"{PLUGIN} <- {STEP}"]
    # what the rule has found is not kept when the rule changes
    edit(with_rule / "acme_rules.py", 'f"base.plugins.', 'f"base.other.')
    assert affected(changes(shop, "--base", "HEAD")) == {"base"}
    edit(with_rule / "acme_rules.py", 'f"base.other.', 'f"base.plugins.')
    assert affected(changes(shop, "--base", "HEAD")) == {"base", "alone"}


@pytest.mark.usefixtures("with_rule")
def test_a_noxfile_that_is_run_as_a_program_has_its_rules(shop: Path) -> None:
    path = shop / "noxfile.py"
    more = 'if __name__ == "__main__":\n    import nox\n\n    nox.main()\n'
    path.write_text(f"{path.read_text()}\n\n{more}")
    commit(shop)
    write(shop, {PLUGIN: "X = 2\n"})
    argv = [sys.executable, "noxfile.py", "-s", "changes", "--", "--base", "HEAD"]
    done = subprocess.run(
        argv, cwd=shop, env=clean_env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{PLUGIN} <- {STEP}" in " ".join(done.stdout.split())


@pytest.mark.usefixtures("with_rule")
def test_a_rule_is_switched_off_by_name(shop: Path) -> None:
    settings = shop / "tradai-tasks.toml"
    root = shop / "pyproject.toml"
    whole = root.read_text()
    assert not settings.exists()
    for off, names in ((["plugin-loader"], {"base"}), ([], {"base", "alone"})):
        root.write_text(f"{whole}\n[tool.tradai-tasks.affected]\nrules-off = {off}\n")
        commit(shop, "Settings")
        write(shop, {PLUGIN: f"X = {off}\n"})
        assert affected(changes(shop, "--base", "HEAD")) == names
    root.write_text(f"{whole}\n[tool.tradai-tasks.affected]\nrules-off = ['nope']\n")
    result = nox(shop, "-s", "changes")
    assert result.status != 0
    assert "affected.rules-off: no rule 'nope'; the rules are import, package, " in result.text
    assert "plugin-loader" in result.text
    assert "Traceback" not in result.text


def test_import_statements_can_be_switched_off_too(shop: Path) -> None:
    edit(shop / "libs/base/src/base/used.py", "return 1", "return 2")
    assert affected(changes(shop, "--base", "HEAD")) == {"base", "app"}
    root = shop / "pyproject.toml"
    root.write_text(f"{root.read_text()}\n[tool.tradai-tasks.affected]\nrules-off = ['import']\n")
    commit(shop, "Settings")
    edit(shop / "libs/base/src/base/used.py", "return 2", "return 3")
    assert affected(changes(shop, "--base", "HEAD")) == {"base"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("yield Reference", "raise ValueError('no')\n                yield Reference",
         "the edge rule 'plugin-loader' fails: ValueError: no; correct it"),
        ('name = "plugin-loader"', 'name = "import"',
         "PluginLoader: its name is 'import', which is taken or not of small letters and hyphens"),
        ("yield Reference(", "yield str(",
         "the edge rule 'plugin-loader' fails: TypeError: "),
        ("yield Reference(", "yield Reference(form='nope', text=",
         "of a text, with a form of module, package, file, group, unknown, passed; correct it"),
        ("    def extract", "    def link(self, *_):\n        return ['a']\n\n    def extract",
         "the edge rule 'plugin-loader' fails: link() returned what is no node; correct it"),
        ("(EdgeRule)", "",
         "register(edge_rules=...): expected instances of tradai_tasks.edge_rules.EdgeRule, got"),
    ],
)  # fmt: skip
def test_a_rule_at_fault_is_one_line(
    shop: Path, with_rule: Path, old: str, new: str, said: str
) -> None:
    edit(with_rule / "acme_rules.py", old, new)
    result = nox(shop, "-s", "changes", "--", "--base", "HEAD")
    assert result.status != 0
    assert said in result.text
    assert "Traceback" not in result.text
