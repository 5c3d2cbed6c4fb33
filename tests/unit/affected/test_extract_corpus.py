"""The lexer and the analysis of dynamic imports, held against `ast` on real code and on cases."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from pathlib import Path

import pytest

from tradai_tasks.affected.extract import decode, extract, extract_config
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.lazy import uses_of

STDLIB = Path(sysconfig.get_paths()["stdlib"])
PURELIB = Path(sysconfig.get_paths()["purelib"])
_FOLDERS = (STDLIB, PURELIB / "nox", PURELIB / "_pytest", PURELIB / "pip", PURELIB / "hypothesis")


PARAMETRIZE = '@pytest.mark.parametrize("name", ["one", "two"])\n'
FIXTURE = '@pytest.fixture(params=["one", "two"])\n'


def corpus() -> list[Path]:
    """Some files of the standard library and of a few packages."""
    found = [
        file
        for folder in _FOLDERS
        for file in sorted(folder.rglob("*.py"))
        if folder != STDLIB or not {"site-packages", "lib2to3", "idlelib"} & set(file.parts)
    ]
    return found[::11]


def seen_by_ast(tree: ast.Module) -> set[tuple[str, str]]:
    """(module, name) of every import statement; the name is empty for `import module`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(module, alias.name) for alias in node.names}
    return found


def seen(facts: Facts) -> set[tuple[str, str]]:
    found = set()
    for module, clauses in facts.imports:
        if not clauses:
            found.add((module.partition(" as ")[0], ""))
        found |= {(module, clause.partition(" as ")[0]) for clause in clauses}
    return found


