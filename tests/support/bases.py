"""Stand-ins for base images that cannot be pulled here, made of what this machine has."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.real import clean_env, need

_LEFT_OUT = shutil.ignore_patterns(
    "test", "tests", "idlelib", "pydoc_data", "tkinter", "turtledemo", "lib2to3", "config-*",
    "site-packages", "dist-packages", "ensurepip", "EXTERNALLY-MANAGED", "*.a", "*.opt-*.pyc",
    "_tkinter*.so", "_test*.so", "_ctypes_test*.so", "_xx*.so",
)  # fmt: skip
# what no program loads: each push of an image to another registry compresses all of it anew
_NOT_LOADED = ("tests", "include", "*.c", "*.h", "*.pyx", "*.pxd")
_TOOLS = (
    "sh", "cat", "chmod", "echo", "env", "false", "grep", "id", "ls", "mkdir", "rm", "sed", "sleep",
    "test", "touch", "true", "uname",
)  # fmt: skip


def import_python(
    host: str,
    folder: Path,
    *names: str,
    stubs: tuple[str, ...] = (),
    environment: Path | None = None,
) -> None:
    """Make an image of this machine's Python, with pip, a shell and no way to an index.

    Args:
        host: DOCKER_HOST of the engine.
        folder: Where to build it, and what is left there is used again.
        names: The image's names, with their tags.
        stubs: Distributions that it has by name and version alone, as `pandas==2.3.3`.
        environment: Environment of this machine's Python whose packages it has, and freqtrade.
    """
    archive = folder / "python.tar"
    if not archive.exists():
        root = folder / "python"
        _shell(root)
        _python(root)
        _pip(root)
        _shared_libraries(root)
        _strip(root)
        _uv(root)
        if environment is not None:
            _environment(root, environment)
        for stub in stubs:
            _stub(_packages(root), *stub.split("=="))
        _archive(root, archive)
    # as the images of Python and freqtrade have it
    home = "ENV PATH=/usr/local/bin:/bin LD_LIBRARY_PATH=/usr/local/lib PYTHONHOME=/usr/local"
    env = {**os.environ, "DOCKER_HOST": host}
    changes = ["--change", home]
    changes += ["--change", "WORKDIR /freqtrade"] if environment is not None else []
    commands = [["docker", "import", *changes, str(archive), names[0]]]
    commands += [["docker", "tag", names[0], name] for name in names[1:]]
    for argv in commands:
        subprocess.run(argv, env=env, check=True, capture_output=True)


def _archive(root: Path, archive: Path) -> None:
    """Write a folder to a tar file; other workers may link its files elsewhere meanwhile."""
    argv = ["tar", "-C", str(root), "-cf", str(archive), "."]
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    # a changed number of links counts as a change of the file
    changed = "file changed as we read it"
    others = [line for line in done.stderr.splitlines() if not line.endswith(changed)]
    assert done.returncode in {0, 1}, done.stderr
    assert not others, done.stderr


def _shell(root: Path) -> None:
    busybox = shutil.which("busybox")
    need(busybox is not None, "busybox (Debian's busybox-static)")
    for name in ("bin", "etc", "tmp", "usr/local/bin", "usr/local/lib"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    shutil.copy2(str(busybox), root / "bin/busybox")
    for tool in _TOOLS:
        (root / "bin" / tool).symlink_to("busybox")


def _packages(root: Path) -> Path:
    version = sysconfig.get_python_version()
    return root / "usr/local/lib" / f"python{version}" / "site-packages"


def _python(root: Path) -> None:
    """Copy the interpreter and the standard library, with the byte code that there is."""
    program = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # not a venv's
    shutil.copy2(program, root / "usr/local/bin/python3")
    (root / "usr/local/bin/python").symlink_to("python3")
    library = _packages(root).parent
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=_LEFT_OUT, symlinks=False)
    # Debian's Python looks and installs elsewhere than that of the images
    (library / "dist-packages").symlink_to("site-packages")
    for file in (library / "sysconfig.py", library / "sysconfig" / "__init__.py"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            text = text.replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
            file.write_text(text, encoding="utf-8")


def _shared_libraries(root: Path) -> None:
    """Copy what the programs and modules load; they are this machine's, so this machine knows."""
    loaded = [root / "usr/local/bin/python3", root / "usr/local/bin/uv-build"]
    loaded += (_packages(root).parent / "lib-dynload").glob("*.so")
    listed = subprocess.run(
        ["ldd", *map(str, loaded)], capture_output=True, text=True, check=False
    ).stdout
    for found in set(re.findall(r"(/\S+\.so\S*)", listed)):
        file = Path(found.rstrip(":"))
        if "lib-dynload" in file.parts or not file.exists():
            continue
        to = root / found.lstrip("/") if "ld-linux" in found else root / "usr/local/lib" / file.name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.resolve(), to)


def _strip(root: Path) -> None:
    """Take out what only a debugger reads, where this machine's Python has it and a tool for it."""
    tool = shutil.which("strip")
    if tool is None:
        return
    files = [root / "usr/local/bin/python3", *(root / "usr/local/lib").glob("libpython*")]
    files += (_packages(root).parent / "lib-dynload").glob("*.so")
    subprocess.run([tool, "--strip-unneeded", *map(str, files)], check=True, capture_output=True)


def _pip(root: Path) -> None:
    """Install pip and the examples' build backend, and keep pip from looking further."""
    target = _packages(root)
    argv = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", sys.executable]
    subprocess.run(
        [*argv, "--target", str(target), "pip", "uv_build>=0.9,<1"], check=True, env=clean_env()
    )
    shutil.move(target / "bin" / "uv-build", root / "usr/local/bin/uv-build")
    script = root / "usr/local/bin/pip"
    script.write_text('#!/bin/sh\nexec python3 -m pip "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    (root / "etc/pip.conf").write_text(
        "[global]\nno-index = true\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
        "[install]\nno-build-isolation = false\n"  # pip reads the value, not the "no"
    )


def _environment(root: Path, environment: Path) -> None:
    """Copy the packages of an environment, what they load, and the program freqtrade."""
    source = environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    left_out = shutil.ignore_patterns("__editable__*", "_virtualenv*", "*.pth", *_NOT_LOADED)
    # links, not copies: uv's cache and the environment have the same files
    shutil.copytree(
        source, _packages(root), ignore=left_out, copy_function=os.link, dirs_exist_ok=True
    )
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for library in ("libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libz.so.1"):
        found = re.search(rf"{re.escape(library)} .*=> (/\S+)", listed)
        if found is not None:
            shutil.copy2(Path(found[1]).resolve(), root / "usr/local/lib" / library)
    (root / "freqtrade/user_data").mkdir(parents=True)
    script = root / "usr/local/bin/freqtrade"
    script.write_text(
        "#!/usr/local/bin/python3\nfrom freqtrade.main import main\n\nmain()\n", encoding="utf-8"
    )
    script.chmod(0o755)


def _uv(root: Path) -> None:
    """Put a uv there that installs nothing: what the examples lock comes from no index here."""
    script = root / "usr/local/bin/uv"
    script.write_text('#!/bin/sh\n[ "$1" = export ] && touch requirements.txt\nexit 0\n')
    script.chmod(0o755)


def _stub(packages: Path, name: str, version: str) -> None:
    folder = packages / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "INSTALLER").write_text("stand-in\n")
    (folder / "RECORD").write_text("")
