"""What one file's text says about imports, apart from where the file lies.

Facts depend on the file's content alone, so they can be kept by a digest of it.
"""

from __future__ import annotations

import msgspec

__all__ = ["Facts", "Import", "Lazy"]

# (module, names): ("a.b", ()) is `import a.b`; ("a.b as c", ()) binds another name;
# ("..a", ("x", "y as z")) is `from ..a import x, y as z`; ("a", ("*",)) is a star import.
Import = tuple[str, tuple[str, ...]]


class Lazy(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """A module whose own `__getattr__` imports on demand (PEP 562)."""

    # Name of the module -> references that it may load: "a.b", ".b", "a.b:attribute".
    symbols: dict[str, tuple[str, ...]]
    # References that any other name may load.
    others: tuple[str, ...]
    # Names that the module's body binds itself, without loading anything on demand.
    defined: frozenset[str]
    # Whether `symbols` covers all that can be asked for.
    complete: bool


class Facts(
    msgspec.Struct,
    array_like=True,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """All that extraction yields for one file."""

    imports: tuple[Import, ...] = ()
    # String constants in the form of a dotted name, "a.b.c" or "a.b:c".
    strings: tuple[str, ...] = ()
    # String constants in the form of a path with folders; joined parts are joined here.
    paths: tuple[str, ...] = ()
    # Strings that may name a module though they have no dot, or begin with one.
    words: tuple[str, ...] = ()
    # Dotted prefixes of which any submodule may be loaded; "." is the file's own package.
    subtrees: tuple[str, ...] = ()
    # Groups of entry points that it loads; "*" when the group is not literal.
    groups: tuple[str, ...] = ()
    # Why what it imports cannot be told at all: it does not parse.
    broken: str = ""
    # Why some of what it imports cannot be told: a dynamic import of a computed name.
    dynamic: str = ""
    lazy: Lazy | None = None
    # Whether it changes sys.path, so that any folder can turn out to be a root of imports.
    moves_path: bool = False
    # Whether all that cannot be told is a name that the callers of its functions pass.
    is_passed: bool = False
    # Words in strings that may name a command, of a file that starts processes.
    commands: tuple[str, ...] = ()
    # References in examples that doctest runs: of docstrings, or of a document.
    examples: tuple[str, ...] = ()
    # References in fenced code of docstrings, which other tools run.
    fenced: tuple[str, ...] = ()
    # Whether it runs such examples: it imports a tool that does, or is a setting that asks for it.
    runs_examples: bool = False
    # Whether its paths may begin where another package lies, or at a working directory.
    is_placed: bool = False
    # Whether it runs tests by their folders: pytest or unittest, by a call or a command.
    runs_folders: bool = False
    # Whether it changes the __path__ of a package, so that its modules may lie anywhere.
    extends_path: bool = False
    # Words that may be folders or documents, of a file that lists what is in folders.
    listed: tuple[str, ...] = ()