def test_every_import_that_ast_sees_in_real_code_is_seen() -> None:
    files = corpus()
    assert len(files) > 100
    for file in files:
        data = file.read_bytes()
        facts = extract(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except (SyntaxError, ValueError):
            continue  # test data that is broken on purpose
        assert not facts.broken, file
        missed = seen_by_ast(tree) - seen(facts)
        if facts.lazy is None:
            assert not missed, (file, missed)


def test_every_dotted_string_that_ast_sees_is_seen() -> None:
    from tradai_tasks.affected.lexical import DOTTED

    for file in corpus()[::3]:
        data = file.read_bytes()
        facts = extract(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except (SyntaxError, ValueError):
            continue
        if facts.lazy is not None or facts.broken:
            continue
        strings = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        dotted = {text for text in strings if DOTTED.match(text) and len(text) < 100}
        assert dotted <= {*facts.strings, *facts.words}, (file, dotted - set(facts.strings))


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
        ('d = {"_target_": "plain"}', {"plain"}),
        ('INSTALLED_APPS = ["app_one"]', {"app_one"}),
        ('x = "plain" if c else "other"\nimport_module(x)', {"plain", "other"}),
        ('import_module("pkg" + ".mod")', {"pkg.mod"}),
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
        ('importlib.resources.files("plain")', {"plain"}),
        ('pkgutil.get_data("plain", "x.txt")', {"plain"}),
        ('import_module("pkg.{}".format("mod"))', {"pkg"}),
        ('import_module(".".join(["pkg", "mod"]))', {"pkg.mod"}),
        ('NAMES = dict(a="plain")\nimport_module(NAMES["a"])', {"plain"}),
        ('import_module(NAMES.get(key, "plain"))\nNAMES = {"a": "other"}', {"plain", "other"}),
        ('T = {"k": {"a": "plain"}}\nimport_module(T["k"]["a"])', {"plain"}),
        ('for n, m in [("a", "plain")]:\n    import_module(m)', {"plain"}),
        ('a, b = "one", "two"\nimport_module(a or b)', {"one", "two"}),
        ('import_module(m := "plain")', {"plain"}),
        ('match x:\n    case name:\n        pass\nname = "plain"\nimport_module(name)', set()),
        ('with open_all(["plain"]) as m:\n    pass\nimport_module("one")', {"one"}),
        ('import_module(*["plain"])', {"plain"}),
        ('import_module("pkg.%s" % "x" if c else "plain")', {"plain", "pkg"}),
        ('load = importlib.import_module\nload("plain")', {"plain"}),
        ('self.load = importlib.import_module\nself.load("plain")', {"plain"}),
        (f"{PARAMETRIZE}def test(name):\n    import_module(name)", {"one", "two"}),
        (f"{FIXTURE}def made(request):\n    import_module(request.param)", {"one", "two"}),
        ('def test():\n    def run(n):\n        import_module(n)\n    run("one")', {"one"}),
        ('def _f(n, m="two"):\n    import_module(n)\n_f(n="one")', {"one"}),
        ('app.autodiscover_tasks(["plain"])', {"plain"}),
        ('exec("import plain")\nx = "import inner"', set()),
        ('list({n: import_module(n) for n in ("one", "two")})', {"one", "two"}),
        ('import_module([n for n in ("one",)][0])', {"one"}),
        ('import_module({n: n for n in ("one",)}["one"])', {"one"}),
        (
            'T = {"k": lambda: 1, "j": f, "l": "plain"}\ndef f(): ...\nimport_module(T[k])',
            {"plain"},
        ),
    ],
)
def test_literal_dynamic_imports_give_names(text: str, words: set[str]) -> None:
    facts = extract(text.encode())
    found = {*facts.words, *facts.strings, *(prefix.rstrip(".") for prefix in facts.subtrees)}
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
    assert words <= {*facts.words, *facts.strings}, facts
    assert not facts.broken
    assert not facts.dynamic, facts.dynamic


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ('import_module(f"pkg.{name}")', "pkg."),
        ('import_module("pkg." + name)', "pkg."),
        ('import_module("pkg.%s" % name)', "pkg."),
        ('import_module(f".{name}", __package__)', "."),
        ('mock.patch(f"pkg.mod.{name}")', "pkg.mod."),
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
        ('import_module(f"pkg.{name}".strip())', "pkg."),
        ('import_module(f"pkg.{name}".lower())', "pkg."),
        ("spec_from_file_location(name, Path(__file__).parent / 'sub' / name)", "/sub"),
        ("import pkg.sub as s\npkgutil.walk_packages(s.__path__)", "pkg.sub."),
    ],
)
def test_a_literal_beginning_covers_all_that_is_below(text: str, prefix: str) -> None:
    facts = extract(text.encode())
    assert prefix in facts.subtrees, facts


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
        "resources.files(package)",
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
    ("text", "groups"),
    [
        ('entry_points(group="things")', ("things",)),
        ("entry_points()", ("*",)),
        ('iter_entry_points("things")', ("things",)),
        ('entry_points()["things"]', ("things",)),
        ("entry_points(group=name)", ("*",)),
        ('entry_points(group="things" if one else name)', ("*",)),
        ('ExtensionManager(namespace="things")', ("things",)),
        ('manager.load_setuptools_entrypoints("things")', ("things",)),
        ('catalogue.create("a", "b", entry_points=True)', ("*",)),
    ],
)
def test_groups_of_entry_points(text: str, groups: tuple[str, ...]) -> None:
    assert extract(text.encode()).groups == groups


def test_lazy_modules_tell_which_name_comes_from_where() -> None:
    text = (
        "import importlib\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .types import Typed\n"
        '_NAMES = {"Client": ".client", "Server": "pkg.server"}\nVERSION = "1"\n'
        "def __getattr__(name):\n"
        "    if name in _NAMES:\n"
        "        return getattr(importlib.import_module(_NAMES[name], __name__), name)\n"
        '    if name == "Odd":\n        from .odd import Odd\n        return Odd\n'
        "    raise AttributeError(name)\n"
    )
    lazy = extract(text.encode()).lazy
    assert lazy is not None
    assert ".client" in lazy.symbols["Client"]
    assert "pkg.server" in lazy.symbols["Server"]
    assert any(reference.startswith(".odd") for reference in lazy.symbols["Odd"])
    assert any(reference.startswith(".types") for reference in lazy.symbols["Typed"])
    assert "VERSION" in lazy.defined
    pairs = (
        '_ALL = [("Client", ".client")]\n'
        "def __getattr__(name):\n    return load(dict(_ALL)[name])\n"
    )
    found = extract(pairs.encode()).lazy
    assert found is not None
    assert ".client" in found.symbols["Client"]
    attach = (
        "import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach(__name__, "
        '["sub"], {"mod": ["Name"]})\n'
    )
    attached = extract(attach.encode()).lazy
    assert attached is not None
    assert "mod" in " ".join(attached.symbols["Name"])


