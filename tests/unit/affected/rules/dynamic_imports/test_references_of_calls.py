"""What imports that are calls yield: names, prefixes, groups, or a reason to widen."""

from __future__ import annotations

import pytest

from tests.support.facts import texts
from tradai_tasks.affected.rules.fact_extraction import extract

PARAMETRIZE = '@pytest.mark.parametrize("name", ["one", "two"])\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('import importlib\nimportlib.import_module("a.b")', {"a.b"}),
        ('from importlib import import_module as load\nload("plain")', {"plain"}),
        ('import_module(".x", package=__name__)', {".x"}),
        ('import_module(".x", __package__)', {".x"}),
        ('__import__("plain")', {"plain"}),
        ('pytest.importorskip("plain")', {"plain"}),
        ('pytest_plugins = ["one", "two.three"]', {"one", "two.three"}),
        ('pytest_plugins = "one"', {"one"}),
        ('NAMES = {"x": "plain"}\nimport_module(NAMES[key])', {"plain"}),
        ('for name in ["one", "two"]:\n    import_module(name)', {"one", "two"}),
        ('run([sys.executable, "-m", "tool"])', {"tool", "tool.__main__"}),
        ('run("python -m tool.main")', {"tool.main"}),
        ('runpy.run_module("plain")', {"plain"}),
        ('list(map(import_module, ["one"]))', {"one"}),
        ('INSTALLED_APPS = ["app_one"]', {"app_one"}),
        ('x = "plain" if c else "other"\nimport_module(x)', {"plain", "other"}),
        ('import_module("pkg" + ".mod")', {"pkg.mod"}),
        ('for n in ["one"] + ["two"]:\n    import_module(n)', {"one", "two"}),
        ('A = ["one"]\nB = A + ["two"]\nfor n in A + B:\n    import_module(n)', {"one", "two"}),
        ('names = []\nnames.append("plain")\nfor n in names:\n    import_module(n)', {"plain"}),
        ('names = set()\nnames |= {"plain"}\nfor n in names:\n    import_module(n)', {"plain"}),
        ('names = {}\nnames["key"] = "plain"\nimport_module(names[key])', {"plain"}),
        ('for n in ["my-mod"]:\n    import_module(n.replace("-", "_"))', {"my_mod"}),
        ('for n in ["Mod"]:\n    import_module(f"pkg.{n.lower()}")', {"pkg.mod"}),
        ('for n in "one two".split():\n    import_module(n)', {"one", "two"}),
        ('for n in "one,two".split(","):\n    import_module(n)', {"one", "two"}),
        ('import_module("one:call".partition(":")[0])', {"one"}),
        ('import_module("pkg_one".removeprefix("pkg_"))', {"one"}),
        ('import_module(".mod", "pkg.sub")', {"pkg.sub.mod"}),
        ('import_module(".mod", package=None or "pkg")', {"pkg.mod"}),
        ('import pkg.sub as s\nimport_module("..mod", s.__name__)', {"pkg.mod"}),
        ('import_module(name=".mod", package=__spec__.parent)', {".mod"}),
        ('__import__("pkg", fromlist=["mod"])', {"pkg", "pkg.mod"}),
        ('__import__("mod", globals(), locals(), ["a"], 1)', {".mod", ".mod.a"}),
        ('import importlib.resources\nimportlib.resources.files("plain")', {"plain"}),
        ('import pkgutil\npkgutil.get_data("plain", "x.txt")', {"plain"}),
        ('import pkgutil as p\np.get_data(resource="x.txt", package="plain")', {"plain"}),
        ('from pkgutil import get_data as read\nread("plain", "x.txt")', {"plain"}),
        ('import pkgutil\nread = pkgutil.get_data\nread("plain", "x.txt")', {"plain"}),
        ('from importlib import resources as res\nres.files("plain")', {"plain"}),
        ('from importlib import (\n    resources as res,\n)\nres.files("plain")', {"plain"}),
        ('import importlib.resources as res\nres.files(anchor="plain")', {"plain"}),
        ('import importlib\nres = importlib.resources\nres.open_text("plain", "x")', {"plain"}),
        ('import importlib_resources as r\nNAME = "plain"\nr.files(package=NAME)', {"plain"}),
        ("import a.sub\nfrom importlib.resources import files\nfiles(a.sub)", {"a.sub"}),
        ('from importlib.util import find_spec as locate\nlocate("plain")', {"plain"}),
        ('import importlib.util as u\nu.find_spec(name="plain").origin', {"plain"}),
        ('import pkg_resources\npkg_resources.resource_string("plain", "x")', {"plain"}),
        ('import pkgutil\npkgutil.get_loader("plain")', {"plain"}),
        ('import pkg_resources as p\np.resource_listdir("plain", "")', {"plain"}),
        ('run(["pytest", "--pyargs", "plain"])', {"plain"}),
        ('run("pytest -q --pyargs plain")', {"plain"}),
        ('NAME = "plain"\nrun([sys.executable, "-m", "pytest", "--pyargs", NAME])', {"plain"}),
        ('from importlib.resources import files\nfiles("plain")', {"plain"}),
        ('import_module("pkg.{}".format("mod"))', {"pkg.mod"}),
        ('import_module("{}.{}".format("pkg", "mod"))', {"pkg.mod"}),
        ('import_module("%s.%s" % ("pkg", "mod"))', {"pkg.mod"}),
        ('NAMES = dict(a="plain")\nimport_module(NAMES["a"])', {"plain"}),
        ('import_module(NAMES.get(key, "plain"))\nNAMES = {"a": "other"}', {"plain", "other"}),
        ('T = {"k": {"a": "plain"}}\nimport_module(T["k"]["a"])', {"plain"}),
        ('T = {"a": "plain"}\ndef f(x):\n    import_module(x["a"])', {"plain"}),
        ('T = Entry(a="plain")\ndef f(x):\n    import_module(x["a"])', {"plain"}),
        ('for n, m in [("a", "plain")]:\n    import_module(m)', {"plain"}),
        ('a, b = "one", "two"\nimport_module(a or b)', {"one", "two"}),
        ('import_module(m := "plain")', {"plain"}),
        ('match x:\n    case name:\n        pass\nname = "plain"\nimport_module(name)', set()),
        ('with open_all(["plain"]) as m:\n    pass\nimport_module("one")', {"one"}),
        ('import_module(*["plain"])', {"plain"}),
        ('import_module("pkg.%s" % "x" if c else "plain")', {"plain", "pkg.x"}),
        ('load = importlib.import_module\nload("plain")', {"plain"}),
        ('self.load = importlib.import_module\nself.load("plain")', {"plain"}),
        (f"{PARAMETRIZE}def test(name):\n    import_module(name)", {"one", "two"}),
        ('def test():\n    def run(n):\n        import_module(n)\n    run("one")', {"one"}),
        ('def _f(n, m="two"):\n    import_module(n)\n_f(n="one")', {"one"}),
        ('app.autodiscover_tasks(["plain"])', {"plain"}),
        ('exec("import plain")\nx = "import inner"', set()),
        ('list({n: import_module(n) for n in ("one", "two")})', {"one", "two"}),
        ('import_module([n for n in ("one",)][0])', {"one"}),
        ('import_module({n: n for n in ("one",)}["one"])', {"one"}),
    ],
)
def test_literal_dynamic_imports_give_names(text: str, words: set[str]) -> None:
    facts = extract(text.encode())
    found = {*texts(facts), *(prefix.rstrip(".") for prefix in texts(facts, "package"))}
    assert words <= found, facts
    assert not facts.broken
    if words:
        assert not facts.dynamic, facts.dynamic


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('import_module("..mod", package="pkg.sub")', {"pkg.mod"}),
        ('def _f(name):\n    name = "one"\n    import_module(name)\n_f("two")', {"one", "two"}),
    ],
)
def test_a_names_literal_is_followed(text: str, words: set[str]) -> None:
    facts = extract(text.encode())
    assert words <= set(texts(facts)), facts
    assert not facts.broken
    assert not facts.dynamic, facts.dynamic


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ('import_module(f"pkg.{name}")', "pkg."),
        ('import_module("pkg." + name)', "pkg."),
        (
            (
                f"H = {[f'n{n}' for n in range(100)]}\n"
                "for a in H:\n    for b in H:\n        import_module(f'pkg.{a}{b}')"
            ),
            "pkg.",
        ),
        ('import_module("pkg.%s" % name)', "pkg."),
        ('import_module(f".{name}", __package__)', "."),
        ('mock.patch(f"pkg.mod.{name}")', "pkg.mod."),
        ('def f(name):\n    return patch("pkg.mod." + name)', "pkg.mod."),
        ('def f(name):\n    monkeypatch.setattr("pkg.mod." + name, 1)', "pkg.mod."),
        ('run(["pytest", "--pyargs", "pkg." + name])', "pkg."),
        ('import_module(f".{name}", "pkg.sub")', "pkg.sub."),
        ('import_module(f"..{name}", package="pkg.sub")', "pkg."),
        ("import pkg\npkgutil.iter_modules(pkg.__path__)", "pkg."),
        ("import pkg\nfor m in pkgutil.iter_modules(path=pkg.__path__):\n    pass", "pkg."),
        ("pkgutil.iter_modules(__path__)", "."),
        (
            "import pkg\nfor m in pkgutil.iter_modules(pkg.__path__):\n    import_module(m.name)",
            "pkg.",
        ),
        ("for p in Path(__file__).parent.glob('*.py'):\n    import_module(p.stem)", "/"),
        (
            "for p in (Path(__file__).parents[1] / 'sub').glob('*.py'):\n    import_module(p.stem)",
            "/../sub",
        ),
        (
            "for p in os.listdir(dirname(__file__)):\n    import_module(f'{__package__}.{p}')",
            ".",
        ),
        ("for p in Path('plugins/all').iterdir():\n    import_module(p.stem)", "/plugins/all"),
        ('INSTALLED_APPS = ["app"]', "app."),
        ('INSTALLED_APPS = ["a.app.apps.Config"]', "a.app."),
        ('MY_APPS = ["app"]\nINSTALLED_APPS = ["x"] + MY_APPS', "app."),
        ('INSTALLED_APPS = []\nif X:\n    INSTALLED_APPS.append("app")', "app."),
        ('mine = ["app"]\nINSTALLED_APPS = [*mine]', "app."),
        ('configure(INSTALLED_APPS=["app"])', "app."),
        ('class One(AppConfig):\n    name = "app"', "app."),
        ('app.autodiscover_tasks(["app"])', "app."),
        ('import_module(f"pkg.{name}".strip())', "pkg."),
        ('import_module(f"pkg.{name}".lower())', "pkg."),
        ('import_module("pkg.%d.%s" % (1, "x"))', "pkg."),
        ('import_module("pkg.{a}".format(a="x"))', "pkg."),
        ("spec_from_file_location(name, Path(__file__).parent / 'sub' / name)", "/sub"),
        ("import pkg.sub as s\npkgutil.walk_packages(s.__path__)", "pkg.sub."),
    ],
)
def test_a_literal_beginning_covers_all_that_is_below(text: str, prefix: str) -> None:
    facts = extract(text.encode())
    assert prefix in texts(facts, "package"), facts


