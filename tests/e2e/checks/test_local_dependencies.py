"""Local dependencies that are not editable: what is tested is the source as it is now."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.real import edit, nox
from tests.support.small import member, small_workspace

_SETUPTOOLS = 'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
_SHARED = '\n[tool.uv.sources]\nshared = { path = "../../shared" }\n'
_GROUP = '\n[dependency-groups]\ndev = ["pytest", "pytest-cov", "mypy"]\n'
_USES = "from shared.core_shared import answer\n"


def _app(name: str) -> dict[str, str]:
    """An independent project that needs `shared` by its path."""
    files = member(f"apps/{name}", more='dependencies = ["shared"]\n' + _GROUP)
    files[f"apps/{name}/pyproject.toml"] += _SHARED
    files[f"apps/{name}/src/{name}/core_{name}.py"] = f"{_USES}\n__all__ = ['answer']\n"
    return files


def test_a_changed_source_is_what_test_and_typecheck_see(tmp_path: Path) -> None:
    files = {**member("shared", build=_SETUPTOOLS), **_app("app")}
    files["shared/src/shared/extra.py"] = "LEFT = 1\n"
    files["apps/app/tests/test_extra.py"] = (
        "from shared.extra import LEFT\n\n\ndef test_left() -> None:\n    assert LEFT\n"
    )
    files |= member("libs/delta", more='dependencies = ["beta"]\n')
    files["libs/delta/pyproject.toml"] += (
        "\n[tool.uv.sources]\nbeta = { workspace = true, editable = false }\n"
    )
    files["libs/delta/src/delta/core_delta.py"] = "from beta.core_beta import answer as answer\n"
    home = small_workspace(tmp_path, files)
    edit(home / "pyproject.toml", "[tool.uv", '[tool.tradai-tasks]\nmembers = ["apps/*"]\n[tool.uv')
    assert nox(home, "-s", "lock").status == 0
    runs = ("-s", "test(app)", "test(delta)", "typecheck")
    first = nox(home, *runs)
    assert first.status == 0, first.text
    assert "--reinstall-package" not in nox(home, "-s", "test(alpha)", "--install-only").log

    edit(home / "shared/src/shared/core_shared.py", "42", "41")
    edit(home / "libs/beta/src/beta/core_beta.py", "42", "41")
    for again in ("warm", "from uv's cache"):
        result = nox(home, *runs)
        verdicts = result.verdicts()
        assert verdicts["test(app)"] == verdicts["test(delta)"] == "aborted", (again, result.text)
        assert "assert 41 == 42" in result.text
        shutil.rmtree(home / ".nox")

    (home / "shared/src/shared/extra.py").unlink()  # setuptools keeps a copy in `build`
    edit(
        home / "shared/src/shared/core_shared.py",
        "-> int:\n    return 41",
        "-> str:\n    return ''",
    )
    edit(home / "apps/app/src/app/core_app.py", "__all__", "number: int = answer()\n__all__")
    result = nox(home, "-s", "test(app)", "typecheck")
    assert "No module named 'shared.extra'" in result.text
    assert "src/app/core_app.py:3: error: Incompatible types" in result.text, result.text
    assert not (home / "shared/build").exists()
