"""`build` packs what git knows, and states versions that are dynamic."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.support.published_libraries import Nox, commit, workspace
from tests.support.real import edit, failed_with, git, write


def test_what_is_built_is_what_git_knows(tmp_path: Path, nox: Nox) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "setuptools"}, more="")
    library = home / "libs/lib-a"
    edit(library / "pyproject.toml", 'version = "1.0.0"', 'dynamic = ["version"]')
    write(
        home,
        {
            "libs/lib-a/setup.py": "from setuptools import setup\n\nsetup(version='3.0.0')\n",
            "libs/lib-a/src/lib_a/gone.py": "",
            "libs/lib-a/src/lib_a/real.py": "REAL = 1\n",
            "libs/lib-a/src/lib_a/run.sh": "#!/bin/sh\n",
        },
    )
    (library / "src/lib_a/link.py").symlink_to("real.py")
    (library / "src/lib_a/run.sh").chmod(0o755)
    other = tmp_path / "other"
    write(other, {"inside.txt": "a submodule's\n"})
    git(other, "init", "-q", "-b", "main")
    commit(other, "Begin")
    allowed = ["-c", "protocol.file.allow=always"]
    git(home, *allowed, "submodule", "add", "-q", str(other), "libs/lib-a/src/lib_a/sub")
    commit(home, "More")
    (library / "src/lib_a/gone.py").unlink()
    (library / "src/lib_a/new.py").write_text("")
    with (library / "pyproject.toml").open("a") as file:
        file.write('\n[tool.setuptools.package-data]\nlib_a = ["*.sh", "sub/*.txt"]\n')
    made = nox(home, "-s", "build")
    assert made.status == 0, made.text
    (built,) = (home / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if name.startswith("lib_a/")}
        modes = {one.filename: one.external_attr >> 16 & 0o777 for one in archive.infolist()}
        assert b"REAL" in archive.read("lib_a/link.py")
    assert names == {
        f"lib_a/{name}" for name in ("__init__.py", "link.py", "new.py", "real.py", "run.sh")
    } | {"lib_a/sub/inside.txt"}
    assert (modes["lib_a/run.sh"], modes["lib_a/real.py"]) == (0o755, 0o644)
    # a version that is dynamic is stated in the scratch copy of a test release
    commit(home, "All")
    tested = nox(home, "-s", "build", "--", "v0.0.0-test")
    assert tested.status == 0, tested.text
    assert [path.name for path in (home / "dist").glob("*.whl")] == [
        f"lib_a-0.0.0.dev{git(home, 'log', '-1', '--format=%ct')}-py3-none-any.whl"
    ]
    edit(library / "pyproject.toml", 'dynamic = ["version"]', 'dynamic = [\n  "version" # [x]\n]')
    commit(home, "Odd")
    failed_with(nox(home, "-s", "build", "--", "v0.0.0-test"), "a test release cannot replace it")
    edit(library / "setup.py", "setup(", "setup(,")
    broken = nox(home, "-s", "build")
    assert broken.status != 0
    assert "libs/lib-a/pyproject.toml: uv build failed with status" in broken.log
    assert "SyntaxError" in broken.log  # the backend's own words