@pytest.mark.parametrize(
    "text",
    [
        'MY_APPS = ["app"]',
        'class One(Config):\n    name = "app"',
        'from tools import INSTALLED_APPS\nother = ["app"]',
    ],
)
def test_what_is_only_named_like_a_frameworks_is_no_edge(text: str) -> None:
    assert texts(extract(text.encode()), "package") == ()


@pytest.mark.parametrize(
    "text",
    [
        "import_module(name)",
        "__import__(name)",
        "importlib.import_module(settings.NAME)",
        "spec_from_file_location(name, path)",
        "runpy.run_path(path)",
        "pkgutil.iter_modules(paths)",
        "register(import_module)",
        "register(load=import_module)",
        "LOADERS = {'x': import_module}",
        "def f(name, load=import_module): return load(name)",
        "def f(): return import_module",
        "list(map(import_module, names))",
        "def f(name): return __import__(name)",
        "import_module(**options)",
        "from importlib import import_module as load; f = lambda name: load(name)",
        "from importlib import resources; resources.files(package)",
        "from importlib.util import find_spec as f; f(name).origin",
        'getattr(importlib, "import_module")(name)',
        'import_module(".mod", package)',
        "name = 'pkg'; name += suffix; import_module(name)",
        "names = []; names.append(other); import_module(names[0])",
        "names = []; import_module(names[0])",
        "from conf import name; name = name or 'one'; import_module(name)",
        'import_module("one-two".replace(old, new))',
    ],
)
def test_what_cannot_be_told_widens_with_the_line(text: str) -> None:
    facts = extract(f"x = 1\n{text}\n".encode())
    assert facts.dynamic.startswith("line 2: "), facts


