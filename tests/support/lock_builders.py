"""A uv.lock built from dicts, and what a change of it selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    compare_locks,
)

INDEX = {"registry": "https://index.example/simple"}


def third(
    name: str, version: str = "1.0", needs: Iterable[Any] = (), **more: Any
) -> dict[str, Any]:
    file = f"https://files.example/{name}-{version}.tar.gz"
    found = {
        "name": name,
        "version": version,
        "source": dict(INDEX),
        "dependencies": [edge(need) for need in needs],
        "sdist": {"url": file, "hash": f"sha256:{name}{version}", "size": 10},
        "wheels": [{"url": f"{file}-{n}.whl", "hash": f"sha256:{n}"} for n in range(2)],
    }
    return found | more


def member(name: str, needs: Iterable[Any] = (), **more: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "version": "0.1.0",
        "source": {"editable": f"libs/{name}"},
        "dependencies": [edge(need) for need in needs],
        "metadata": {"requires-dist": [{"name": edge(need)["name"]} for need in needs]},
    }
    return found | more


def edge(need: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(need, dict):
        return need
    name, _, extra = need.partition("[")
    return {"name": name} | ({"extra": [extra.rstrip("]")]} if extra else {})


def lock(*packages: dict[str, Any], groups: Any = None, **head: Any) -> dict[str, Any]:
    members = [p["name"] for p in packages if "registry" not in p["source"]]
    manifest = {"members": members} | ({"dependency-groups": groups} if groups else {})
    return {
        "version": 1,
        "revision": 3,
        "requires-python": ">=3.11",
        "manifest": manifest,
        "package": list(packages),
    } | head


def small() -> dict[str, Any]:
    return lock(
        member("backend", ["httpx-thing", "common"]),
        member("common", ["pydantic"]),
        member("worker", ["common[fast]"]),
        third("httpx-thing", needs=["requests"]),
        third("requests", "2.31.0"),
        third("pydantic"),
        third("speedups"),
        third("pytest"),
        groups=None,
    )


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any], **options: Any
) -> dict[str, str] | str:
    found = compare_locks(lock_text(before), lock_text(after), **options)
    return found.everything or dict(found.members)


def package(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(p for p in document["package"] if p["name"] == name)
