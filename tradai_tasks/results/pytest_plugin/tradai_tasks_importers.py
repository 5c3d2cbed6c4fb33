"""Let functions that find modules, or wrap functions, raise an audit event."""

from __future__ import annotations

import sys
from typing import Any


def replace_importers() -> None:
    """Let functions that find modules raise an audit event, also for a module that is loaded.

    Their code is replaced, not they, so a traceback has the frames it would have.
    """
    import functools  # noqa: PLC0415 - they are changed here alone
    import importlib  # noqa: PLC0415 - as above
    import importlib.util  # noqa: PLC0415 - as above

    _replace(importlib.import_module, _import_module)
    _replace(importlib.util.find_spec, _find_spec)
    _replace(functools.update_wrapper, _update_wrapper)


def replace_reader() -> None:
    """Let the reader of source lines raise an audit event, also for a file that it keeps."""
    import linecache  # noqa: PLC0415 - as above; pytest loads it

    _replace(linecache.getlines, _getlines)


def _replace(function: Any, replacement: Any) -> None:
    code = function.__code__
    function.__code__ = replacement.__code__.replace(
        co_filename=code.co_filename, co_firstlineno=code.co_firstlineno,
        co_name=code.co_name, co_qualname=code.co_qualname,
    )  # fmt: skip


# with the names that `importlib` has: sys and _bootstrap
def _import_module(name: Any, package: Any = None) -> Any:
    sys.audit("tradai_tasks.import_module", name, package)
    level = 0
    if name.startswith("."):
        if not package:
            raise TypeError(
                f"the 'package' argument is required to perform a relative import for {name!r}"
            )
        for character in name:
            if character != ".":
                break
            level += 1
    return _bootstrap._gcd_import(name[level:], package, level)  # type: ignore[name-defined]  # noqa: F821, SLF001


# with the names that `importlib.util` has: sys, resolve_name and _find_spec
def _find_spec(name: Any, package: Any = None) -> Any:
    fullname = resolve_name(name, package) if name.startswith(".") else name  # type: ignore[name-defined]  # noqa: F821
    sys.audit("tradai_tasks.import_module", fullname, None)
    if fullname not in sys.modules:
        parent_name = fullname.rpartition(".")[0]
        parent_path = None
        if parent_name:
            parent = __import__(parent_name, fromlist=["__path__"])
            try:
                parent_path = parent.__path__
            except AttributeError as error:
                raise ModuleNotFoundError(
                    f"__path__ attribute not found on {parent_name!r} "
                    f"while trying to find {fullname!r}",
                    name=fullname,
                ) from error
        return _find_spec(fullname, parent_path)
    module = sys.modules[fullname]
    if module is None:
        return None
    try:
        spec = module.__spec__
    except AttributeError:
        raise ValueError(f"{name}.__spec__ is not set") from None
    if spec is None:
        raise ValueError(f"{name}.__spec__ is None")
    return spec


# with the names that `linecache` has: cache, clearcache and updatecache
def _getlines(filename: Any, module_globals: Any = None) -> Any:
    from sys import audit  # noqa: PLC0415 - a name that `linecache` has not

    audit("tradai_tasks.lines", filename)
    if filename in cache:  # type: ignore[name-defined]  # noqa: F821
        entry = cache[filename]  # type: ignore[name-defined]  # noqa: F821
        if len(entry) != 1:
            return cache[filename][2]  # type: ignore[name-defined]  # noqa: F821
    try:
        return updatecache(filename, module_globals)  # type: ignore[name-defined]  # noqa: F821
    except MemoryError:
        clearcache()  # type: ignore[name-defined]  # noqa: F821
        return []


# which `lru_cache` calls; its defaults stay
def _update_wrapper(wrapper: Any, wrapped: Any, assigned: Any, updated: Any) -> Any:
    from sys import audit  # noqa: PLC0415 - a name that `functools` has not

    audit("tradai_tasks.wrapped", wrapper, wrapped)
    for name in assigned:
        try:
            value = getattr(wrapped, name)
        except AttributeError:
            pass
        else:
            setattr(wrapper, name, value)
    for name in updated:
        getattr(wrapper, name).update(getattr(wrapped, name, {}))
    wrapper.__wrapped__ = wrapped
    return wrapper
