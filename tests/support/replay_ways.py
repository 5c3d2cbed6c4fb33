"""Ways in which a test's outcome depends on something, in any number and any state.

A way has four states. Its files are written for one of them, and the test that has it fails in the
last two: an edit goes from one state to another. Texts of one path, of several ways, make one file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

CODE, BASE, TESTS = "libs/shop/src/shop", "libs/base/src/base", "libs/shop/tests"
STATES = 4
_DATA = '(Path(__file__).parent / "data" / "{name}").read_text()'


@dataclass(frozen=True)
class Way:
    """One way: what a test evaluates, and the files that decide its value."""

    value: str  # expression, of the way's state: a number below 4
    files: Callable[[int], Mapping[str, str]]  # state -> texts by path
    setup: str = ""  # statements before the test function
    argument: str = ""  # the fixture that the test asks for
    variable: str = ""  # that is set to the state


# Lines of a function that depend on its state, so that what is covered does as well.
def _branches(state: str, indent: str = "    ") -> str:
    lines = [
        f"value = int({state})", "if value == 1:", "    value += 0", "elif value > 1:",
        "    for one in range(value):", "        value += one * 0", "return value",
    ]  # fmt: skip
    return "".join(f"{indent}{line}\n" for line in lines)


def _function(name: str, state: str) -> str:
    return f"\n\ndef {name}():\n{_branches(state)}"


def _module(k: int) -> str:
    """Return the module of a way: several ways share one."""
    return f"hub{k % 3}"


def ways() -> Mapping[str, Callable[[int], Way]]:
    """Return what makes a way of each kind, from its number."""
    return {**_code(), **_data(), **_fixtures(), **_imports()}


def _code() -> Mapping[str, Callable[[int], Way]]:
    def of(text: str, value: str) -> Callable[[int], Way]:
        """Return a way whose code is in a module; `{k}` and `{s}` are number and state."""

        def make(k: int) -> Way:
            def files(state: int) -> Mapping[str, str]:
                body = text.replace("{k}", str(k)).replace("{s}", str(state))
                return {f"{CODE}/{_module(k)}.py": body}

            module = _module(k)
            called = value.replace("{k}", str(k)).replace("{m}", module)
            return Way(called, files, f"from shop import {module}\n")

        return make

    wrap = (
        "\n\ndef up{k}(f):\n    def inner():\n        return f() + {s}\n    return inner\n"
        "\n\n@up{k}\ndef wrapped{k}():\n    return 0\n"
    )
    return {
        "function": of(_function("plain{k}", "{s}"), "{m}.plain{k}()"),
        "constant": of("\n\nC{k} = {s}\n" + _function("read{k}", "C{k}"), "{m}.read{k}()"),
        "default": of("\n\ndef given{k}(x={s}):\n" + _branches("x"), "{m}.given{k}()"),
        "decorator": of(wrap, "{m}.wrapped{k}()"),
        "attribute": of(
            "\n\nclass A{k}:\n    rate = {s}\n\n    def get(self):\n"
            + _branches("self.rate", "        "),
            "{m}.A{k}().get()",
        ),
        "property": of(
            "\n\nclass P{k}:\n    @property\n    def rate(self):\n" + _branches("{s}", "        "),
            "{m}.P{k}().rate",
        ),
        "inherited": of(
            "\n\nclass U{k}:\n    def get(self):\n        return {s}\n"
            "\n\nclass L{k}(U{k}):\n    pass\n",
            "{m}.L{k}().get()",
        ),
        "registry": of(
            "\n\nALL{k} = []\n\n\ndef add{k}(f):\n    ALL{k}.append(f)\n    return f\n"
            "\n\n@add{k}\ndef one{k}():\n    return {s}\n",
            "{m}.ALL{k}[0]()",
        ),
        "subclass": of(
            "\n\nclass S{k}:\n    known = []\n\n    def __init_subclass__(cls):\n"
            "        cls.known.append({s})\n\n\nclass T{k}(S{k}):\n    pass\n",
            "{m}.S{k}.known[0]",
        ),
        "lambda": of("\n\npick{k} = lambda: {s}\n", "{m}.pick{k}()"),
        "comprehension": of(
            "\n\ndef many{k}():\n    return sum(one for one in [{s}])\n", "{m}.many{k}()"
        ),
        "generator": of(
            "\n\ndef flow{k}():\n    yield {s}\n    yield 9\n", "next(iter({m}.flow{k}()))"
        ),
        "coroutine": of(
            "\n\nasync def wait{k}():\n" + _branches("{s}"),
            "__import__('asyncio').run({m}.wait{k}())",
        ),
        "cached": of(
            "\n\n@lru_cache\ndef memo{k}():\n    return deep{k}()\n" + _function("deep{k}", "{s}"),
            "{m}.memo{k}()",
        ),
        "remembered": of(
            "\n\n_KEPT{k} = {}\n\n\ndef keep{k}():\n    if 'x' not in _KEPT{k}:\n"
            "        _KEPT{k}['x'] = far{k}()\n    return _KEPT{k}['x']\n"
            + _function("far{k}", "{s}"),
            "{m}.keep{k}()",
        ),
        "global": of(
            "\n\n_now{k} = None\n\n\ndef once{k}():\n    global _now{k}\n"
            "    if _now{k} is None:\n        _now{k} = first{k}()\n    return _now{k}\n"
            + _function("first{k}", "{s}"),
            "{m}.once{k}()",
        ),
        "class memory": of(
            "\n\nclass M{k}:\n    kept = None\n\n    @classmethod\n    def get(cls):\n"
            "        if cls.kept is None:\n            cls.kept = root{k}()\n"
            "        return cls.kept\n" + _function("root{k}", "{s}"),
            "{m}.M{k}.get()",
        ),
        "instance memory": of(
            "\n\nclass I{k}:\n    def __init__(self):\n        self.kept = None\n\n"
            "    def get(self):\n        if self.kept is None:\n"
            "            self.kept = base{k}()\n        return self.kept\n"
            "\n\nONE{k} = I{k}()\n" + _function("base{k}", "{s}"),
            "{m}.ONE{k}.get()",
        ),
        "while imported": of(
            _function("early{k}", "{s}") + "\n\nE{k} = early{k}()\n", "{m}.E{k}"
        ),
        "source": of(
            "\n\ndef shown{k}():\n    # {s}\n    return 0\n",
            "int(__import__('inspect').getsource({m}.shown{k}).split('# ')[1][0])",
        ),
        "docstring": of('\n\ndef told{k}():\n    """{s}"""\n', "int({m}.told{k}.__doc__)"),
        "exception": of(
            "\n\ndef tried{k}():\n    try:\n        return [0][{s}] + {s}\n"
            "    except IndexError:\n        return {s}\n",
            "{m}.tried{k}()",
        ),
        "nested": of(
            "\n\ndef outer{k}():\n    def inner():\n        return {s}\n\n    return inner\n",
            "{m}.outer{k}()()",
        ),
    }  # fmt: skip


def _data() -> Mapping[str, Callable[[int], Way]]:
    def own(k: int) -> Way:
        value = f"int({_DATA.format(name=f'own{k}.txt')})"
        return Way(value, lambda s: {f"{TESTS}/data/own{k}.txt": str(s)})

    def librarys(k: int) -> Way:
        text = f'\n\ndef table{k}():\n    return int((HERE / "t{k}.txt").read_text())\n'
        module = _module(k)
        return Way(
            f"{module}.table{k}()",
            lambda s: {f"{CODE}/{module}.py": text, f"{CODE}/t{k}.txt": str(s)},
            f"from shop import {module}\n",
        )

    def cached(k: int) -> Way:
        text = f'\n\n@lru_cache\ndef rates{k}():\n    return int((HERE / "r{k}.txt").read_text())\n'
        module = _module(k)
        return Way(
            f"{module}.rates{k}()",
            lambda s: {f"{CODE}/{module}.py": text, f"{CODE}/r{k}.txt": str(s)},
            f"from shop import {module}\n",
        )

    def resource(k: int) -> Way:
        value = f"int(files('shop').joinpath('q{k}.txt').read_text())"
        return Way(
            value,
            lambda s: {f"{CODE}/q{k}.txt": str(s)},
            "from importlib.resources import files\n",
        )

    def helper(k: int) -> Way:
        value = f'int(hub.read(Path(__file__).parent / "data" / "h{k}.txt"))'
        text = "\n\ndef read(path):\n    return path.read_text()\n"
        return Way(
            value,
            lambda s: {f"{CODE}/hub.py": text, f"{TESTS}/data/h{k}.txt": str(s)},
            "from shop import hub\n",
        )

    def listing(k: int) -> Way:
        folder = f"{TESTS}/list{k}"
        value = f'len(list((Path(__file__).parent / "list{k}").glob("*.txt"))) - 1'
        return Way(value, lambda s: {f"{folder}/{n}.txt": "" for n in range(s + 1)})

    def presence(k: int) -> Way:
        value = f'2 * (Path(__file__).parent / "data" / "there{k}.txt").exists()'
        return Way(value, lambda s: {f"{TESTS}/data/there{k}.txt": ""} if s > 1 else {})

    def fallback(k: int) -> Way:
        text = (
            f'\n\ndef maybe{k}():\n    try:\n        return int((HERE / "f{k}.txt").read_text())\n'
            f"    except OSError:\n        return 0\n"
        )
        module = _module(k)
        return Way(
            f"{module}.maybe{k}()",
            lambda s: {f"{CODE}/{module}.py": text} | ({f"{CODE}/f{k}.txt": str(s)} if s else {}),
            f"from shop import {module}\n",
        )

    def variable(k: int) -> Way:
        return Way(
            f'int(os.environ.get("SHOP_{k}", "0"))', lambda _: {}, "import os\n", "", f"SHOP_{k}"
        )

    def child(k: int) -> Way:
        value = (
            f"int(subprocess.run([sys.executable, '-c', 'import shop.child{k} as c; "
            f"print(c.get())'], capture_output=True, check=True, text=True).stdout)"
        )
        text = f"from pathlib import Path\n\n\ndef get():\n    return {_DATA}\n"
        path = f"{CODE}/child{k}.py"
        return Way(
            value,
            lambda s: {path: text.format(name=f"c{k}.txt"), f"{CODE}/data/c{k}.txt": str(s)},
            "import subprocess\nimport sys\n",
        )

    def thread(k: int) -> Way:
        value = f'next(ThreadPoolExecutor(1).map(open, [str(DATA / "w{k}.txt")])).read()'
        setup = (
            "from concurrent.futures import ThreadPoolExecutor\n"
            'DATA = Path(__file__).parent / "data"\n'
        )
        return Way(f"int({value})", lambda s: {f"{TESTS}/data/w{k}.txt": str(s)}, setup)

    return {
        "own data": own, "library's data": librarys, "cached data": cached, "resource": resource,
        "read by a helper": helper, "listing": listing, "presence": presence,
        "fallback": fallback, "variable": variable, "child": child, "thread": thread,
    }  # fmt: skip


def _fixtures() -> Mapping[str, Callable[[int], Way]]:
    def of(scope: str, *, reads: bool) -> Callable[[int], Way]:
        def make(k: int) -> Way:
            source = _DATA.format(name=f"x{k}.txt") if reads else f"{_module(k)}.stock{k}()"
            imported = "" if reads else f"    from shop import {_module(k)}\n"
            fixture = (
                f'\n\n@pytest.fixture(scope="{scope}")\ndef fixture{k}():\n'
                f"{imported}    yield int({source})\n"
            )

            def files(state: int) -> Mapping[str, str]:
                made = (
                    {f"{TESTS}/data/x{k}.txt": str(state)}
                    if reads
                    else {f"{CODE}/{_module(k)}.py": _function(f"stock{k}", str(state))}
                )
                return {f"{TESTS}/conftest.py": fixture, **made}

            return Way(f"fixture{k}", files, "", f"fixture{k}")

        return make

    def autouse(k: int) -> Way:
        text = (
            f"\n\n@pytest.fixture(autouse=True)\ndef auto{k}(monkeypatch):\n"
            f'    monkeypatch.setattr("shop.LEVEL", {{s}}, raising=False)\n'
        )
        return Way(
            "shop.LEVEL",
            lambda s: {f"{TESTS}/conftest.py": text.replace("{s}", str(s))},
            "import shop\n",
        )

    found = {
        f"{scope} fixture{' of data' if reads else ''}": of(scope, reads=reads)
        for scope in ("session", "package", "module", "class", "function")
        for reads in (False, True)
    }
    return {**found, "autouse": autouse}


def _imports() -> Mapping[str, Callable[[int], Way]]:
    def of(text: Callable[[int, int], Mapping[str, str]], value: str, setup: str = "") -> Callable[[int], Way]:  # fmt: skip # noqa: E501 - one signature
        def make(k: int) -> Way:
            return Way(
                value.replace("{k}", str(k)), lambda s: text(k, s), setup.replace("{k}", str(k))
            )

        return make

    optional = "\n\ndef extra{k}():\n    try:\n        from shop import bonus{k}\n    except ImportError:\n        return 0\n    return bonus{k}.V\n"  # noqa: E501 - a program
    lazy = (
        "import importlib\n\n\ndef __getattr__(name):\n    if name == 'V':\n"
        "        return importlib.import_module(f'shop.behind{k}').V\n"
        "    raise AttributeError(name)\n"
    )

    def plugins(k: int, s: int) -> Mapping[str, str]:
        package = "import pkgutil\n\nNAMES = [one.name for one in pkgutil.iter_modules(__path__)]\n"
        files = {f"{CODE}/plug{k}/p{n}.py": "" for n in range(s)}
        return {f"{CODE}/plug{k}/__init__.py": package, **files}

    def shadow(k: int, s: int) -> Mapping[str, str]:
        over = {f"{CODE}/twin{k}/__init__.py": f"V = {s}\n"} if s else {}
        return {f"{CODE}/twin{k}.py": "V = 0\n", **over}

    return {
        "optional": of(
            lambda k, s: {f"{CODE}/more{k}.py": optional.replace("{k}", str(k))}
            | ({f"{CODE}/bonus{k}.py": f"V = {s}\n"} if s else {}),
            "more{k}.extra{k}()", "from shop import more{k}\n",
        ),
        "shadow": of(shadow, "twin{k}.V", "from shop import twin{k}\n"),
        "plugins": of(plugins, "len(plug{k}.NAMES)", "from shop import plug{k}\n"),
        "computed": of(
            lambda k, s: {f"{CODE}/comp{k}.py": f"V = {s}\n"},
            "importlib.import_module('shop.' + 'comp{k}').V", "import importlib\n",
        ),
        "module getattr": of(
            lambda k, s: {
                f"{CODE}/lazy{k}.py": lazy.replace("{k}", str(k)),
                f"{CODE}/behind{k}.py": f"V = {s}\n",
            },
            "lazy{k}.V", "from shop import lazy{k}\n",
        ),
        "star": of(
            lambda k, s: {
                f"{CODE}/star{k}.py": f"from shop.deep{k} import *\n",
                f"{CODE}/deep{k}.py": f"V = {s}\n",
            },
            "star{k}.V", "from shop import star{k}\n",
        ),
        "chain": of(
            lambda k, s: {
                f"{CODE}/over{k}.py": f"from base import under{k}\n\n\ndef get():\n"
                f"    return under{k}.get()\n",
                f"{BASE}/under{k}.py": f"def get():\n{_branches(str(s))}",
            },
            "over{k}.get()", "from shop import over{k}\n",
        ),
        "relative": of(
            lambda k, s: {
                f"{CODE}/sub{k}/__init__.py": "from .leaf import V\n",
                f"{CODE}/sub{k}/leaf.py": f"V = {s}\n",
            },
            "sub{k}.V", "from shop import sub{k}\n",
        ),
        "namespace": of(
            lambda k, s: {f"{CODE}/space{k}/leaf.py": f"V = {s}\n"},
            "leaf.V", "from shop.space{k} import leaf\n",
        ),
        "in a function": of(
            lambda k, s: {
                f"{CODE}/late{k}.py": f"def get():\n    from base import low{k}\n\n"
                f"    return low{k}.V\n",
                f"{BASE}/low{k}.py": f"V = {s}\n",
            },
            "late{k}.get()", "from shop import late{k}\n",
        ),
        "executed": of(
            lambda k, s: {f"{TESTS}/data/run{k}.txt": f"V = {s}\n"},
            'runpy.run_path(str(Path(__file__).parent / "data" / "run{k}.txt"))["V"]',
            "import runpy\n",
        ),
        "helper of tests": of(
            lambda k, s: {f"{TESTS}/helper{k}.py": f"def get():\n{_branches(str(s))}"},
            "helper{k}.get()", "import helper{k}\n",
        ),
    }  # fmt: skip