GETTER = "def __getattr__(name):\n    return load(name)\n"


@pytest.mark.parametrize(
    ("text", "name", "reference"),
    [
        ('T = dict(Client=".client")\n' + GETTER, "Client", ".client"),
        ('T = {".client": {"Client": 1}}\n' + GETTER, "Client", ".client"),
        ('T = {"mods": {"client": ["Client", "Other"]}}\n' + GETTER, "Other", "client"),
        ('M = ".client"\nT = {"Client": (M, "Client")}\n' + GETTER, "Client", ".client"),
        ('T = {**OTHER, "Client": ".client"}\n' + GETTER, "Client", ".client"),
        ('T = [["Client", ".client"], ["Server", ".server"]]\n' + GETTER, "Server", ".server"),
        (f"if TYPE_CHECKING:\n    import pkg.client as Client\n{GETTER}", "Client", "pkg.client"),
        (
            (
                "def __getattr__(name):\n    match name:\n        case 'Client':\n"
                "            from .client import Client\n            return Client\n"
            ),
            "Client",
            ".client:Client",
        ),
        (
            (
                "def __getattr__(name):\n    if name in ('Client', 'Other'):\n"
                "        import pkg.client\n        return pkg.client.Client\n"
            ),
            "Other",
            "pkg.client",
        ),
        (
            "import sys\nT = {'Client': '.client'}\nsys.modules[__name__] = Lazy(__name__, T)\n",
            "Client",
            ".client",
        ),
        (
            (
                "try:\n    import fast\nexcept ImportError:\n    T = {'Client': '.client'}\n"
                "if True:\n    def __getattr__(name):\n        return load(T[name])\n"
            ),
            "Client",
            ".client",
        ),
    ],
)
def test_tables_of_any_shape_tell_where_a_name_comes_from(
    text: str, name: str, reference: str
) -> None:
    lazy = extract(text.encode()).lazy
    assert lazy is not None
    assert reference in lazy.symbols[name], lazy


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ('def __getattr__(name):\n    return getattr(load(".impl"), name)\n', ".impl"),
        ("def __getattr__(name):\n    from . import impl\n    return impl\n", ".:impl"),
        ("def __getattr__(name):\n    import pkg.impl\n    return pkg.impl\n", "pkg.impl"),
        (f"if TYPE_CHECKING:\n    from .impl import *\n{GETTER}", ".impl"),
    ],
)
def test_what_no_table_tells_may_be_any_name(text: str, reference: str) -> None:
    lazy = extract(text.encode()).lazy
    assert lazy is not None
    assert reference in lazy.others, lazy


