"""Texts without which a file has no dynamic import: only files with one of them are parsed."""

import re
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls

# Text that is in a file -> where it begins.
Marks = Mapping[str, Sequence[int]]

# A file without any of these has no imports but its import statements and dotted strings.
TRIGGERS = (
    *sorted(calls.NAME_IMPORTERS | calls.PATH_IMPORTERS | calls.PACKAGE_LISTERS),
    *sorted(calls.GROUP_READERS | calls.SCAN_SETTINGS),
    calls.STEVEDORE,
    "INSTALLED_APPS",
    "AppConfig",
    calls.TASK_FINDER,
    ".wire(",
    "WiringConfiguration(",
    f"{calls.CONFIG_SCAN}(",
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
_TRIGGERS = frozenset(TRIGGERS)
# A target of a patch that is computed: f-strings too, also on a line of their own.
_COMPUTED_PATCH = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?(?:[A-Z]|["'][^"'\n]*["']\s*(?:%|\.format\(|\.join\())"""
)
# Together with a working directory: what may be a script or a run of tests in it.
_COMMANDS = frozenset({'.py"', ".py'", '"pytest"', "'pytest'", '"unittest"', "'unittest'"})
_FOLDERS = frozenset({"cwd=", "chdir("})
# Of these, only whole words count: not "allocate", "retrieval(".
_WHOLE_WORDS = frozenset({"locate", "exec(", "eval(", "_target_", "runpy", "testdir"})
# A method of this name does not count: models and data frames have one.
_EVAL = "eval("
_BUILTINS = "builtins."
_PATCH = "patch("
# What counts too in a file that is parsed for a trigger.
_OPTIONS = [f"{start}-{more}m" for start in " \"'" for more in ("", "B", "E", "I", "s", "u")]
_RESOURCES = [f"{name}(" for name in calls.RESOURCE_FUNCTIONS if "_" in name]
_COUNTED = frozenset(
    {"find_spec", *_FOLDERS, *_OPTIONS, *_RESOURCES}
    | calls.SPEC_LOADERS
    | calls.TEST_CODE_RUNNERS
    | calls.PLUGIN_MANAGERS
)
_COUNTED_CALL = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?[^\s"')]"""
    r"""|(?<![\w.])compile\("""
    r"""|setattr\(\s*(?:[fFrR]+["']|[A-Z]|["'][^"'\n]*["']\s*[%.+])"""
)
_CALL_STARTS = frozenset({_PATCH, "compile(", "setattr("})
MARKS = frozenset(TRIGGERS) | _COMMANDS | _COUNTED | _CALL_STARTS


def has_trigger(text: str, marks: Marks) -> bool:
    """Tell whether a file must be parsed: whether it may import by a call.

    Args:
        text: The file's text.
        marks: Which of `MARKS` are in it, and where.
    """
    if MARKS.isdisjoint(marks):
        return False
    found = _TRIGGERS.intersection(marks)
    if any(one not in _WHOLE_WORDS or _has_whole_word(text, one, marks[one]) for one in found):
        return True
    if not (_FOLDERS.isdisjoint(marks) or _COMMANDS.isdisjoint(marks)):
        return True
    return any(_COMPUTED_PATCH.match(text, place) for place in marks.get(_PATCH, ()))


def trigger_places(text: str, marks: Marks) -> list[int]:
    """Return the places in a file of triggers and of what counts too, in a file that has one."""
    found = [
        place
        for one in marks.keys() & (_TRIGGERS | _COUNTED)
        for place in marks[one]
        if one not in _WHOLE_WORDS or _has_whole_word(text, one, [place])
    ]
    starts = [place for one in _CALL_STARTS for place in marks.get(one, ())]
    return found + [place for place in starts if _COUNTED_CALL.match(text, place)]


def _has_whole_word(text: str, word: str, places: Iterable[int]) -> bool:
    for start in places:
        end = start + len(word)
        before = text[start - 1 : start]
        after = "" if word.endswith("(") else text[end : end + 1]
        is_method = before == "." and word == _EVAL and not text.endswith(_BUILTINS, 0, start)
        if not (is_method or _is_alphanumeric(before) or before == "_" or _is_alphanumeric(after)):
            return True
    return False


def _is_alphanumeric(char: str) -> bool:
    return char.isascii() and char.isalnum()
