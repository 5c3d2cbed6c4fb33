"""Run the unit and session tests on every CPython from 3.11 on that this machine has.

    uv run python tools/every_python.py [--others] [ARGUMENT OF PYTEST ...]

Looked at are PATH, pyenv's versions and the Pythons that uv knows: one of each version, each with
an environment of its own below build/pythons; with --others not the one that runs this, on which
all tests are to run anyway. The closing lines say what ran on each, and
build/pythons/counts.txt keeps them. The status is 1 where a test failed, or nothing ran.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "pythons"
OLDEST = (3, 11)
_NAME = re.compile(r"python3(\.\d+)?t?")
_ASK = (
    "import json, platform, sys, sysconfig\n"
    "free = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''\n"
    "print(json.dumps([sys.implementation.name, platform.python_version() + free]))"
)


@dataclass(frozen=True)
class Counts:
    """What a run of pytest came to."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def is_good(self) -> bool:
        """Tell whether something ran, and nothing failed."""
        return self.passed > 0 and not self.failed

    def __str__(self) -> str:
        others = {"failed": self.failed, "skipped": self.skipped}
        return ", ".join([f"{self.passed} passed", *(f"{n} {k}" for k, n in others.items() if n)])


def places(env: Mapping[str, str], home: Path, known: Iterable[str]) -> Iterator[str]:
    """Yield paths of what may be a Python: the running one, on PATH, pyenv's, and those of uv."""
    yield getattr(sys, "_base_executable", sys.executable)
    pyenv = Path(env.get("PYENV_ROOT") or home / ".pyenv")
    folders = [Path(folder) for folder in env.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted(pyenv.glob("versions/*/bin"))
    for folder in folders:
        if folder != pyenv / "shims":  # each stands for one of the versions
            yield from (str(file) for file in sorted(folder.glob("python3*")) if is_python(file))
    yield from known


def is_python(file: Path) -> bool:
    """Tell whether a file has the name of a Python and can be run."""
    return bool(_NAME.fullmatch(file.name)) and os.access(file, os.X_OK)


def choose(asked: Iterable[tuple[str, str, str]], *, running: str) -> dict[str, str]:
    """Return the first path of each version of CPython that is to be tested, oldest first.

    Args:
        asked: Path, implementation and version of every Python.
        running: Version of this one, which must be among them.
    """
    found: dict[str, str] = {}
    for path, implementation, version in asked:
        if implementation == "cpython" and _numbers(version)[:2] >= OLDEST:
            found.setdefault(version, path)
    if running not in found:
        sys.exit(f"every_python: {running}, which runs this, is not among {', '.join(found)}")
    return {version: found[version] for version in sorted(found, key=_numbers)}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def ask(path: str) -> tuple[str, str, str] | None:
    """Ask a Python what it is; None where it does not start, which is said."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", _ASK], capture_output=True, text=True, check=True, timeout=60
        )
        implementation, version = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"every_python: left out {path}: {error}", file=sys.stderr)
        return None
    return path, implementation, version


def known_to_uv() -> list[str]:
    """Return the paths of the Pythons that uv has installed or found."""
    argv = [uv.find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [found["path"] for found in json.loads(done.stdout) if found["path"]]


def read(junit: Path) -> Counts:
    """Return what a JUnit file says; nothing where there is none."""
    if not junit.is_file():
        return Counts()
    suites = list(ET.parse(junit).getroot().iter("testsuite"))
    tests, failed, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed += errors
    return Counts(passed=tests - failed - skipped, failed=failed, skipped=skipped)


def test(version: str, path: str, arguments: list[str]) -> tuple[Counts, int]:
    """Run the tests on one Python in an environment of its own; return counts and status."""
    home, junit = PLACE / version, PLACE / f"{version}.xml"
    junit.unlink(missing_ok=True)
    print(f"\nCPython {version}: {path}", flush=True)
    kept = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "UV_PYTHON"}}
    env = {**kept, "UV_PROJECT_ENVIRONMENT": str(home)}
    sync = [uv.find_uv_bin(), "sync", "--quiet", "--python", path]
    if status := subprocess.run(sync, cwd=ROOT, env=env, check=False).returncode:
        return Counts(), status
    argv = [str(home / "bin" / "python"), "-m", "pytest", f"--junit-xml={junit}"]
    argv += ["--quiet", f"--numprocesses={os.cpu_count()}", "--dist=loadfile"]
    argv += ["-p", "no:cacheprovider"]
    argv += arguments or ["tests/unit", "tests/sessions"]
    status = subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode
    return read(junit), status


def main() -> None:
    """Test on each Python, then say what came of it."""
    paths = dict.fromkeys(places(os.environ, Path.home(), known_to_uv()))
    asked = [answer for answer in map(ask, paths) if answer is not None]
    chosen = choose(asked, running=asked[0][2])
    others = sys.argv[1:2] == ["--others"]
    if others:
        del chosen[asked[0][2]]
    PLACE.mkdir(parents=True, exist_ok=True)
    for old in PLACE.iterdir():
        if old.is_dir() and old.name not in chosen:
            shutil.rmtree(old)
    given = sys.argv[1 + others :]
    results = {version: test(version, path, given) for version, path in chosen.items()}
    lines = [
        f"CPython {version}: {counts}" + (f" (exit status {status})" if status else "")
        for version, (counts, status) in results.items()
    ] or ["no other CPython from 3.11 on is here"]
    (PLACE / "counts.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n" + "\n".join(lines))
    if any(status or not counts.is_good for counts, status in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
