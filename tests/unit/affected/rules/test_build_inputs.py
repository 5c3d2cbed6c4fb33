"""What a package is built from, beside its Python code."""

from __future__ import annotations

import pytest

from tradai_tasks.affected.rules.build_inputs import is_build_input


@pytest.mark.parametrize(
    "path",
    [
        "setup.py",
        "setup.cfg",
        "MANIFEST.in",
        "hatch_build.py",
        "build.py",
        "pdm_build.py",
        "Cargo.toml",
        "rust/Cargo.lock",
        "rust/src/lib.rs",
        "CMakeLists.txt",
        "csrc/x.c",
        "src/p/_fast.pyx",
        "proto/x.proto",
        "meson.build",
        "meson_options.txt",
        "meson.options",
    ],
)
def test_is_built_from(path: str) -> None:
    assert is_build_input(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "src/p/a.py",
        "src/p/build.py",
        "tests/x.c",
        "src/p/tests/x.rs",
        "docs/x.proto",
        "src/p/data.json",
        "tox.ini",
        "x.crs",
        "noxfile.py",
    ],
)
def test_is_not_built_from(path: str) -> None:
    assert not is_build_input(path)
