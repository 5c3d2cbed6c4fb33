"""Make the settings table, the JSON schema and the table of who holds which keys from the source.

With --check, write nothing and fail where a file has drifted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from rights_table import policies, rights_table, secrets_table
from tradai_tasks.affected.rules.catalog import BUILT_IN
from tradai_tasks.environment_allowance import BASE
from tradai_tasks.settings.model import Settings

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "tradai_tasks" / "settings" / "schema.json"
TABLE = ROOT / "docs" / "settings.md"
RIGHTS = ROOT / "docs" / "security.md"
KINDS = ROOT / "docs" / "affected.md"
POLICIES = ROOT / "docs" / "oidc.md"
SECRETS = ROOT / "docs" / "workflows.md"
ALLOWANCE = ROOT / "docs" / "confinement.md"
_BEGIN, _END = "<!-- begin: made by tools/generate.py -->", "<!-- end -->"


def schema_text() -> str:
    """Return the JSON schema of `[tool.tradai-tasks]`, for editors."""
    schema = msgspec.json.schema(Settings)
    # JSON Schema's expressions are those of JavaScript, whose `$` is the end and nothing else
    schema = json.loads(json.dumps(schema).replace(r'\\Z"', '$"'))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2) + "\n"


def table_text() -> str:
    """Return the Markdown tables of all settings."""
    parts = []
    for heading, prefix, model in sections():
        parts.append(f"\n### {heading}\n\n{summary(model)}\n")
        parts.append("\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n")
        table: Any = inspect.type_info(model)
        parts += [row(prefix, field) for field in table.fields if not nested(field)]
    return "".join(parts)


def sections() -> Iterator[tuple[str, str, type[msgspec.Struct]]]:
    """Yield (heading, key prefix, model) of each table, nested ones after their parent."""
    yield "Top level", "", Settings
    # one look at the whole model: msgspec 0.22 crashes when its field types are inspected singly
    model: Any = inspect.type_info(Settings)
    for field in model.fields:
        yield from _below("", field)


def _below(prefix: str, field: Any) -> Iterator[tuple[str, str, type[msgspec.Struct]]]:
    """Yield the tables of a field: itself, the items of a list, the values of a dictionary."""
    path = f"{prefix}{field.encode_name}"
    kind = without_none(field.type)
    if isinstance(kind, inspect.DictType):
        path, kind = f"{path}.<name>", bare(kind.value_type)
    elif hasattr(kind, "item_type"):
        path, kind = f"{path}[]", bare(kind.item_type)
    if isinstance(kind, inspect.StructType):
        yield f"`{path}`", f"{path}.", kind.cls
        for inner in kind.fields:
            yield from _below(f"{path}.", inner)


def without_none(kind: Any) -> Any:
    """Return a type without descriptions, and of `X | None` the X."""
    kind = bare(kind)
    if isinstance(kind, inspect.UnionType):
        found = [bare(t) for t in kind.types if not isinstance(bare(t), inspect.NoneType)]
        return found[0] if len(found) == 1 else kind
    return kind


def bare(kind: Any) -> Any:
    """Return a type without the descriptions around it."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def nested(field: Any) -> bool:
    """Tell whether a field is a table with a section of its own."""
    kind = without_none(field.type)
    kind = bare(kind.value_type) if isinstance(kind, inspect.DictType) else kind
    return isinstance(kind, inspect.StructType)


def summary(model: type[msgspec.Struct]) -> str:
    """Return the first line of a model's docstring."""
    return (model.__doc__ or "").splitlines()[0]


def row(prefix: str, field: Any) -> str:
    """Return one row of the table."""
    default = "required" if field.required else shown_default(field)
    text = description(field.type)
    kind = shown_type(field.type).replace("|", "\\|")
    return f"| `{prefix}{field.encode_name}` | {kind} | {default} | {text} |\n"


def shown_default(field: Any) -> str:
    """Return a default as TOML would have it."""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "-"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(value)}`"


def description(kind: Any) -> str:
    """Return the description that a type carries."""
    while isinstance(kind, inspect.Metadata):
        found = (kind.extra_json_schema or {}).get("description")
        if found:
            return str(found)
        kind = kind.type
    if isinstance(kind, inspect.UnionType):  # of a type that carries one, and of nothing
        return next(filter(None, map(description, kind.types)), "")
    return ""


def shown_type(kind: Any) -> str:
    """Return a type in TOML's words."""
    kind = bare(kind)
    if isinstance(kind, inspect.UnionType):
        found = [shown_type(t) for t in kind.types if not isinstance(t, inspect.NoneType)]
        return " | ".join(found)
    if isinstance(kind, inspect.LiteralType):
        return " | ".join(f"`{json.dumps(value)}`" for value in kind.values)
    if isinstance(kind, (inspect.VarTupleType, inspect.ListType)):
        return f"list of {shown_type(kind.item_type)}"
    if isinstance(kind, inspect.DictType):
        return f"table of {shown_type(kind.value_type)}"
    if isinstance(kind, inspect.StructType):
        return "table"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return number(kind)
    names: dict[type, str] = {
        inspect.BoolType: "boolean",
        inspect.StrType: "string",
        inspect.DateType: "date",
    }
    return names.get(type(kind), str(type(kind).__name__))


def number(kind: Any) -> str:
    """Return a number's type with its range."""
    bounds = []
    if kind.ge is not None:
        bounds.append(f">= {kind.ge:g}")
    if kind.gt is not None:
        bounds.append(f"> {kind.gt:g}")
    if kind.le is not None:
        bounds.append(f"<= {kind.le:g}")
    word = "integer" if isinstance(kind, inspect.IntType) else "number"
    return f"{word} {', '.join(bounds)}".strip()


def allowance_text() -> str:
    """Return the Markdown table of the variables that the repository's own code is given."""
    rows = [f"| {group.purpose} | {_names(group.names)} |\n" for group in BASE]
    return "".join(["\n| purpose | variables |\n| --- | --- |\n", *rows])


def _names(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def spliced(file: Path, text: str) -> str:
    """Return a file's text with what is between its marks replaced."""
    old = file.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not pattern.search(old):
        sys.exit(f"{file.relative_to(ROOT)}: no marks {_BEGIN} ... {_END} to write between")
    return pattern.sub(lambda _: f"{_BEGIN}\n{text}\n{_END}", old)


def kinds_text() -> str:
    """Return the Markdown table of the kinds of edges."""
    rows = [
        f"| `{rule.name}` | {'guessed' if rule.guessed else 'certain'} | {rule.summary} |\n"
        for rule in BUILT_IN
    ]
    return "\n| kind | | what it finds |\n| --- | --- | --- |\n" + "".join(rows)


def main() -> None:
    """Write or check all files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    check = parser.parse_args().check
    made = {
        SCHEMA: schema_text(),
        TABLE: spliced(TABLE, table_text()),
        RIGHTS: spliced(RIGHTS, f"\n{rights_table()}"),
        KINDS: spliced(KINDS, kinds_text()),
        POLICIES: spliced(POLICIES, f"\n{policies()}"),
        SECRETS: spliced(SECRETS, f"\n{secrets_table()}"),
        ALLOWANCE: spliced(ALLOWANCE, allowance_text()),
    }
    drifted = [
        file
        for file, text in made.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    if check and drifted:
        names = ", ".join(str(file.relative_to(ROOT)) for file in drifted)
        sys.exit(f"{names}: drifted from the source; fix with: python tools/generate.py")
    for file in drifted:
        file.write_text(made[file], encoding="utf-8")
        print(f"wrote {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
