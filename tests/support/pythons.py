"""The CPythons of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["others"]


def others() -> dict[str, Path]:
    """Return further CPythons from 3.11 on, of other minor versions than this one, by version."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/3.*/bin"))
    folders += sorted(Path.home().glob(".local/share/uv/python/cpython-3.*/bin"))
    found: dict[str, Path] = {}
    for folder in folders:
        for program in sorted(folder.glob("python3.*")):
            match = re.fullmatch(r"python(3\.(\d+))", program.name)
            if match is None or int(match[2]) < 11 or int(match[2]) == sys.version_info[1]:
                continue
            if match[1] not in found and _runs(program, match[1]):
                found[match[1]] = program
    return found


def _runs(program: Path, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version
