"""Digest the environment that tests run in: interpreter, platform and every distribution in it.

Read from the folder of the virtual environment, without starting its Python.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from tradai_tasks.errors import BrokenTomlError, EnvironmentUnknownError
from tradai_tasks.results.code_digest import digest
from tradai_tasks.settings.load import parse_toml

# Facts of the building and installing that differ each time, not of what is installed.
_OF_INSTALLING = (
    "direct_url.json",
    "INSTALLER",
    "RECORD",
    "REQUESTED",
    "uv_build.json",
    "uv_cache.json",
)
# Variables that each terminal, job or run has of its own. They do not count where code takes a copy
# of all variables, which it mostly does to start a program.
OF_A_RUN = re.compile(
    r"_|COLUMNS|INVOCATION_ID|JOURNAL_STREAM|LINES|OLDPWD|PWD|SHLVL|STY|TERM|TMUX|WINDOWID|"
    r"NOX[A-Z]+|(?:ACTIONS|DBUS|GITHUB|GPG|NOX|RUNNER|SSH|TERM|TMUX|XDG_SESSION)_.*"
)
_SCRIPT = 20_000  # bytes, more than a script has that is made for an entry point
_INTERPRETER = ("implementation", "version", "version_info")  # keys of pyvenv.cfg
_VERSION = re.compile(rb"^(?:Version|Dynamic): .*$\n?", re.MULTILINE)
_OF_EXTRA = b"extra =="


def environment_digest(environment: Path, root: Path) -> bytes:
    """Return the digest of a virtual environment.

    Args:
        environment: Its folder.
        root: The repository, to which the paths of editable packages are relative.

    Raises:
        EnvironmentUnknownError: It is no environment of which everything can be known.
    """
    parts = [repr(platform_of()).encode(), *_interpreter(environment)]
    folders = sorted((environment / "lib").glob("*/site-packages"))
    if not folders:
        raise EnvironmentUnknownError(
            f"{environment}: no site-packages, so what is installed is not known"
        )
    for folder in folders:
        for name, found in _distributions(folder, root):
            parts += [name.encode(), found]
        parts += _loose(folder, root)
    return digest(*parts)


def platform_of() -> tuple[str, ...]:
    """Return what tells this machine's platform from others."""
    release = platform.mac_ver()[0]  # of Linux the kernel, which does not count
    rights = "root" if os.geteuid() == 0 else ""  # which no file is closed to
    return (
        *(platform.system(), platform.machine(), *platform.libc_ver(), release),
        *(rights, *time.tzname),
    )


def _interpreter(environment: Path) -> Iterator[bytes]:
    try:
        text = (environment / "pyvenv.cfg").read_text(encoding="utf-8")
        size = (environment / "bin" / "python").stat().st_size
    except OSError as error:
        raise EnvironmentUnknownError(
            f"{environment}: its Python is not known ({error.strerror})"
        ) from None
    pairs = (line.partition("=") for line in text.splitlines())
    values = {key.strip(): value.strip() for key, _, value in pairs}
    if values.get("include-system-site-packages") == "true":
        raise EnvironmentUnknownError(
            f"{environment}: it uses the system's packages, a change of which is not seen"
        )
    yield repr([values.get(key) for key in _INTERPRETER]).encode()
    yield str(size).encode()  # tells builds of one version apart


