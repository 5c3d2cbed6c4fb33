"""Names that import by a call, and the texts without which a file calls none of them."""

import re
from collections.abc import Iterable

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
    "SCANNERS",
    "TEMPORARY",
    "TRIGGERS",
    "has_trigger",
]

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
    ]
)
NAMES_OF_NAME = ("name", "modname", "mod_name", "import_name", "dotted_path")
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
# A target of a patch that is made of parts: f-strings, also in brackets of their own line.
_COMPUTED_PATCH = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?(?:[A-Z]|["'][^"'\n]*["']\s*(?:%|\.format\(|\.join\())"""
)
# With a working directory, what may be a script or a run of tests in it.
_COMMANDS = ('.py"', ".py'", '"pytest"', "'pytest'", '"unittest"', "'unittest'")
# Of these, parts of common words do not count: "allocate", "retrieval(".
_WORDS = frozenset({"locate", "exec(", "eval(", "_target_", "runpy", "testdir"})
# Nor does a method of this name, which models and tables of data have.
_EVAL = "eval("
_BUILTINS = "builtins."
# An option of Python's, quoted or in a command.
_OPTION = re.compile(r"""-[mc](?:(?<=["']-[mc])["']|(?<= -m) )""")


def _begun_by_underscore(triggers: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of triggers from their last underscore on: one search, not one for each."""
    ends = {one: re.split("_(?=[^_])", one)[-1] for one in triggers}
    parts = [f"{re.escape(end)}(?<={re.escape(one)})" for one, end in sorted(ends.items())]
    return re.compile(f"_(?:{'|'.join(parts)})")


_JOINED = frozenset(one for one in TRIGGERS if re.search("_[^_]", one)) - _WORDS
_UNDERSCORE = _begun_by_underscore(_JOINED)
# A text without a stem has none of the triggers around it: one look instead of several.
_STEMS = ("Manager", "FileLoader", "resource", "patch(f")
_SINGLE = tuple(one for one in TRIGGERS if one not in _JOINED and not _OPTION.search(one))
_BY_STEM = {
    **{stem: tuple(one for one in _SINGLE if stem in one) for stem in _STEMS},
    **{one: (one,) for one in _SINGLE if not any(stem in one for stem in _STEMS)},
}


def has_trigger(text: str) -> bool:
    """Tell whether a file must be parsed: whether it may import by a call."""
    if _UNDERSCORE.search(text) or _OPTION.search(text):
        return True
    for stem, triggers in _BY_STEM.items():
        if stem in text:
            for trigger in triggers:
                if trigger not in _WORDS:
                    if trigger in text:
                        return True
                elif _has_word(text, trigger):
                    return True
    if ("cwd=" in text or "chdir(" in text) and any(mark in text for mark in _COMMANDS):
        return True
    return "patch(" in text and _COMPUTED_PATCH.search(text) is not None


def _has_word(text: str, word: str) -> bool:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        before = text[start - 1 : start]
        after = "" if word.endswith("(") else text[end : end + 1]
        is_method = before == "." and word == _EVAL and not text.endswith(_BUILTINS, 0, start)
        if not (is_method or _is_part(before) or before == "_" or _is_part(after)):
            return True
        start = text.find(word, end)
    return False


def _is_part(char: str) -> bool:
    return char.isascii() and char.isalnum()
