"""Facts: all that one file's text says about what it imports, runs and reads.

Facts depend on the content of the file alone, not on where it lies, so that they can be cached by
its digest.
"""

from __future__ import annotations

import msgspec

# (module, names): ("a.b", ()) is `import a.b`; ("a.b as c", ()) binds another name;
# ("..a", ("x", "y as z")) is `from ..a import x, y as z`; ("a", ("*",)) is a star import.
Import = tuple[str, tuple[str, ...]]


# What a reference names: a module or something in one ("a.b", ".b", "a.b:attribute"); every module
# that a prefix begins ("a.b.", "." for the file's own package, "/x" for a folder); a Python file by
# its path; what the entry points of a group lead to ("*" for every group). The last two name
# nothing: their text is why it is unknown what the file loads, or why only callers of its
# functions, in other files, know it.
FORMS = ("module", "package", "file", "group", "unknown", "passed")


class _Kept(
    msgspec.Struct,
    array_like=True,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """What is kept in the cache, in few bytes."""


class Reference(_Kept, frozen=True, order=True):
    """Something that a file names in a call or a text, and that it may load."""

    text: str
    line: int = 0  # where it stands; 0 where that is not known
    form: str = "module"  # one of `FORMS`
    kind: str = ""  # the name of the rule that found it


class Lazy(_Kept, frozen=True):
    """The table of a module whose own `__getattr__` imports on demand (PEP 562)."""

    # name of an attribute -> references that it may load: "a.b", ".b", "a.b:attribute"
    symbols: dict[str, tuple[str, ...]]
    # references that any other name may load
    others: tuple[str, ...]
    # names that the module's body binds itself, without loading anything on demand
    defined: frozenset[str]


class Facts(_Kept, frozen=True):
    """All that extraction yields for one file."""

    imports: tuple[Import, ...] = ()
    # String constants in the form of a dotted name, "a.b.c" or "a.b:c".
    strings: tuple[str, ...] = ()
    # String constants in the form of a path with folders; `"a" / "b"` is "a/b" here.
    paths: tuple[str, ...] = ()
    # Beginnings of formatted strings that may name modules: "a.b." of f"a.b.{name}".
    prefixes: tuple[str, ...] = ()
    # What calls, settings and longer texts name.
    references: tuple[Reference, ...] = ()
    # Why it is unknown what the file imports: it does not parse.
    broken: str = ""
    # Why some of what it imports is unknown: a dynamic import of a computed name.
    dynamic: str = ""
    lazy: Lazy | None = None
    # Whether it changes sys.path, so that any folder can turn out to be a root of imports.
    moves_path: bool = False
    # Whether only names that callers of its functions pass are unknown.
    is_passed: bool = False
    # Words in strings that may name a command, in a file that starts processes.
    commands: tuple[str, ...] = ()
    # References in examples with prompts or in fences: of docstrings, or of a document.
    examples: tuple[str, ...] = ()
    # Whether it runs such examples: it imports a tool that does, or is a setting that asks for it.
    runs_examples: bool = False
    # Whether its paths may start where another package lies, or at a working directory.
    is_placed: bool = False
    # Whether it runs the tests of folders: by pytest or unittest, in a call or a command.
    runs_folders: bool = False
    # Whether it changes the __path__ of a package, so that its modules may lie anywhere.
    extends_path: bool = False
    # Words that may name folders or documents, in a file that lists what is in folders.
    listed: tuple[str, ...] = ()
