"""Facts about paths: where they may start, whose tests a file runs, what it does to sys.path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks

# Texts that give the place of a package, or the working directory of a command.
_PLACED = frozenset(
    {".__file__", ".__path__", ".origin", "chdir(", "cwd=", "files(", "getfile(", '"cd ', "'cd "}
    | {"getsourcefile(", "get_data", "pkg_resources", "resources", "submodule_search_locations"}
)
_MODULE_OPTIONS = frozenset({'"-m"', "'-m'"})
_FINDERS = frozenset({"FileFinder", "PathFinder"})
_SCRIPTS = frozenset({'.py"', ".py'", *_MODULE_OPTIONS, *_FINDERS})
_SCRIPT = re.compile(r"""["']\.?/?([\w.-]+\.py)["']""")
_RUNS_TESTS = frozenset(
    [
        *("pytest.main(", "pytest.console_main(", "-m pytest", "-m unittest"),
        *('"pytest"', "'pytest'", '"unittest"', "'unittest'", '"pytest ', "'pytest "),
    ]
)
_JOINED = re.compile(r"""/\s*["']([\w.-]+)["']""")  # `ROOT / "a"`: a folder by its name alone
_DISCOVER = "discover("
_TESTERS = frozenset({"pytest", "unittest"})
# Calls that list the files of a folder.
_LISTINGS = frozenset(
    [".glob(", ".rglob(", "iterdir(", "listdir(", "scandir(", "os.walk(", "find_examples("]
)
_FOLDER = re.compile(r"""["']([\w-]{2,40}(?:\.(?:md|rst))?)["']""")
# Stands for the modules among what is listed, whose text a test reads.
SOURCES = "*.py"
_SOURCES = re.compile(r"""["'](?:[^"'\n]*\*)?\.py["']""")
# Not extend_path(): what it finds lies below source roots, under the package's own name.
_EXTENDS = re.compile(
    r"__path__\s*(?:\+=|=(?!=)(?!.*extend_path)|\.(?:append|extend|insert)\(|\[.*\]\s*=)"
)
_PATH = "__path__"
_MOVERS = frozenset({"sys.path", "addsitedir", "syspath_prepend", *_FINDERS})
MARKS = frozenset(
    {*_PLACED, *_SCRIPTS, *_RUNS_TESTS, *_TESTERS, *_LISTINGS, *_MOVERS, _DISCOVER, _PATH}
)


def path_facts(text: str, marks: Marks, paths: Sequence[str]) -> dict[str, Any]:
    """Return the facts of a file that concern paths, as fields of `Facts`."""
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
        found["paths"] = (*found.get("paths", paths), *_JOINED.findall(text))
    if here & _LISTINGS:
        sources = [SOURCES] if _SOURCES.search(text) else []
        found["listed"] = tuple(dict.fromkeys([*sources, *_FOLDER.findall(text)]))
    if _PATH in here and _EXTENDS.search(text):
        found["extends_path"] = True
    return found


def moves_path(marks: Marks) -> bool:
    """Tell whether a file changes where imports are looked for: sys.path, finders, a `cwd`."""
    here = marks.keys()
    return bool(here & _MOVERS) or ("cwd=" in here and bool(here & _MODULE_OPTIONS))