def _distributions(folder: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    for info in sorted(folder.iterdir()):
        if info.name.endswith(".dist-info"):
            yield info.name.partition("-")[0], _distribution(info, root)
        elif info.name.endswith((".egg-info", ".egg-link", ".egg")):
            raise EnvironmentUnknownError(
                f"{info}: installed without a list of its files, so a change of them is not seen"
            )


def _distribution(info: Path, root: Path) -> bytes:
    """Return the digest of a distribution, by its files; an editable one by what it maps to."""
    try:
        rows = sorted(
            (row[0], row[1])
            for row in csv.reader(io.StringIO((info / "RECORD").read_text(encoding="utf-8")))
            if len(row) > 1 and not row[0].endswith(_OF_INSTALLING) and "__pycache__" not in row[0]
        )
    except (OSError, ValueError, csv.Error):
        raise EnvironmentUnknownError(
            f"{info}: no readable RECORD, so a change of its files is not seen"
        ) from None
    origin = _editable_origin(info)
    if origin is None:
        found = [part for row in rows for part in _recorded(info.parent, *row, root)]
        return digest(info.name.encode(), *found)
    found = [] if origin.is_relative_to(root) else [*_files(origin)]
    for name in (name for name, _ in rows):
        content = _content(info.parent / name, root)
        if name.endswith(".dist-info/METADATA"):
            content = _unstated(content, origin, root)
        found += [re.sub(r"-[^-/]+\.dist-info/", "/", name).encode(), content]
    return digest(*found)


def _recorded(folder: Path, name: str, known: str, root: Path) -> tuple[bytes, bytes]:
    """Return a file's name and its digest in RECORD; of a program that is a script, its content.

    A script begins with the path of its Python, which another checkout has elsewhere.
    """
    if name.startswith("../") and "/bin/" in name:
        with contextlib.suppress(OSError):
            if (folder / name).stat().st_size <= _SCRIPT:
                return name.encode(), _content(folder / name, root)
    return name.encode(), known.encode()


def _editable_origin(info: Path) -> Path | None:
    """Return the folder that an editable distribution comes from; None for any other."""
    try:
        document = json.loads((info / "direct_url.json").read_bytes())
        is_editable = document.get("dir_info", {}).get("editable")
        return Path(unquote(urlsplit(document["url"]).path)) if is_editable else None
    except (OSError, ValueError, AttributeError, KeyError):
        return None


def _unstated(metadata: bytes, project: Path, root: Path) -> bytes:
    """Return metadata without version and requirements, where the project's own file states them.

    Test files that ask for metadata depend on that file. A version that it does not state, the
    commit may decide, another one for every commit.
    """
    try:
        file = project / "pyproject.toml"
        stated = parse_toml(file.read_bytes(), str(file)).get("project", {})
        version, requirements = stated.get("version"), stated.get("dependencies", ())
    except (OSError, BrokenTomlError, AttributeError):
        version = None
    if version is None:
        return _VERSION.sub(b"", metadata)
    head, _, text = metadata.partition(b"\n\n")
    if not project.is_relative_to(root) or not _agree(head, version, requirements):
        return metadata  # of another project, or not installed anew since the file was changed
    kept = [
        line
        for line in head.splitlines()
        if not line.startswith((b"Version: ", b"Requires-Dist: ")) or _OF_EXTRA in line
    ]
    return b"\n".join([*kept, text])


def _agree(head: bytes, version: str, requirements: Iterable[str]) -> bool:
    """Return whether metadata has the version and the requirements that a project's file states."""
    lines = head.splitlines()
    wanted = [one for one in lines if one.startswith(b"Requires-Dist: ") and _OF_EXTRA not in one]
    versions = [one.partition(b": ")[2].decode() for one in lines if one.startswith(b"Version: ")]
    try:
        known = {Requirement(one.partition(b": ")[2].decode()) for one in wanted}
        is_same = known == set(map(Requirement, requirements))
        return is_same and [Version(one) for one in versions] == [Version(version)]
    except (InvalidRequirement, InvalidVersion, TypeError, ValueError):
        return False


def _files(folder: Path) -> Iterator[bytes]:
    """Yield names and contents of a project outside of the repository: no use of it is recorded."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__pycache__")))
        for name in sorted(names):
            yield os.fsencode(os.path.relpath(Path(parent, name), folder))
            yield _content(Path(parent, name), folder)


def _content(file: Path, root: Path) -> bytes:
    try:
        return file.read_bytes().replace(os.fsencode(root), b".")
    except OSError as error:
        raise EnvironmentUnknownError(f"{file}: cannot be read: {error.strerror}") from None


def _loose(folder: Path, root: Path) -> Iterator[bytes]:
    """Yield what is at the top of site-packages, whoever put it there."""
    for file in sorted(folder.iterdir()):
        is_read = file.suffix in {".pth", ".py"}
        if file.name != "__pycache__" and not file.name.endswith(".dist-info"):
            yield os.fsencode(file.name)
            yield _content(file, root) if is_read else b""


def variables_of_tests(env: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment of the tests, without what a session sets for one run."""
    own = ("TRADAI_TASKS_", "COV_CORE_", "COVERAGE_FILE", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST",
           "PYTEST_VERSION", "PYTEST_XDIST_")  # fmt: skip
    return {
        name: value for name, value in env.items() if value is not None and not name.startswith(own)
    }
