"""Lock files as text, from their data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml(value: Any) -> str:
    """A value as TOML writes it inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def lock_text(document: Mapping[str, Any]) -> bytes:
    lines = [f"{key} = {toml(v)}" for key, v in document.items() if key != "package"]
    for package in document["package"]:
        lines += ["[[package]]", *(f"{key} = {toml(value)}" for key, value in package.items())]
    return "\n".join(lines).encode()
