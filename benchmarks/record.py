"""A plugin of pytest that records which files of a workspace its tests load, for `recall.py`.

TRACE_ROOT=<workspace> TRACE_OUT=<file> PYTHONPATH=<this folder> python -m pytest -p record
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

_opened: set[str] = set()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and arguments and isinstance(arguments[0], (str, os.PathLike)):
        _opened.add(os.path.realpath(os.fspath(arguments[0])))


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Write what was loaded: modules by file, and the other files that were opened."""
    root = os.path.realpath(os.environ["TRACE_ROOT"]) + os.sep
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = {os.path.realpath(file) for file in files if isinstance(file, str)}
    loaded = {file.removeprefix(root) for file in loaded if file.startswith(root)}
    opened = {file.removeprefix(root) for file in _opened if file.startswith(root)}
    document = {
        "modules": sorted(loaded),
        "opened": sorted(file for file in opened - loaded if "__pycache__" not in file),
        "exit": int(exitstatus),
        "n": session.testscollected,
        "failed": session.testsfailed,
    }
    Path(os.environ["TRACE_OUT"]).write_text(json.dumps(document), encoding="utf-8")


sys.addaudithook(_watch)