def test_a_getter_that_loads_nothing_makes_no_lazy_module() -> None:
    facts = extract(b"import a\ndef __getattr__(name):\n    raise AttributeError(name)\n")
    assert facts.lazy is None
    assert facts.imports == (("a", ()),)


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("import api\napi.Client()\n", {("Client",)}),
        ("import api\napi.sub.Client()\n", {("sub", "Client")}),
        ("import api\napi = None\n", set()),
        ("api: Any = None\n", set()),
        ("import api\nprint(api)\n", {()}),
        ("import api\ngetattr(api, 'Client')\n", {("Client",)}),
        ("import api\nimportlib.reload(api)\n", set()),
        ("from api import x\n", set()),
        ("'api.Client'  # api.Client\n", set()),
        ("f'{api.Client}'\n", {("Client",)}),
        ("apis.Client\nmy.api.Client\n", set()),
    ],
)
def test_what_a_file_takes_from_a_module_that_it_holds(
    text: str, uses: set[tuple[str, ...]]
) -> None:
    assert uses_of(text, "api") == uses


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        (b"", ""),
        (b"\xef\xbb\xbfimport a\n", ""),
        (b"# coding: latin-1\nimport a  # caf\xe9\n", ""),
        (b"#!/bin/x\n# -*- coding: cp1252 -*-\nimport a\n", ""),
        (b"import a\r\nimport b\r\n", ""),
        (b"x = 'caf\xe9'\n", "cannot be decoded"),
        (b"# coding: no-such-thing\nimport a\n", "cannot be decoded"),
        (b"import a\0\n", "does not parse: null bytes"),
        (b"def f(:\n    'unclosed\n", "does not parse"),
        (b"<<<<<<< ours\nimport a\n=======\nimport b\n>>>>>>> theirs\n", "does not parse"),
        (b"type X[T] = list[T]\nimport a\n", ""),
        (b"x = (1, 2\nimport a\n", "does not parse"),
        (b"x = f'{a!r:{width}} {b}'\nimport a\n", ""),
        (b"x = f'{a[\"k\"]:>{w}}'\nimport a\n", ""),
        (b'x = f"""{\n# a } in a comment\na}"""\nimport a\n', ""),
        (b"x = f'{{}} {a}'\nimport a\n", ""),
        (b"x = f'{f\"{a}\"}'\nimport a\n", ""),
        (b"x = f'{a\n", "does not parse"),
        (b"one two\nimport a\n", "does not parse"),
        (b"x = 1\nprint x\n", "does not parse"),
        (b"x = = 1\n", "does not parse"),
        (b"x = a?\n", "does not parse"),
        (b"!ls\n", "does not parse"),
        (b"x = a != b\nmatch x:\n    case y:\n        pass\ntype = 1\n", ""),
        (b"import a . b as c\n", ""),
        (b"import a as\n", "does not parse"),
        (b"from a import (b, c\n", "does not parse"),
        (b"from a import (b,  # one\n    c as d,\n)\n", ""),
        (b"from a \\\n    import b\n", ""),
        (b"import a.b \\\n    as c\n", ""),
        (b"x = 1; import a; from b import c\n", ""),
        (b"def f[T](x: T) -> T: ...\nimport a\nimport_module(x)\n", ""),
    ],
)
def test_any_bytes_are_read_or_said_to_be_broken(data: bytes, broken: str) -> None:
    facts = extract(data)
    assert facts.broken.startswith(broken)
    assert bool(facts.broken) == bool(broken)


def test_deep_nesting_is_no_crash() -> None:
    deep = "import_module(x)\n" + "(" * 3000 + ")" * 3000
    facts = extract(deep.encode())
    assert facts.broken or facts.dynamic


@pytest.mark.parametrize(
    "text",
    [
        # a name bound time and again to what is made from itself and others
        "path = path.parent / other\nother = path / other / path\n" * 40
        + "for m in pkgutil.iter_modules([path, other]):\n    import_module(m.name)\n",
        "name = name.strip() + other\nother = name or other or name\n" * 40
        + "import_module(name)\n",
        "".join(f"p{n} = p{n + 1} / p{n + 1} / p{n + 1}\n" for n in range(40))
        + "runpy.run_path(p0)\nimport_module(p0)\n",
        "".join(f"def _f{n}(a):\n    _f{n + 1}(a)\n    _f{n + 1}(a)\n" for n in range(40))
        + "def _f40(a):\n    import_module(a)\n_f0('one')\n",
    ],
)
def test_names_made_from_names_take_no_time(text: str) -> None:
    facts = extract(text.encode())  # would not end if each use were followed anew
    assert facts.dynamic


def test_settings_of_pytest_are_read() -> None:
    text = b"""
[tool.pytest.ini_options]
addopts = "-p plugin.one -p no:cacheprovider"
pythonpath = ["src", "."]
DJANGO_SETTINGS_MODULE = "site.settings"
"""
    facts = extract_config(text)
    assert {"plugin.one", "site.settings"} <= set(facts.words)
    assert "no" not in facts.words
    assert set(facts.paths) == {"src", "."}
    assert extract_config(b"[tool.other]\n") == Facts()


def test_long_lines_and_long_strings_take_no_time() -> None:
    line = "import a;" * 20_000 + "from b import c\n"
    facts = extract(line.encode())
    assert facts.imports == (("a", ()), ("b", ("c",)))
    joined = "X = (\n" + '    "abc.def"\n' * 20_000 + ")\nimport a\n"
    assert extract(joined.encode()).imports == (("a", ()),)


def test_line_ends_are_folded() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"
