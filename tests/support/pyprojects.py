"""The text of small packages' pyproject.toml, which uv can build."""

from __future__ import annotations

UV_BUILD = 'requires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'


def pyproject(
    name: str,
    *,
    version: str = "0.1.0",
    needs: str | None = None,
    more: str = "",
    build: str = UV_BUILD,
) -> str:
    """The text; `more` follows the table [project], and `build` is all from [build-system] on."""
    dependencies = "" if needs is None else f"dependencies = [{needs}]\n"
    return (
        f'[project]\nname = "{name}"\nversion = "{version}"\nrequires-python = ">=3.11"\n'
        f"{dependencies}{more}\n[build-system]\n{build}"
    )
