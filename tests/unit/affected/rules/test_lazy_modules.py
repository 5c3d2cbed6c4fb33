"""What modules that import on demand (PEP 562) say of it."""

from __future__ import annotations

import pytest

from tradai_tasks.affected.rules.fact_extraction import extract
from tradai_tasks.affected.rules.kinds.lazy_modules import uses_of

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
        ("# this isn't\n# api.Client\n", set()),
        ("f'{api.Client}'\n", {("Client",)}),
        ("apis.Client\nmy.api.Client\n", set()),
    ],
)
def test_what_a_file_takes_from_a_module_that_it_holds(
    text: str, uses: set[tuple[str, ...]]
) -> None:
    assert uses_of(text, "api") == uses


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
