"""Script for the Python of a strategy's image: what is installed, and does the strategy load?

The image gets it on standard input, without network; it prints one line of JSON. It imports only
the standard library, since this library is not there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MARK = "tradai-tasks image: "
_LISTED = """
import json, re
from importlib.metadata import distributions
found = {}
for one in distributions():
    name = re.sub(r"[-_.]+", "-", one.metadata["Name"] or "").lower()
    found.setdefault(name, {"version": one.version, "files": {
        str(file): file.hash.value for file in one.files or () if file.hash}})
print(json.dumps(found))
"""
# folders with nothing of the strategy
_SYSTEM = ("/proc", "/sys", "/dev", "/usr/lib", "/usr/share", "/etc", "/var", "/boot")
_NOT_IMPORTED = re.compile(r"Could not import (.+?) due to ")
_MOST = 1 << 20  # bytes of a file that is read


def _files() -> Iterator[tuple[str, str]]:  # pragma: no cover - runs in an image
    """Yield the files that may be configurations, with their texts."""
    for folder, folders, files in os.walk("/"):
        folders[:] = [
            name
            for name in folders
            if name not in {"site-packages", "dist-packages"}
            and os.path.join(folder, name) not in _SYSTEM  # noqa: PTH118 - os.walk's
        ]
        for name in files:
            file = Path(folder, name)
            if not (name.endswith((".json", ".env")) or name.startswith((".env", "Dockerfile"))):
                continue
            try:
                if file.is_file() and file.stat().st_size <= _MOST:
                    yield str(file), file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # the bot cannot read it either


def unloaded(said: str, strategy: str) -> list[str]:
    """Return freqtrade's lines on files that define a strategy and cannot be imported.

    freqtrade lists by importing every file of the folder, where a bot imports only those with the
    text `class <strategy>(`, as IResolver._search_object does; what such a file imports is named
    in its own line.

    `said` is the standard error of `list-strategies`.
    """
    found = []
    for line in said.splitlines():
        named = _NOT_IMPORTED.search(line)
        if named is None:
            continue
        try:
            text = Path(named[1]).read_text(encoding="utf-8")
        except OSError:
            text = f"class {strategy}("  # what cannot be read may define it
        if f"class {strategy}(" in text:
            found.append(line.strip())
    return found


def main(argv: list[str], strategy: str) -> None:  # pragma: no cover - runs in an image
    """Print what was found, as JSON."""
    program = shutil.which("freqtrade")
    found: dict[str, object] = {"freqtrade": program, "files": dict(_files())}
    found["env"] = {n: v for n, v in os.environ.items() if n.upper().startswith("FREQTRADE__")}
    python = sys.executable
    if program is not None:
        first = Path(program).read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
        named = first.removeprefix("#!").split()
        if first.startswith("#!") and named and Path(named[0]).name.startswith("python"):
            python = named[0]
        done = subprocess.run([program, *argv], capture_output=True, text=True, check=False)  # nosec B603 - no shell
        found["status"], found["out"], found["err"] = done.returncode, done.stdout, done.stderr
        found["unloaded"] = unloaded(done.stderr, strategy)
    listed = subprocess.run([python, "-c", _LISTED], capture_output=True, text=True, check=True)  # nosec B603 - no shell
    found["packages"] = json.loads(listed.stdout)
    print(f"\n{MARK}{json.dumps(found)}", flush=True)


if __name__ == "__main__":  # pragma: no cover - runs in an image
    main(**json.loads(os.environ["TRADAI_TASKS_PROBE"]))
