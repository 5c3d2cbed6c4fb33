"""Where the paths of a Python file may begin, what it does to packages, whose tests it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tradai_tasks.affected.rules.trigger_words import Marks

__all__ = ["MARKS", "SOURCES", "moves_path", "surroundings"]

# What says where a package lies, or where a command is run.
_PLACED = frozenset(
    [
        ".__file__",
        ".__path__",
        ".origin",
        "chdir(",
        "cwd=",
        "files(",
        "getfile(",
        "getsourcefile(",
        "submodule_search_locations",
    ]
)
_MODULE_OPTIONS = frozenset({'"-m"', "'-m'"})
_FINDERS = frozenset({"FileFinder", "PathFinder"})
_SCRIPTS = frozenset({'.py"', ".py'", *_MODULE_OPTIONS, *_FINDERS})
_SCRIPT = re.compile(r"""["']((?:\./)?[\w.-]+\.py)["']""")
_RUNS_TESTS = frozenset(
    [
        *("pytest.main(", "pytest.console_main(", "-m pytest", "-m unittest"),
        *('"pytest"', "'pytest'", '"unittest"', "'unittest'", '"pytest ', "'pytest "),
    ]
)
_DISCOVER = "discover("
_TESTERS = frozenset({"pytest", "unittest"})
# What lists the files of a folder; of what it names, folders and documents count.
_LISTINGS = frozenset(
    [".glob(", ".rglob(", "iterdir(", "listdir(", "scandir(", "os.walk(", "find_examples("]
)
_FOLDER = re.compile(r"""["']([\w-]{2,40}(?:\.(?:md|rst))?)["']""")
# Among what is listed: modules too, of which a test reads the text.
SOURCES = "*.py"
_SOURCES = re.compile(r"""["'](?:[^"'\n]*\*)?\.py["']""")
# What extend_path() finds lies below source roots, by the package's own name.
_EXTENDS = re.compile(
    r"__path__\s*(?:\+=|=(?!=)(?!.*extend_path)|\.(?:append|extend|insert)\(|\[.*\]\s*=)"
)
_PATH = "__path__"
_MOVERS = frozenset({"sys.path", "addsitedir", "syspath_prepend", *_FINDERS})
MARKS = frozenset(
    {*_PLACED, *_SCRIPTS, *_RUNS_TESTS, *_TESTERS, *_LISTINGS, *_MOVERS, _DISCOVER, _PATH}
)


def surroundings(text: str, marks: Marks, paths: Sequence[str]) -> dict[str, Any]:
    """Return what a file says beside its imports, as fields of its facts.

    Args:
        text: The file's.
        marks: Which texts stand in it, of `MARKS` at least.
        paths: The paths in it.
    """
    found: dict[str, Any] = {}
    if MARKS.isdisjoint(marks):
        return found
    here = marks.keys()
    if here & _SCRIPTS and here & _PLACED:
        found |= {
            "is_placed": True,
            "paths": tuple(dict.fromkeys((*paths, *_SCRIPT.findall(text)))),
        }
    if here & _RUNS_TESTS or (_DISCOVER in here and here & _TESTERS):
        found["runs_folders"] = True
    if here & _LISTINGS:
        sources = [SOURCES] if _SOURCES.search(text) else []
        found["listed"] = tuple(dict.fromkeys([*sources, *_FOLDER.findall(text)]))
    if _PATH in here and _EXTENDS.search(text):
        found["extends_path"] = True
    return found


def moves_path(marks: Marks) -> bool:
    """Tell whether a file changes what imports find: sys.path, finders, a working directory."""
    here = marks.keys()
    return bool(here & _MOVERS) or ("cwd=" in here and bool(here & _MODULE_OPTIONS))