@pytest.mark.parametrize(
    "text",
    [
        "import_module('.'.join(parts))",
        "import_module('{1}.{0}'.format('mod', 'pkg'))",
        "import_module('{a}.{b}'.format(b='mod', a='pkg'))",
        "import_module('%(a)s.x' % {'a': 'pkg'})",
        "f = lambda name: import_module(name)",
        "class Lazy:\n    def __getattr__(self, name):\n        return import_module(name)",
        "def _f(name):\n    import_module(name)\nregister(_f)",
        "def _f(name):\n    import_module(name)\n_f(*names)",
        "def _f(name):\n    import_module(name)\n_f()",
        "import_module('pkg.mod'.split(1.5)[0])",
        "import_module('pkg.mod'.split('')[0])",
        "name = 'a'\nwhile 1:\n    name = name + 'b'\nimport_module(name)",
        "name = 'ab'\nwhile 1:\n    name = name.replace('a', 'aa')\nimport_module(name)",
        "__import__('pkg', level=depth)",
        "path = path / 'x'\npath = path / 'y'\nrunpy.run_path(path)",
        "pkgutil.iter_modules([thing.__path__])",
        "for p in (Path(__file__).parents / 'x').glob('*.py'):\n    import_module(p.stem)",
        "for p in Path(root).glob('*.py'):\n    import_module(p.stem)",
        "spec_from_file_location(name, location=path)",
        "def test(tmp_path, name):\n    spec_from_file_location('x', other / name)",
        "match x:\n    case name:\n        import_module(name)",
        "names[0], other = 'a', 'b'\nimport_module(names[0])",
        "importlib.resources.files(package_of(x))",
    ],
)
def test_other_things_that_cannot_be_told_widen_too(text: str) -> None:
    facts = extract(f"import importlib\n{text}\n".encode())
    assert facts.dynamic, facts


