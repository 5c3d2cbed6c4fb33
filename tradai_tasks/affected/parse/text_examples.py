"""Extract facts from examples in docstrings and documents, from data files and scripts."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Iterator

from tradai_tasks.affected.parse.dotted_names import inner_name
from tradai_tasks.affected.parse.facts import Facts, Import
from tradai_tasks.affected.parse.import_scanner import imports_in

# Modules that run examples in documents and in docstrings of other modules.
RUNNERS = frozenset(
    {"doctest", "markdown_pytest", "mktestdocs", "nbclient", "nbconvert", "nbformat"}
    | {"papermill", "pytest_examples", "sybil", "testbook", "xdoctest"}
)
# A module without these has no such examples.
PROMPT = ">>> "
FENCE = "```"
MARKS = RUNNERS | {PROMPT, FENCE}
_NOTEBOOK = ".ipynb"
_DOCUMENTS = (".md", ".rst", ".txt", _NOTEBOOK)
_DATA = (".cfg", ".conf", ".ini", ".json", ".jsonc", ".toml", ".xml", ".yaml", ".yml")
# Files that a test runs, or makes code of.
_SHELL = (".bash", ".mk", ".sh")
_RECIPES = frozenset({"GNUmakefile", "Justfile", "Makefile", "Procfile", "justfile", "makefile"})
_TEMPLATES = (
    *(".env", ".flaskenv", ".j2", ".jinja", ".jinja2", ".mako", ".pth", ".pyx", ".tmpl", ".tpl"),
)
# Files of tools, which read no names of modules from them that tests load.
_NOT_DATA = frozenset(
    {".pre-commit-config.yaml", "mkdocs.yml", "package-lock.json", "package.json"}
    | {"pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", "uv.lock"}
)
# Recorded answers of servers: they are many and long, and name nothing to load.
_RECORDED = re.compile(r"(?:^|/)(?:cassettes|node_modules|__snapshots__)/")
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)[ \t]([^\n]*)", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```[ \t]*\{?\.?py[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
CALL_INSIDE = re.compile(r"""(?:__import__|import_module)\(\s*["']([^\W\d][\w.]*)["']""")
_DOTTED = re.compile(rb"(?<![\w./\\@-])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?![\w/\\@-])")
_DOT = re.compile(rb"\.[A-Za-z_]")
_OF_WORDS = f"{string.ascii_letters}{string.digits}_".encode()
# The pattern begins with a character: that is searched faster than what precedes it.
_RUN_MODULE = re.compile(r"-(?<!\S-)[a-zA-Z]*m[ =]([A-Za-z_][\w.]*)")
_RUN_CODE = re.compile(r"""-(?<!\S-)[a-zA-Z]*c\s+\\?(["'])(.+?)\\?\1""")
_LONGEST = 120  # characters of a module's name
_ATTRIBUTE = re.compile(r":[A-Za-z_]\w*")
_SERVED = re.compile(r"\s([A-Za-z_][\w.]*)$")
_SCRIPT = re.compile(r"[\w./-]+\.py\b")
# Endings of names of files, which are no names of modules.
_ENDINGS = (
    *(b".cfg", b".ini", b".json", b".md", b".py"),
    *(b".rst", b".toml", b".txt", b".yaml", b".yml"),
)


def is_data(path: str) -> bool:
    """Tell whether a file may hold the names of modules that something loads."""
    return (
        (path.endswith(_DATA + _SHELL + _TEMPLATES) or is_script(path))
        and path.rpartition("/")[2] not in _NOT_DATA
        and not _RECORDED.search(path)
    )


def is_document(path: str) -> bool:
    """Tell whether a file is prose with examples."""
    return path.endswith(_DOCUMENTS)


def is_script(path: str) -> bool:
    """Tell whether a file may be a script, by its name: it has no ending."""
    return "." not in path.rpartition("/")[2]


def ending_of(path: str) -> str:
    """Return the ending of a data file's name: of a Makefile and the like, that of recipes."""
    name = path.rpartition("/")[2]
    return ".mk" if name in _RECIPES else "".join(name.rpartition(".")[1:]) if "." in name else ""


def extract_data(path_ending: str, data: bytes) -> Facts:
    """Extract the dotted names of a data file, and of scripts and templates the imports too.

    Args:
        path_ending: The ending of its name; "" for a script, which counts if its first line says
            what runs it.
        data: Its bytes.
    """
    if not path_ending and not data.startswith(b"#!"):
        return Facts()
    found = (name for name in _dotted(data) if not name.endswith(_ENDINGS))
    names = dict.fromkeys(name.decode("ascii", "replace") for name in found)
    if path_ending and path_ending not in _SHELL + _TEMPLATES:
        return Facts(strings=tuple(names))
    text = data.decode("utf-8", "replace")
    names |= dict.fromkeys((*_references(text), *named_in_commands(text)))
    return Facts(strings=tuple(names), paths=tuple(dict.fromkeys(_SCRIPT.findall(text))))


def _dotted(data: bytes) -> Iterator[bytes]:
    """Yield the dotted names: found from a dot on, as most of a large file is words without one."""
    end = 0
    for dot in _DOT.finditer(data):
        if dot.start() >= end:
            before = data[max(0, dot.start() - _LONGEST) : dot.start()]
            start = dot.start() - len(before) + len(before.rstrip(_OF_WORDS))
            if name := _DOTTED.match(data, start):
                end = name.end()
                yield name[0]


def named_in_commands(text: str) -> tuple[str, ...]:
    """Return the modules that shell commands name: by `-m`, in code for `-c`, as `m:app`."""
    found = dict.fromkeys(_RUN_MODULE.findall(text))
    for attribute in _ATTRIBUTE.finditer(text):
        start = attribute.start()
        if module := _SERVED.search(text, max(0, start - _LONGEST), start):
            found[f"{module[1]}{attribute[0]}"] = None
    for _, code in _RUN_CODE.findall(text):
        found |= dict.fromkeys(_references(code))
    return tuple(found)


def extract_document(data: bytes) -> Facts:
    """Extract the imports in a document: after prompts, in fences, indented, or in a notebook."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if text.lstrip().startswith("{"):
        text = _cells(text)
    return Facts(examples=_references(_PROMPT.sub(r"\1", text)))


def _cells(text: str) -> str:
    """Return the cells of a notebook (nbformat 4) as text; the text itself if it is none."""
    try:
        cells = [cell["source"] for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return text
    sources = [one if isinstance(one, str) else "".join(map(str, one)) for one in cells]
    return "\n".join(sources)


def examples_in(text: str) -> tuple[str, ...]:
    """Return what the examples in a module's docstrings import: after prompts, and in fences."""
    return _references("\n".join([*_PROMPT.findall(text), *_FENCE.findall(text)]))


def _references(code: str) -> tuple[str, ...]:
    if "import" not in code:
        return ()
    found = dict.fromkeys(modules_of(imports_in(code)))
    found |= dict.fromkeys(CALL_INSIDE.findall(code))
    return tuple(found)


def modules_of(imports: Iterable[Import]) -> Iterable[str]:
    """Yield what import statements name, as dotted names; of a star import the module alone."""
    for module, names in imports:
        dotted = module.partition(" ")[0]
        if not names:
            yield dotted
        for clause in names:
            name = clause.partition(" ")[0]
            yield dotted if name == "*" else inner_name(dotted, name)


def packages_of_stars(imports: Iterable[Import]) -> Iterable[str]:
    """Yield the packages of star imports, as beginnings of names: "a.b." of `from a.b import *`."""
    stars = (module for module, names in imports if "*" in names)
    return (one if one.endswith(".") else f"{one}." for one in stars)
