# ruff: noqa: E501, ISC004 - a table of short programs is read by row
"""Ways in which code keeps an answer under a key, so that a later test file does not compute it.

Each is the text of a module with a container C, and a call of it for the key K. The module also has
`fill(k)`, which calls `fill_a()` or `fill_b()`.
"""

from __future__ import annotations

_WRAPPER = """
class Wrapper:
    def __init__(self, d=None): self.d = {} if d is None else d
    def get(self, k): return self.d.get(k)
    def put(self, k, v): self.d[k] = v
"""
_SHOP = "class Shop:\n    def __init__(self, c=None): self.c = C if c is None else c\n"
_METHODS = {
    "in": "if k not in self.c: self.c[k] = fill(k)",
    "get": "return self.c.get(k) or self.c.setdefault(k, fill(k))",
    "variable": "c = self.c\n        if k not in c: c[k] = fill(k)",
    "error": "try: return self.c[k]\n        except KeyError: self.c[k] = fill(k)",
    "update": "if k in self.c: return\n        self.c.update({k: fill(k)})",
}
_LISTS = {
    "append": "for x in self.c:\n            if x == k: return\n        fill(k); self.c.append(k)",
    "left": "if not any(x == k for x in self.c): self.c.insert(0, fill(k))",
    "heap": "if k not in self.c: __import__('heapq').heappush(self.c, fill(k))",
}
_GET_PUT = "v = {0}.get(k)\n    if v is None:\n        v = fill(k); {0}.put(k, v)\n    return v"
KEPT = {
    **{f"method_{n}": (f"C = {{}}\n{_SHOP}    def f(self, k):\n        {body}", "Shop().f(K)")
       for n, body in _METHODS.items()},
    **{f"list_{n}": (f"C = []\n{_SHOP}    def f(self, k):\n        {body}", "Shop().f(K)")
       for n, body in _LISTS.items()},
    "given": (f"C = {{}}\n{_SHOP}    def f(self, k):\n        {_METHODS['in']}", "Shop(m.C).f(K)"),
    "wrapper": (f"{_WRAPPER}C = Wrapper()\ndef f(c, k):\n    {_GET_PUT.format('c')}", "f(m.C, K)"),
    "wrapper_of_shared": (
        f"{_WRAPPER}C = {{}}\nclass Shop:\n    def __init__(self): self.c = Wrapper(C)\n"
        "    def f(self, k): return g(self, k)\n"
        f"def g(self, k):\n    {_GET_PUT.format('self.c')}",
        "Shop().f(K)",
    ),
    "functions": (
        "C = {}\ndef look(k): return C.get(k)\ndef keep(k, v): C[k] = v\n"
        "def f(k):\n    v = look(k)\n    if v is None:\n        v = fill(k); keep(k, v)\n    return v",
        "f(K)",
    ),
    "library": (
        "from email.message import Message\nC = Message()\n"
        "def f(c, k):\n    if k not in c: c.add_header(k, fill(k))",
        "f(m.C, K)",
    ),
    "parameter": ("C = {}\ndef f(c, k):\n    if k not in c: c[k] = fill(k)", "f(m.C, K)"),
    "arguments": ("C = {}\ndef f(*c):\n    if c[1] not in c[0]: c[0][c[1]] = fill(c[1])", "f(m.C, K)"),
    "options": (
        "C = {}\ndef f(k, **o):\n    for c in o.values():\n        if k not in c: c[k] = fill(k)",
        "f(K, c=m.C)",
    ),
    "slots": (
        "C = {}\nclass Shop:\n    __slots__ = ('c',)\n    def __init__(self): self.c = C\n"
        f"    def f(self, k):\n        {_METHODS['in']}",
        "Shop().f(K)",
    ),
    "borg": (
        "C = {}\nclass Shop:\n    def __init__(self): self.__dict__ = C\n"
        "    def f(self, k):\n        if not hasattr(self, k): setattr(self, k, fill(k))",
        "Shop().f(K)",
    ),
    "deep": (
        "class At: pass\nC = At(); C.k = {}\nclass Shop:\n"
        "    def __init__(self): self.a = At(); self.a.b = At(); self.a.b.c = C\n"
        "    def f(self, k):\n        if k not in self.a.b.c.k: self.a.b.c.k[k] = fill(k)",
        "Shop().f(K)",
    ),
    "items": (
        "C = {'x': {}}\nclass Shop:\n    def __init__(self): self.c = [C]\n"
        "    def f(self, k):\n        if k not in self.c[0]['x']: self.c[0]['x'][k] = fill(k)",
        "Shop().f(K)",
    ),
    "named_tuple": (
        "import typing\nC = {}\nclass Shop(typing.NamedTuple):\n    c: dict\n"
        f"    def f(self, k):\n        {_METHODS['in']}",
        "Shop(m.C).f(K)",
    ),
    "tuple": ("C = ({},)\ndef f(c, k):\n    if k not in c[0]: c[0][k] = fill(k)", "f(m.C, K)"),
    "closure": (
        "C = {}\nclass Shop:\n    def __init__(self): self.g = lambda: C\n"
        "    def f(self, k):\n        c = self.g()\n        if k not in c: c[k] = fill(k)",
        "Shop().f(K)",
    ),
    "flag": (
        "class At:\n    done = False\n    def mark(self): self.done = True\n"
        "C = {'a': At(), 'b': At()}\nclass Shop:\n    def __init__(self, k): self.at = C[k]\n"
        "    def f(self, k):\n        if not self.at.done:\n            fill(k); self.at.mark()",
        "Shop(K).f(K)",
    ),
    "replaced": (
        "class At:\n    def __init__(self): self.c = {}\nC = At()\n"
        "def f(c, k):\n    if k not in c.c: c.c = {**c.c, k: fill(k)}",
        "f(m.C, K)",
    ),
    "after_init": (
        "import dataclasses\nC = {}\n@dataclasses.dataclass\nclass Shop:\n    k: str\n"
        "    c: dict = dataclasses.field(default_factory=lambda: C)\n"
        "    def __post_init__(self):\n        if self.k not in self.c: self.c[self.k] = fill(self.k)",
        "Shop(K)",
    ),
}  # fmt: skip
_FILL = """def fill_a(): return 'a'
def fill_b(): return 'b'
def fill(k): return fill_a() if k == 'a' else fill_b()
"""


# A class of a test is let go, whatever was recorded of its objects.
_LIVES = """def test():
    import gc, weakref
    from kept import method_in
    class Own(method_in.Shop):
        pass
    Own({}).f('a')
    known = weakref.ref(Own)
    del Own
    gc.collect()
    assert known() is None
"""


def kept_files() -> dict[str, str]:
    """Return modules `kept/NAME.py`, two test files that call each, and one more, by path.

    The first asks for both keys, the second finds what the first left for `b`.
    """
    files = {f"kept/{name}.py": f"{_FILL}{text}\n" for name, (text, _) in KEPT.items()}
    for test, keys in (("one", "ab"), ("two", "b")):
        tests = (
            f"def test_{name}():\n    from kept import {name} as m\n"
            + "".join(f"    m.{call.replace('K', repr(key))}\n" for key in keys)
            for name, (_, call) in KEPT.items()
        )
        files[f"tests/test_{test}.py"] = "".join(tests)
    files["tests/test_lives.py"] = _LIVES
    return files