@pytest.mark.parametrize(
    "text",
    [
        "spec_from_file_location('x', tmp_path / 'x.py')",
        "runpy.run_path()",
        "resolve_name('x')",
        "def fake(name, *args):\n    return __import__(name, *args)",
        "real = builtins.__import__\ndef fake(name, *args):\n    return real(name, *args)",
        "mock.patch.object(importlib, 'import_module')",
        "mock.patch.object(loader, attribute=import_module)",
        "assert load is import_module",
        "import_module",
        "import_module.cache_clear()",
        "import json\nimportlib.resources.files(json)",
        "entries.files('x')",
        "def import_module(name): ...",
        "load: Any = importlib.import_module",
        "import_module()",
    ],
)
def test_what_imports_nothing_of_its_own_does_not_widen(text: str) -> None:
    facts = extract(f"import importlib\n{text}\n".encode())
    assert not facts.dynamic, facts


@pytest.mark.parametrize(
    ("text", "subtrees"),
    [
        ('__import__("pkg", fromlist=names)', {"pkg."}),
        ('import_module("pkg.{}".format(name))', {"pkg."}),
        ('T = "pkg.{}"\nimport_module(T.format(name))', {"pkg."}),
        ('import_module("..mod", package="." )', set()),
    ],
)
def test_subtrees_of_other_forms(text: str, subtrees: set[str]) -> None:
    facts = extract(text.encode())
    assert set(texts(facts, "package")) == subtrees
    assert not facts.dynamic


