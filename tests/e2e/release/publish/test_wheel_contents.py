"""What is built is what the package has: by the real build backends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dists import wheel
from tests.support.inprocess import InProcess, failed
from tests.support.pyprojects import UV_BUILD
from tests.support.real import NOXFILE, git, write

_HATCH = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
_SETUPTOOLS = 'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
_SRC = "[tool.setuptools]\npackage-dir = { '' = 'src' }\n"
_WHEEL = "[tool.hatch.build.targets.wheel]\n"
_SUB = "libs/alpha/src/alpha/sub"
_INIT = {f"{_SUB}/__init__.py": "", f"{_SUB}/deep.py": "DEEP = 1\n"}
_LEFT = '[[tool.tradai-tasks.publish.left-out]]\npaths = ["libs/alpha/src/alpha/sub/**"]\n'
_MISSING = "alpha-1.0.0-py3-none-any.whl: missing from it: "


def repository(home: Path, build: str, files: dict[str, str], settings: str = "") -> Path:
    """A workspace with the published library `alpha` and the private one `inner`."""
    project = '[project]\nname = "{0}"\nversion = "1.0.0"\nreadme = "README.md"\n'
    project += 'requires-python = ">=3.11"\n{1}[build-system]\n{2}'
    needs = 'dependencies = ["inner"]\n' if "inner" in build else ""
    write(
        home,
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
            f'[tool.tradai-tasks.publish]\nlibraries = ["alpha"]\n{settings}',
            "noxfile.py": NOXFILE,
            ".gitignore": "dist/\nuv.lock\n.nox/\n",
            "libs/alpha/pyproject.toml": project.format("alpha", needs, build),
            "libs/alpha/README.md": "# alpha\n",
            "libs/alpha/src/alpha/__init__.py": "",
            "libs/alpha/src/alpha/core.py": "CORE = 1\n",
            "libs/alpha/src/alpha/tests/test_core.py": "def test_core() -> None: ...\n",
            "libs/alpha/src/alpha/tests/conftest.py": "",
            "libs/inner/pyproject.toml": project.format("inner", "", UV_BUILD),
            "libs/inner/README.md": "# inner\n",
            "libs/inner/src/inner/__init__.py": "",
            **files,
        },
    )
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "All")
    return home


@pytest.fixture
def nox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    return InProcess(tmp_path, monkeypatch, capsys)


ROWS: dict[str, tuple[str, dict[str, str], str, tuple[str, ...]]] = {
    "setuptools names one package of two": (
        f"{_SETUPTOOLS}{_SRC}packages = ['alpha']\n",
        _INIT,
        "",
        (_MISSING, f"{_SUB}/__init__.py, {_SUB}/deep.py;", "publish.left-out"),
    ),
    "setuptools leaves out py.typed and a stub": (
        (
            f"{_SETUPTOOLS}{_SRC}include-package-data = false\n"
            "[tool.setuptools.exclude-package-data]\n'*' = ['py.typed', '*.pyi']\n"
        ),
        {"libs/alpha/src/alpha/py.typed": "", "libs/alpha/src/alpha/core.pyi": "CORE: int\n"},
        "",
        (_MISSING, "src/alpha/core.pyi, libs/alpha/src/alpha/py.typed;"),
    ),
    "hatchling excludes a folder": (
        f"{_HATCH}{_WHEEL}packages = ['src/alpha']\nexclude = ['**/sub']\n",
        _INIT,
        "",
        (_MISSING, f"{_SUB}/deep.py"),
    ),
    "hatchling includes one module": (
        f"{_HATCH}{_WHEEL}only-include = ['src/alpha/__init__.py']\nsources = ['src']\n",
        {},
        "",
        (_MISSING, "libs/alpha/src/alpha/core.py;"),
    ),
    "uv_build takes one module of src": (
        UV_BUILD,
        {"libs/alpha/src/second/__init__.py": "", "libs/alpha/src/second/code.py": "X = 1\n"},
        "",
        (_MISSING, "libs/alpha/src/second/__init__.py, libs/alpha/src/second/code.py;"),
    ),
    "a module beside a flat package": (
        f"{UV_BUILD}[tool.uv.build-backend]\nmodule-root = 'flat'\n",
        {"libs/alpha/flat/alpha/__init__.py": "", "libs/alpha/helper.py": "X = 1\n"},
        "",
        (_MISSING, "libs/alpha/helper.py"),
    ),
    "a wheel without modules": (
        f"{_HATCH}{_WHEEL}only-include = ['README.md']\n",
        {},
        "",
        ("alpha-1.0.0-py3-none-any.whl: it holds no module; check",),
    ),
    "the source distribution cannot build the whole wheel": (
        f"{_HATCH}[tool.hatch.build.targets.sdist]\nexclude = ['src/alpha/core.py']\n",
        {},
        "sdist = true\n",
        (_MISSING, "libs/alpha/src/alpha/core.py;"),
    ),
    "a requirement that is not published": (
        f"{UV_BUILD}[tool.uv.sources]\ninner = {{ workspace = true }}\n",
        {},
        "",
        ("alpha requires inner, and inner is a package of this workspace that is not published",),
    ),
    # and what is right
    "left out with a reason": (
        f"{_HATCH}{_WHEEL}packages = ['src/alpha']\nexclude = ['**/sub', 'tests']\n",
        _INIT,
        f'{_LEFT}reason = "for us alone"\n',
        (),
    ),
    "in another place": (
        (
            f"{_SETUPTOOLS}[tool.setuptools]\npackages = ['renamed', 'renamed.sub']\n"
            "package-dir = { renamed = 'src/alpha' }\n"
        ),
        _INIT,
        "",
        (),
    ),
    "with a module that the build makes": (
        f"{_SETUPTOOLS}{_SRC}",
        {
            "libs/alpha/setup.py": "from pathlib import Path\nfrom setuptools import setup\n"
            "Path('src/alpha/_made.py').write_text('MADE = 1\\n')\nsetup()\n"
        },
        "",
        (),
    ),
    "required and published elsewhere": (
        f"{UV_BUILD}[tool.uv.sources]\ninner = {{ workspace = true }}\n",
        {},
        '[[tool.tradai-tasks.publish.elsewhere]]\nname = "Inner"\nreason = "another pipeline"\n',
        (),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_wheel_holds_every_module_or_is_refused(
    nox: InProcess, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    build, files, settings, passages = ROWS[name]
    repository(nox.home, build, files, settings)
    ran = nox("-s", "build")
    assert (ran.status == 0) is (not passages), ran.log
    assert "Traceback" not in ran.log
    for passage in passages:
        assert passage in ran.log, ran.log
    if "reason" in name:
        assert f"{_SUB}/deep.py is left out: for us alone" in ran.log


def test_a_folder_of_files_must_be_what_the_checkout_makes(nox: InProcess) -> None:
    index = "[tool.tradai-tasks.publish.index]\n" + "".join(
        f'{name}-url = "http://127.0.0.1:9/"\n' for name in ("upload", "simple")
    )
    home = repository(nox.home, UV_BUILD, {}, index)
    publish = ("-s", "publish", "--", "--dry-run", "--dist", "dist")
    wheel(home / "dist", "alpha", "1.0.1")
    failed(
        nox(*publish),
        "alpha-1.0.1-py3-none-any.whl has version 1.0.1, and this checkout has 1.0.0 "
        "(libs/alpha/pyproject.toml); build it by: nox -s build -- --out",
    )
    wheel(home / "dist", "alpha", "1.0.0").with_name("alpha-1.0.1-py3-none-any.whl").unlink()
    stranger = wheel(home / "dist", "stranger")
    for only in ((), ("--only", "alpha")):
        failed(nox(*publish, *only), "stranger is none of what is published here (alpha)")
    stranger.unlink()
    wheel(home / "dist", "alpha", requires=("inner>=1",))
    failed(nox(*publish), "alpha requires inner>=1")
    wheel(home / "dist", "alpha")
    failed(nox(*publish), "127.0.0.1:9")  # the files are right, and the index is asked
    failed(
        nox("-s", "publish", "--", "v0.0.0-test", "--dry-run", "--dist", "dist"),
        "and this checkout has 0.0.0.dev",
    )
