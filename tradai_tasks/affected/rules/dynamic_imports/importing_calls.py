"""Names of functions whose calls import, run or list something, and words that tell of them."""

import re
from collections.abc import Mapping, Sequence

# Import the module that an argument names.
NAME_IMPORTERS = frozenset(
    {"import_module", "__import__", "importorskip", "run_module", "import_string", "locate"}
    | {"resolve_name", "load_object", "import_object", "autodiscover_modules", "PackageLoader"}
)
# The parameters of these that take the name.
NAME_PARAMETERS = ("name", "package_name", "modname", "mod_name", "import_name", "dotted_path")
# Judged too where they are passed to a function or kept, not called.
IMPORT_FUNCTIONS = frozenset({"import_module", "__import__"})
# In a file that calls one of these, what `find_spec` finds is loaded too.
SPEC_LOADERS = frozenset({"exec_module", "load_module", "module_from_spec"})
# Load a file by its path.
PATH_IMPORTERS = frozenset(
    {"SourceFileLoader", "SourcelessFileLoader", "load_source", "run_path"}
    | {"spec_from_file_location"}
)
# Locate a package to read its files.
RESOURCE_READERS = frozenset(
    {"contents", "files", "find_spec", "get_data", "is_resource", "open_binary", "open_text"}
    | {"get_loader", "path", "read_binary", "read_text"}
    | {"resource_exists", "resource_filename", "resource_isdir", "resource_listdir"}
    | {"resource_stream", "resource_string"}
)
# List the modules of a package.
PACKAGE_LISTERS = frozenset({"iter_modules", "walk_packages"})
# Load the entry points of a group; the last is pluggy's.
GROUP_READERS = frozenset(
    {"entry_points", "iter_entry_points", "load_entry_point", "get_entry_map"}
    | {"load_setuptools_entrypoints"}
)
# Of these, calls count also under names that a file gives them.
RENAMED = NAME_IMPORTERS | PATH_IMPORTERS | RESOURCE_READERS | GROUP_READERS
# Built-in functions that take code as text.
CODE_RUNNERS = frozenset({"exec", "eval", "compile"})
# Return the text of a file.
FILE_READERS = frozenset({"open", "open_code", "read_bytes", "read_text"})
# Fixtures and modules for folders that only a test has written.
TEMPORARY_FOLDERS = frozenset(
    {"tmp_path", "tmpdir", "tmp_path_factory", "tempfile", "TemporaryDirectory"}
)


# Text that is in a file -> where it begins.
Marks = Mapping[str, Sequence[int]]

# A call of a literal: the text alone names the module.
LITERAL_CALL = re.compile(r"""\w+\(\s*["']([\w.]+)["']\s*\)|importorskip\(\s*["']([\w.]+)["']""")
_USED = re.compile(r"\s*\(|\s+as\s")
_BOUND = re.compile(r"=\s*[\w.]*\Z")
_ASSIGNED = re.compile(r"\s*=(?!=)")
_IMPORTED = re.compile(r"\bimport [\w, ]*\Z")
_RENAMED = re.compile(r"\s*(?:\w+\.)*(\w+)\s*(?::[^=]*)?=\s*[\w.]*\Z")
_BY_NAME = re.compile(r"(?<!\w)getattr\([^()]*\Z")
# The arguments that a replacement of `__import__` passes to the original.
_PASSED_ON = re.compile(r"\s*\w+\s*,[^()]*\b(?:args|fromlist)\b")
# A method of this name is another: models and data frames have one.
_FUNCTION = re.compile(r"(?:(?<![\w.])|(?<=\bbuiltins\.))", re.ASCII)
_FUNCTIONS = frozenset({"compile(", "eval("})


def is_word(text: str, place: int, word: str) -> bool:
    """Tell whether a word stands alone at a place: not "allocate", "model.eval("."""
    if word in _FUNCTIONS:
        return _FUNCTION.match(text, place) is not None
    end = place + len(word)
    is_begun = word[0].isalpha() and _is_of_name(text[place - 1 : place])
    return not is_begun and not (word[-1].isalnum() and _is_of_name(text[end : end + 1]))


def _is_of_name(char: str) -> bool:
    return char.isalnum() or char == "_"


def is_open_call(text: str, place: int, word: str) -> bool:
    """Tell whether an import function is used at a place in a way that its text does not tell.

    A literal argument is no such way, nor is an import statement, a mention in prose, or a
    replacement of `__import__` in a test that hands its arguments on.
    """
    end = place + len(word)
    near = max(0, place - 200)  # of a line without end, only so much is looked at
    before = text[max(near, text.rfind("\n", near, place) + 1) : place]
    if not is_word(text, place, word) or (
        LITERAL_CALL.match(text, place) and word not in PACKAGE_LISTERS | {"run_module"}
    ):
        return False
    if word not in IMPORT_FUNCTIONS:
        return _USED.match(text, end) is not None or _BOUND.search(before) is not None
    if text[end : end + 1] in {"'", '"'}:  # the target of a patch
        return _BY_NAME.search(text[near:place]) is not None
    if _ASSIGNED.match(text, end):
        return False
    renamed = _RENAMED.match(before)
    if renamed is not None and word == "__import__" and text[end : end + 1] in {"\n", ""}:
        calls = re.finditer(rf"(?<!\w){renamed[1]}\(", text)
        return any(_PASSED_ON.match(text, call.end()) is None for call in calls)
    return _IMPORTED.search(before) is None or text.startswith(" as ", end)