@pytest.mark.parametrize(
    ("text", "is_passed"),
    [
        ("def load(name):\n    return import_module(name)", True),
        ("def load(path):\n    m, _, n = path.rpartition('.')\n    return import_module(m)", True),
        ("def load(data):\n    return import_module(data['name'])", True),
        ("class A:\n    def load(self, name):\n        return import_module(name)", True),
        ("def load(name):\n    def inner():\n        return import_module(name)", True),
        ("def load(name):\n    return import_module(name or 'one')", True),
        (
            "def outer(x):\n    return load(x)\ndef load(name):\n    return import_module(name)",
            True,
        ),
        ("def load(name):\n    return import_module(name)\nload('one')", True),
        ("def load(name):\n    return import_module(name)\nload(environ['X'])", False),
        ("def load(name):\n    return import_module(name or environ['X'])", False),
        ("def load(name):\n    name = environ['X']\n    return import_module(other)", False),
        ("class A:\n    def load(self):\n        return import_module(self.name)", False),
        ("load = lambda name: import_module(name)", False),
        ("import_module(environ['X'])", False),
        ("def load():\n    return import_module(environ['X'])", False),
        ("def load(name):\n    return import_module(name)\nimport_module(environ['X'])", False),
        ("import_module(environ['X'])\ndef load(name):\n    return import_module(name)", False),
        ("for name in environ:\n    import_module(name)", False),
        ("def load(n):\n    return import_module(n)\nx = environ['X']\nload(x)", False),
    ],
)
def test_whether_callers_tell_the_name(text: str, is_passed: bool) -> None:
    facts = extract(text.encode())
    assert facts.dynamic
    assert facts.is_passed == is_passed


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ('entry_points(group="things")', ("things",)),
        ("entry_points()", ("*",)),
        ('iter_entry_points("things")', ("things",)),
        ('entry_points()["things"]', ("things",)),
        ("entry_points(group=name)", ("*",)),
        ('entry_points(group="things" if one else name)', ("*",)),
        ('manager.load_setuptools_entrypoints("things")', ("things",)),
    ],
)
def test_groups_of_entry_points(text: str, groups: tuple[str, ...]) -> None:
    assert texts(extract(text.encode()), "group") == groups


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("code = 'import a.b'\nexec(code)\n", "a.b"),
        ("exec(compile('import a.b', 'x', 'exec'))\n", "a.b"),
        ("import builtins\n\ncode = 'import a.b'\nbuiltins.exec(code)\n", "a.b"),
    ],
)
def test_code_in_a_string_that_is_run_by_a_name_imports(text: str, module: str) -> None:
    assert module in texts(extract(text.encode()))


def test_a_call_that_imports_in_evaluated_code_names_its_module() -> None:
    assert texts(extract(b"x = eval('__import__(\"a\")')\n")) == ("a",)


@pytest.mark.parametrize(
    ("text", "is_passed"),
    [
        ("class A:\n    @staticmethod\n    def f(n):\n        import_module(n)\n\nA.f()\n", True),
        (
            "class A:\n    @staticmethod\n    def f(n):\n        import_module(n)\n\nA.f(g())\n",
            False,
        ),
        ("class A:\n    def f(self, n):\n        import_module(n)\n\nA().f(g())\n", False),
        ("def f(n):\n    import_module(n)\n\nmod.f()\n", True),
        ("def f(n):\n    import_module(n)\n\nmod.f(g())\n", False),
    ],
)
def test_a_call_by_attribute_passes_what_stands_in_its_place(text: str, is_passed: bool) -> None:
    facts = extract(f"from importlib import import_module\n\n{text}".encode())
    assert facts.dynamic
    assert facts.is_passed == is_passed
