"""Names that import by a call, and the texts without which a file calls none of them."""

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "BY_NAME",
    "BY_PATH",
    "CODE",
    "FOUND",
    "GROUPS",
    "IMPORTERS",
    "LISTS",
    "MANAGERS",
    "NAMES_OF_NAME",
    "READERS",
    "RESOURCES",
    "RESOURCE_MODULES",
    "SCANNED",
    "MARKS",
    "SCANNERS",
    "TEMPORARY",
    "TRIGGERS",
    "has_trigger",
    "trigger_places",
]

# Text -> where it begins in a file, of the texts that stand in it.
Marks = Mapping[str, Sequence[int]]

BY_NAME = frozenset(
    [
        "import_module",
        "__import__",
        "importorskip",
        "run_module",
        "import_string",
        "resolve_name",
        "locate",
        "load_object",
        "import_object",
        "autodiscover_modules",
        "PackageLoader",
    ]
)
NAMES_OF_NAME = ("name", "package_name", "modname", "mod_name", "import_name", "dotted_path")
# With one of these, what `find_spec` finds is loaded too.
FOUND = frozenset({"exec_module", "load_module", "module_from_spec"})
IMPORTERS = frozenset({"import_module", "__import__"})
BY_PATH = frozenset(
    [
        "spec_from_file_location",
        "SourceFileLoader",
        "SourcelessFileLoader",
        "load_source",
        "run_path",
    ]
)
LISTS = frozenset({"iter_modules", "walk_packages"})
GROUPS = frozenset({"entry_points", "iter_entry_points", "load_entry_point", "get_entry_map"})
# pluggy's, and those of stevedore
MANAGERS = frozenset(
    [
        "load_setuptools_entrypoints",
        "DispatchExtensionManager",
        "DriverManager",
        "EnabledExtensionManager",
        "ExtensionManager",
        "HookManager",
        "NamedExtensionManager",
    ]
)
RESOURCE_MODULES = frozenset({"resources", "importlib_resources", "pkgutil", "pkg_resources"})
RESOURCES = frozenset(
    [
        "contents",
        "files",
        "get_data",
        "is_resource",
        "open_binary",
        "open_text",
        "path",
        "read_binary",
        "read_text",
        "resource_filename",
        "resource_stream",
        "resource_string",
    ]
)
# Settings whose strings are packages of which a framework loads submodules by itself.
SCANNED = frozenset({"SPIDER_MODULES", "NEWSPIDER_MODULE"})
SCANNERS = frozenset({"autodiscover_tasks", "wire", "scan"})
CODE = frozenset({"exec", "eval", "compile"})
# What yields the text of a file.
READERS = frozenset({"open", "open_code", "read_bytes", "read_text"})
TEMPORARY = frozenset({"tmp_path", "tmpdir", "tmp_path_factory", "tempfile", "TemporaryDirectory"})
# Text without any of these has no import but its import statements and dotted strings.
TRIGGERS = (
    *sorted(BY_NAME | BY_PATH | LISTS | GROUPS | MANAGERS | SCANNED),
    "_APPS",
    "AppConfig",
    "autodiscover_tasks",
    ".wire(",
    ".scan(",
    "pytest_plugins",
    "__getattr__",
    "sys.modules[",
    "lazy_loader",
    "exec(",
    "eval(",
    "runpy",
    "pytester",
    "testdir",
    "makepyfile",
    "sys.executable",
    "module_from_spec",
    "load_module",
    '"-m"',
    "'-m'",
    '"-c"',
    "'-c'",
    " -m ",
    "resources.contents(",
    "resources.files(",
    "resources.is_resource(",
    "resources.open_",
    "resources.path(",
    "resources.read_",
    "importlib.resources import ",
    "importlib_resources import ",
    "pkgutil.get_data(",
    "pkg_resources.resource_",
    "patch(f",
    "setattr(f",
    "_target_",
    "EntryPoint(",
    "dictConfig",
    "pytest.main(",
    ".discover(",
)
_ALL = frozenset(TRIGGERS)
# A target of a patch that is made of parts: f-strings, also in brackets of their own line.
_COMPUTED_PATCH = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?(?:[A-Z]|["'][^"'\n]*["']\s*(?:%|\.format\(|\.join\())"""
)
# With a working directory, what may be a script or a run of tests in it.
_COMMANDS = frozenset({'.py"', ".py'", '"pytest"', "'pytest'", '"unittest"', "'unittest'"})
_FOLDERS = frozenset({"cwd=", "chdir("})
# Of these, parts of common words do not count: "allocate", "retrieval(".
_WORDS = frozenset({"locate", "exec(", "eval(", "_target_", "runpy", "testdir"})
# Nor does a method of this name, which models and tables of data have.
_EVAL = "eval("
_BUILTINS = "builtins."
_PATCH = "patch("
# What counts beside the triggers once a file is parsed for one of them.
_OPTIONS = [f"{start}-{more}m" for start in " \"'" for more in ("", "B", "E", "I", "s", "u")]
_RUNNERS = ("inline_runsource", "run_python_code", "runpytest")
_RESOURCES = [f"{name}(" for name in RESOURCES if "_" in name]
_FOLLOWED = frozenset({"find_spec", "exec_module", *_FOLDERS, *_OPTIONS, *_RESOURCES, *_RUNNERS})
_CALLED = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?[^\s"')]"""
    r"""|(?<![\w.])compile\("""
    r"""|setattr\(\s*(?:[fFrR]+["']|[A-Z]|["'][^"'\n]*["']\s*[%.+])"""
)
_CALLS = frozenset({_PATCH, "compile(", "setattr("})
MARKS = frozenset(TRIGGERS) | _COMMANDS | _FOLLOWED | _CALLS


def has_trigger(text: str, marks: Marks) -> bool:
    """Tell whether a file must be parsed: whether it may import by a call.

    Args:
        text: The file's.
        marks: Which texts stand in it, of `MARKS` at least.
    """
    if MARKS.isdisjoint(marks):
        return False
    found = _ALL.intersection(marks)
    if any(one not in _WORDS or _has_word(text, one, marks[one]) for one in found):
        return True
    if not (_FOLDERS.isdisjoint(marks) or _COMMANDS.isdisjoint(marks)):
        return True
    return any(_COMPUTED_PATCH.match(text, place) for place in marks.get(_PATCH, ()))


def trigger_places(text: str, marks: Marks) -> list[int]:
    """Return where in a file stands what may import by a call, or what counts beside it."""
    found = [
        place
        for one in marks.keys() & (_ALL | _FOLLOWED)
        for place in marks[one]
        if one not in _WORDS or _has_word(text, one, [place])
    ]
    calls = [place for one in _CALLS for place in marks.get(one, ())]
    return found + [place for place in calls if _CALLED.match(text, place)]


def _has_word(text: str, word: str, places: Iterable[int]) -> bool:
    for start in places:
        end = start + len(word)
        before = text[start - 1 : start]
        after = "" if word.endswith("(") else text[end : end + 1]
        is_method = before == "." and word == _EVAL and not text.endswith(_BUILTINS, 0, start)
        if not (is_method or _is_part(before) or before == "_" or _is_part(after)):
            return True
    return False


def _is_part(char: str) -> bool:
    return char.isascii() and char.isalnum()
