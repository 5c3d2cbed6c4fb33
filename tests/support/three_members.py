"""Three members, of which `b` may use `a`, and `c` both."""

from __future__ import annotations

from tests.support.snapshots import member

A = member("libs/a")
B = member("libs/b", "a")
C = member("libs/c", "b", "a")
ALL = (A, B, C)
X = "libs/a/src/a/x.py"
PACKAGE = {
    "libs/a/src/a/__init__.py": "",
    X: "VALUE = 1\n",
    "libs/a/src/a/y.py": "",
    "libs/b/src/b/__init__.py": "",
    "libs/c/src/c/__init__.py": "",
}
DYNAMIC = "import importlib\n\n\ndef load(name):\n    return importlib.import_module(name)\n"
