"""What a rule of a noxfile finds, where it cannot read a file, and how it is identified."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.snapshots import MemorySnapshot, cache_in, member
from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.graph.graph_builder import build_graph
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.rules.catalog import BUILT_IN, RuleSet
from tradai_tasks.affected.rules.fact_extraction import extract
from tradai_tasks.edge_rules import EdgeRule, Place, Reference, SourceFile
from tradai_tasks.errors import EdgeRuleError, SettingsError
from tradai_tasks.files.cache_folder import CacheFolder

TARGET = "libs/a/src/a/plugins/pay.py"
USER = "libs/b/src/b/m.py"
FILES = {
    "libs/a/src/a/plugins/__init__.py": "",
    TARGET: "",
    "libs/a/run/job.py": "",
    USER: "\nplug('pay')\n",
    "libs/c/src/c/m.py": "",
}
MEMBERS = (member("libs/a"), member("libs/b", "a"), member("libs/c", "a"))


class Plug(EdgeRule):
    """`plug("x")` imports `a.plugins.x`, or what a form of a reference says."""

    name = "plug"
    summary = "plug(NAME)"
    words = frozenset({"plug("})

    def __init__(self, text: str = "a.plugins.{}", form: str = "module") -> None:
        self.text = text
        self.form = form

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        for call in source.calls("plug"):
            for name in source.values(call.args[0]).literals:
                yield Reference(self.text.format(name), line=call.lineno, form=self.form)


class ByPath(Plug):
    """A rule that says itself which files are meant."""

    def link(self, reference: Reference, place: Place) -> Iterable[int]:
        return [n for n, path in enumerate(place.index.paths) if path.endswith("/run/job.py")]


def graph(rule: EdgeRule, files: dict[str, str] = FILES, cache: Cache | None = None) -> ImportGraph:
    return build_graph(MemorySnapshot(files), MEMBERS, rules=RuleSet(own=[rule]), cache=cache)


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        (Plug(), TARGET),
        (Plug("a.plugins.", "package"), TARGET),
        (Plug("../a/run/job.py", "file"), "libs/a/run/job.py"),
        (ByPath(), "libs/a/run/job.py"),
    ],
)
def test_references_of_every_form_are_linked(rule: Plug, changed: str) -> None:
    found = graph(rule).reasons([changed])
    assert set(found) == {"a", "b"}
    guessed = ", guessed" if rule.form == "package" else ""
    assert found["b"] == (changed, f"{USER}:2 (plug{guessed})")


def test_a_file_that_a_rule_cannot_parse_may_load_anything() -> None:
    text = "plug('pay')\nx = t'new' if y else (yield\n"
    files = {**FILES, USER: text + ")\n" + "match x:\n    case 1 | : pass\n"}
    facts = extract(files[USER].encode(), RuleSet(own=[Plug()]))
    assert facts.broken or facts.dynamic
    assert set(graph(Plug(), files).affected_by([TARGET])) == {"a", "b"}


def test_a_name_must_be_free_and_plain() -> None:
    for name in ("", "import", "Plug", "a b", "a\n"):
        made = type("Made", (Plug,), {"name": name})
        with pytest.raises(EdgeRuleError, match="which is taken or not of small letters"):
            RuleSet(own=[made()])
    with pytest.raises(EdgeRuleError):
        RuleSet(own=[Plug(), Plug()])
    with pytest.raises(SettingsError, match="no rule 'plug'; the rules are import, package, "):
        RuleSet(off=["plug"])
    assert "plug" not in RuleSet(off=["plug"], own=[Plug()]).by_name


def test_sets_of_rules_have_caches_of_their_own(tmp_path: Path) -> None:
    sets = [RuleSet(), RuleSet(off=["name"]), *(RuleSet(own=[Plug(text)]) for text in ("a", "b"))]
    versions = {rules.version for rules in sets}
    assert len(versions) == len(sets)
    assert RuleSet(own=[Plug("a")]).version in versions
    for rules in sets:
        cache = Cache(CacheFolder(tmp_path), "0", rules)
        build_graph(MemorySnapshot(FILES), MEMBERS, rules=rules, cache=cache)
        cache.save()
    assert len(list(tmp_path.glob("*.msgpack"))) == len(sets)
    assert cache_in(tmp_path).facts


def test_a_rule_without_a_source_is_not_cached(tmp_path: Path) -> None:
    made: dict[str, type[EdgeRule]] = {}
    exec("class Made(Plug):\n    name = 'made'\n", {"Plug": Plug, "__name__": "nowhere"}, made)
    rules = RuleSet(own=[made["Made"]()])
    assert rules.version is None
    cache = Cache(CacheFolder(tmp_path), "0", rules)
    build_graph(MemorySnapshot(FILES), MEMBERS, rules=rules, cache=cache)
    cache.save()
    assert list(tmp_path.iterdir()) == []


def test_every_rule_of_the_library_says_what_it_finds() -> None:
    assert len({rule.name for rule in BUILT_IN}) == len(BUILT_IN)
    assert [rule.name for rule in BUILT_IN if not rule.summary or "\n" in rule.summary] == []
    assert {rule.name for rule in BUILT_IN} >= {"import", "locked", "path", "framework"}
