"""Names of functions whose calls import, run or list something, and words that tell of them."""

import re
from collections.abc import Iterable, Mapping, Sequence

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
# List the modules of a package.
PACKAGE_LISTERS = frozenset({"iter_modules", "walk_packages"})
# All that import or list modules, whose arguments may name any.
IMPORTERS = NAME_IMPORTERS | PATH_IMPORTERS | PACKAGE_LISTERS
# Load the entry points of a group; the last is pluggy's.
GROUP_READERS = frozenset(
    {"entry_points", "iter_entry_points", "load_entry_point", "get_entry_map"}
    | {"load_setuptools_entrypoints"}
)
# Built-in functions that take code as text.
CODE_RUNNERS = frozenset({"exec", "eval", "compile"})
# Functions of pytest's and other test tools that take code as text.
TEST_CODE_RUNNERS = frozenset({"makepyfile", "run_python_code", "runpytest", "inline_runsource"})
# Return the text of a file.
FILE_READERS = frozenset({"open", "open_code", "read_bytes", "read_text"})
# Fixtures and modules for folders that only a test has written.
TEMPORARY_FOLDERS = frozenset(
    {"tmp_path", "tmpdir", "tmp_path_factory", "tempfile", "TemporaryDirectory"}
)


# Text that is in a file -> where it begins.
Marks = Mapping[str, Sequence[int]]

# Of these, only whole words count: not "allocate", "retrieval(".
_WHOLE_WORDS = {
    word: re.compile(rf"(?<!\w){re.escape(word)}(?:(?<=\()|(?!\w))", re.ASCII)
    for word in ("locate", "exec(", "runpy", "testdir")
}
# Nor does a method of this name count: models and data frames have one.
_WHOLE_WORDS["eval("] = re.compile(r"(?:(?<![\w.])|(?<=\bbuiltins\.))eval\(", re.ASCII)


def has_word(text: str, word: str, places: Iterable[int]) -> bool:
    """Tell whether a word counts at one of some places; some count only as whole words."""
    pattern = _WHOLE_WORDS.get(word)
    return pattern is None or any(pattern.match(text, place) for place in places)
