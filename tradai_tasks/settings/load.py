"""Read settings from TOML files into a validated `Settings`, and report all faults."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import tomli
from msgspec import inspect

from tradai_tasks.errors import BrokenTomlError, SettingsError
from tradai_tasks.files.file_tree import Tree
from tradai_tasks.settings.model import PackageSettings, Settings
from tradai_tasks.settings.table import Table
from tradai_tasks.text import similar

_TABLE = "tool.tradai-tasks"
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key` in `)?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$", re.DOTALL)
_QUOTED_WORDS = re.compile(r"`[^`]*`")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]")
_WORDS = (
    ("Expected `object`", "expected a table"),
    ("Expected `array` of length", "expected a list of length"),
    ("Object missing required field", "missing key"),
)


# msgspec's description of a table, which takes long to make
_kind_of: Callable[[type[msgspec.Struct]], Any] = functools.cache(inspect.type_info)
_Model = TypeVar("_Model", bound=Table)


class LoadedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and the file that they came from."""

    settings: Settings
    file: str  # from the root; the file that a message about settings names


def parse_toml(content: bytes, file: str) -> dict[str, Any]:
    """Parse a TOML file; raise BrokenTomlError if it is not TOML, or not UTF-8."""
    try:
        return tomli.loads(content.decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        end = f"at line {len(content.splitlines())}, the end of the file"
        what = str(error).replace("at end of document", end)
        raise BrokenTomlError(f"{file}: broken TOML: {what}") from None
    except RecursionError:
        raise BrokenTomlError(f"{file}: broken TOML: nested too deeply") from None
    except UnicodeDecodeError as error:
        raise BrokenTomlError(
            f"{file}: broken TOML: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None


# The same for what is only read: a content is parsed once.
toml_document: Callable[[bytes, str], Mapping[str, Any]] = functools.lru_cache(4096)(parse_toml)


def tool_table(document: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return `[tool.tradai-tasks]` of a parsed pyproject.toml; empty if there is none.

    Raises:
        SettingsError: `tool` or `tool.tradai-tasks` is not a table.
    """
    tool = document.get("tool", {})
    table = tool.get("tradai-tasks", {}) if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: {_TABLE}: expected a table")
    return table


def load_settings(tree: Tree, overrides: Mapping[str, Any] | None = None) -> LoadedSettings:
    """Read the settings of the repository at the root of `tree`.

    They are in `[tool.tradai-tasks]` of pyproject.toml, or, without one, at the top level of
    tradai-tasks.toml. The keys of `overrides`, a table of the same form, take precedence.

    Raises:
        BrokenTomlError: A file does not parse.
        SettingsError: Something does not fit the model, or both files have settings.
    """
    file, raw = _read(tree)
    prefix = key_prefix(file)
    where = file
    if overrides is not None and not isinstance(overrides, Mapping):
        raise SettingsError(
            f"register(settings=...): expected a table, got `{type(overrides).__name__}`"
        )
    if overrides:
        raw = _laid_over(raw, overrides)
        where = f"{file} or register(settings=...)"
    return LoadedSettings(settings=_checked(raw, Settings, prefix, where), file=file)


def key_prefix(file: str) -> str:
    """Return the prefix of a setting's key in the file that has the repository's settings."""
    return f"{_TABLE}." if file == "pyproject.toml" else ""


def read_package_table(raw: Mapping[str, Any], file: str) -> PackageSettings:
    """Validate `[tool.tradai-tasks]` of a package's own pyproject.toml.

    Raises:
        SettingsError: Something does not fit the model.
    """
    return _checked(raw, PackageSettings, f"{_TABLE}.", file)


def _checked(raw: Mapping[str, Any], model: type[_Model], prefix: str, where: str) -> _Model:
    """Return a table as the model has it, or raise with all faults."""
    if raw.keys() <= {*model.__struct_encode_fields__} and not _foreign(raw, ""):
        with contextlib.suppress(msgspec.ValidationError):  # `faults_of` says more of it
            part = msgspec.convert(raw, _with_keys(model, frozenset(raw)))
            return model(**msgspec.structs.asdict(part))  # all keys are optional
    raise SettingsError(*(f"{where}: {fault}" for fault in faults_of(raw, model, prefix)))


@functools.cache
def _with_keys(model: type[Table], keys: frozenset[str]) -> type[msgspec.Struct]:
    """Return a model with some keys of another, whose types msgspec prepares in less time."""
    names = zip(model.__struct_encode_fields__, model.__struct_fields__, strict=True)
    fields = [(name, model.__annotations__[name]) for key, name in names if key in keys]
    return msgspec.defstruct("Part", fields, bases=(Table,), module=model.__module__)


def faults_of(raw: Mapping[str, Any], model: type[msgspec.Struct], prefix: str) -> list[str]:
    """Return every fault of a raw table, each as `key.path: what`; empty if it fits the model."""
    foreign = _foreign(raw, "")
    if foreign:
        return [f"{prefix}{fault}" for fault in foreign]
    try:
        msgspec.convert(raw, model)
    except msgspec.ValidationError:
        return _each_fault(copy.deepcopy(dict(raw)), model, prefix)
    return []


def _each_fault(rest: dict[str, Any], model: type[msgspec.Struct], prefix: str) -> list[str]:
    """Return every fault of a table, which is modified.

    msgspec stops at the first fault, so each faulty value is removed and the rest validated again.
    """
    faults: list[str] = []
    for where, inner, table in _named_tables(rest, model):
        # msgspec does not name the keys of a dict, so its entries are validated one by one
        faults += _named_faults(f"{prefix}{where}", inner, table)
    removed: dict[str, list[int]] = {}
    gone: set[str] = set()
    while True:
        try:
            msgspec.convert(rest, model)
        except msgspec.ValidationError as error:
            fault, path = _described(str(error), model, prefix, rest, removed)
            missing = re.search(r": missing key `(.*)`$", fault)
            if not (missing and f"{fault[: missing.start()]}.{missing[1]}" in gone):
                faults.append(fault)
            gone.add(f"{prefix}{_shown(path, removed)}")
            if not _remove(rest, path, removed):
                return faults
        else:
            return faults


def _named_tables(
    raw: dict[str, Any], model: type[msgspec.Struct]
) -> Iterator[tuple[str, type[msgspec.Struct], Any]]:
    """Remove every table with a user-defined name from `raw`, and yield (path, model, value)."""
    for field in _kind_of(model).fields:
        value = raw.get(field.encode_name)
        if not isinstance(value, dict):
            continue
        types = [_bare(one) for one in getattr(_bare(field.type), "types", (field.type,))]
        for one in types:
            entry = _bare(getattr(one, "value_type", None))
            if isinstance(one, inspect.DictType) and isinstance(entry, inspect.StructType):
                del raw[field.encode_name]
                for name, table in value.items():
                    yield f"{field.encode_name}.{_quoted(name)}", entry.cls, table
            elif isinstance(one, inspect.StructType):
                for path, inner, table in _named_tables(value, one.cls):
                    yield f"{field.encode_name}.{path}", inner, table


def _named_faults(where: str, model: type[msgspec.Struct], table: Any) -> list[str]:
    if where.endswith('.""'):
        return [f"{where}: expected a name"]
    if not isinstance(table, dict):
        return [f"{where}: expected a table, got `{type(table).__name__}`"]
    return faults_of(table, model, f"{where}.")


def _read(tree: Tree) -> tuple[str, dict[str, Any]]:
    alone = tree.is_file("tradai-tasks.toml")
    if not tree.is_file("pyproject.toml"):
        if not alone:
            return "tradai-tasks.toml", {}
        return "tradai-tasks.toml", parse_toml(tree.read("tradai-tasks.toml"), "tradai-tasks.toml")
    if alone:
        raise SettingsError(
            f"tradai-tasks.toml: not read where a root pyproject.toml exists; move its settings "
            f"to [{_TABLE}] in pyproject.toml"
        )
    document = toml_document(tree.read("pyproject.toml"), "pyproject.toml")
    return "pyproject.toml", tool_table(document, "pyproject.toml")


def _laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _laid_over(below, value) if both else value  # type: ignore[arg-type]  # both are mappings here
    return merged


def _described(
    message: str,
    model: type[msgspec.Struct],
    prefix: str,
    raw: Mapping[str, Any],
    removed: Mapping[str, list[int]],
) -> tuple[str, list[str | int]]:
    """Return a fault in the user's terms, and the path of the value to remove."""
    match = _AT.match(message)
    if match is None:
        raise AssertionError("the pattern takes any text")
    what = match["what"]
    path: list[str | int] = [
        step["key"] if step["index"] is None else int(step["index"])
        # "[...]" is a value in a dict, whose key msgspec does not name
        for step in _STEP.finditer((match["path"] or "").replace("[...]", ""))
    ]
    unknown = _UNKNOWN.match(what)
    if unknown:
        what = "unknown key" + _near(unknown["key"], _model_at(model, path))
        path = [*path, unknown["key"]]
    elif what.startswith("Invalid enum value"):
        what = f"{what[0].lower()}{what[1:]}{_choices(model, path)}"
    elif re.search(r" [<>]=? ", what):
        what += f", got {_value_at(raw, path)!r}"
    elif "matching regex" in what:
        pattern = what.rpartition("regex ")[2].replace("\\\\Z'", "$'")
        what = f"{_value_at(raw, path)!r} does not match {pattern}"
    for old, new in _WORDS:
        what = what.replace(old, new)
    if not unknown:
        what = _QUOTED_WORDS.sub(_in_tomls_words, what)
    return f"{prefix}{_shown(path, removed)}: {what[0].lower()}{what[1:]}", path


def _in_tomls_words(match: re.Match[str]) -> str:
    words = match[0].strip("`").split(" | ")
    names = {"array": "list", "object": "table"}
    return f"`{' | '.join(names.get(word, word) for word in words if word != 'null')}`"


def _foreign(value: Any, where: str) -> list[str]:
    """Return faults of values that exist in Python, but not in TOML."""
    if isinstance(value, Mapping):
        found = [
            f"{where}{'.' if where else ''}{key}: expected the name of a key, "
            f"got `{type(key).__name__}`"
            for key in value
            if not isinstance(key, str)
        ]
        inner = [
            (item, f"{where}{'.' if where else ''}{_quoted(key)}")
            for key, item in value.items()
            if isinstance(key, str)
        ]
        return found + [fault for item, path in inner for fault in _foreign(item, path)]
    if isinstance(value, (set, frozenset)):
        return [f"{where}: expected `list`, got `{type(value).__name__}`"]
    if isinstance(value, (list, tuple)):
        return [f for n, item in enumerate(value) for f in _foreign(item, f"{where}[{n}]")]
    return []


def _shown(path: list[str | int], removed: Mapping[str, list[int]]) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            index = step
            for gone in sorted(removed.get(text, [])):
                index += gone <= index
            text += f"[{index}]"
        else:
            text += f"{'.' if text else ''}{_quoted(step)}"
    return text or "(the whole table)"


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _remove(raw: dict[str, Any], path: list[str | int], removed: dict[str, list[int]]) -> bool:
    """Remove the element at `path` from `raw`; return False if there is none.

    Of nested lists the whole is removed: the rest, or a list that is left empty, could be faulty
    for being too short.
    """
    while len(path) > 1 and isinstance(path[-1], int) and isinstance(path[-2], int):
        path = path[:-1]
    holder: Any = raw
    for depth, step in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(step, int):
            if not isinstance(holder, list) or step >= len(holder):
                return False
            if last:
                shown = _shown([*path], removed)
                removed.setdefault(_shown(path[:-1], removed), []).append(
                    int(shown.rpartition("[")[2][:-1])
                )
                del holder[step]
                return bool(holder) or _remove(raw, path[:-1], removed)
        elif not isinstance(holder, dict) or step not in holder:
            return False
        elif last:
            del holder[step]
            return True
        holder = holder[step]
    return False


def _value_at(raw: Any, path: list[str | int]) -> Any:
    for step in path:
        raw = raw[step]
    return raw


def _model_at(model: type[msgspec.Struct], path: list[str | int]) -> type[msgspec.Struct]:
    """Return the class of the table at a path; positions in lists are ignored."""
    kind = _kind_of(model)
    for step in path:
        kind = _table_in(kind)
        if isinstance(step, str):
            kind = next(f.type for f in kind.fields if f.encode_name == step)
    found: type[msgspec.Struct] = _table_in(kind).cls
    return found


def _table_in(kind: Any) -> Any:
    """Return the table type inside unions and lists, or the type itself."""
    kind = _bare(kind)
    for inner in getattr(kind, "types", ()):
        if hasattr(_table_in(inner), "fields"):
            return _table_in(inner)
    item = getattr(kind, "item_type", None)
    return kind if item is None else _table_in(item)


def _bare(kind: Any) -> Any:
    """Return a type without its annotations."""
    while type(kind).__name__ == "Metadata":
        kind = kind.type
    return kind


def _near(key: str, model: type[msgspec.Struct]) -> str:
    gone: Mapping[str, str] = getattr(model, "gone", {})  # former keys, and what to write instead
    if key in gone:
        return f"; {gone[key]}"
    known = sorted(model.__struct_encode_fields__)
    hint = similar(key, known) or f"known are {', '.join(known)}"
    return f"; {hint}"


def _choices(model: type[msgspec.Struct], path: list[str | int]) -> str:
    while isinstance(path[-1], int):
        path = path[:-1]  # the values of a list are those of its key
    fields: Any = getattr(_kind_of(_model_at(model, path[:-1])), "fields", ())
    kind = _bare(next((f.type for f in fields if f.encode_name == path[-1]), None))
    while getattr(kind, "item_type", None) is not None:
        kind = _bare(kind.item_type)
    values = getattr(kind, "values", None)
    for inner in getattr(kind, "types", ()):
        values = values or getattr(_bare(inner), "values", None)
    return f"; use one of {', '.join(map(repr, values))}" if values else ""
