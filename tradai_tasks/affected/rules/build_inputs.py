"""Recognise files that a package is built from, other than its Python code.

Whoever depends on the package installs what is built from them.
"""

from __future__ import annotations

import re

# Anywhere in the package: code of other languages, and what is turned into modules.
_SOURCE = re.compile(
    r".*\.(c|cc|cmake|cpp|cu|cuh|cxx|f|f90|fbs|g4|go|h|hh|hpp|hxx|i|pxd|pxi|proto|pyx|rs|swg|thrift|"
    r"zig)|(.*/)?(CMakeLists\.txt|Cargo\.(toml|lock)|go\.(mod|sum)|meson\.build|meson[._]options(\.txt)?)"
)
# Next to pyproject.toml: what build backends run or read.
_SCRIPT = re.compile(r"setup\.cfg|MANIFEST\.in|[^/]*(build|setup)[^/]*\.py")
_NOT_BUILT = re.compile(r"(.*/)?(benchmarks|docs|examples|samples|test|tests)/.*")


def is_build_input(path: str) -> bool:
    """Tell whether a package is built from a file that is not Python code.

    Args:
        path: From the package's folder.
    """
    if _SCRIPT.fullmatch(path):
        return True
    return _SOURCE.fullmatch(path) is not None and not _NOT_BUILT.fullmatch(path)
