"""What counts as a distribution to publish, and which libraries are published."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import pytest

from tests.support.dists import dist, sdist, wheel
from tests.support.project import DictTree, inventory_in, package, pyproject
from tests.support.trees import found, project
from tradai_tasks.errors import (
    BadArgumentsError,
    DistributionError,
    SettingsError,
    UnpublishedRequirementError,
)
from tradai_tasks.release.libraries.distributions import (
    distributions_in,
    name_of,
    read_distribution,
)
from tradai_tasks.release.libraries.unpublished_requirements import check_requirements
from tradai_tasks.release.libraries.wheel_contents import (
    Member,
    source_of,
    without_build_backend,
    without_copy,
)
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.layout import layout_of
from tradai_tasks.workspace.published_libraries import chosen, libraries_of


@pytest.mark.parametrize(
    ("filename", "is_one"),
    [
        ("a-1.0-py3-none-any.whl", True),
        ("a_b-1.0.tar.gz", True),
        ("a-1.0.zip", True),
        ("a-1.0.whl", False),
        ("a-x.tar.gz", False),
        (".gitignore", False),
        ("notes.txt", False),
    ],
)
def test_file_names_are_read_strictly(filename: str, is_one: bool) -> None:
    assert (name_of(filename) is not None) is is_one


def test_a_wheel_and_a_source_distribution_are_read(tmp_path: Path) -> None:
    one = dist(tmp_path, "Lib.A", "1.2.0rc1", requires=("x>=1",))
    assert (one.name, str(one.version), one.kind, one.requires) == (
        "lib-a",
        "1.2.0rc1",
        "wheel",
        ("x>=1",),
    )
    assert len(one.sha256) == 64
    assert read_distribution(sdist(tmp_path, "lib_a", "1.0")).kind == "sdist"


def test_what_is_no_distribution_is_one_line(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(DistributionError) as caught:
            read_distribution(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no file name of a wheel" in fault(tmp_path / "x.whl")
    broken = tmp_path / "a-1.0-py3-none-any.whl"
    broken.write_bytes(b"no archive")
    assert "cannot be read" in fault(broken)
    assert "cannot be read" in fault(tmp_path / "absent-1.0-py3-none-any.whl")
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("a/__init__.py", "")
    assert "0 of *.dist-info/METADATA" in fault(broken)
    other = wheel(tmp_path, "b").rename(tmp_path / "c-1.0.0-py3-none-any.whl")
    assert "its metadata says b 1.0.0, its file name c 1.0.0" in fault(other)
    assert "its metadata has no version" in fault(sdist(tmp_path, "a", "1.0", "Name: a\n"))


def test_a_folder_must_hold_each_library_once_and_nothing_else(tmp_path: Path) -> None:
    def fault(*names: str, sdist: bool = False) -> str:
        with pytest.raises(DistributionError) as caught:
            distributions_in(tmp_path, names, sdist=sdist)
        return str(caught.value)

    wheel(tmp_path, "a")
    (tmp_path / ".gitignore").write_text("*\n")
    assert "no wheel of b there; make it by: nox -s build -- --out" in fault("a", "b")
    assert "a is none of what is published here (b)" in fault("b")
    assert "no sdist of a there" in fault("a", sdist=True)
    sdist(tmp_path, "a", "1.0.0")
    assert [one.kind for one in distributions_in(tmp_path, ["a"])["a"]] == ["wheel"]
    both = distributions_in(tmp_path, ["a"], sdist=True)["a"]
    assert [one.kind for one in both] == ["wheel", "sdist"]
    wheel(tmp_path, "a", "1.1.0")
    assert "a is there as 1.0.0 and 1.1.0; keep the one" in fault("a")
    assert list(distributions_in(tmp_path, [], others=None)) == []
    assert list(distributions_in(tmp_path, [], others=["a"])) == []


def members(*names: str, virtual: str = "") -> Workspace:
    files = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n'}
    for name in names:
        files[f"libs/{name}/pyproject.toml"] = project(name)
    if virtual:
        files[f"libs/{virtual}/pyproject.toml"] = f'[project]\nname = "{virtual}"\nversion = "1"\n'
    return found(files)


def test_libraries_come_from_the_settings_or_are_the_guides() -> None:
    both = members("tradai-strategy", "tradai-common", virtual="scripts")

    def names(*given: str) -> list[str]:
        settings = PublishSettings(libraries=given or None)
        return [one.name for one in libraries_of(both, settings, file="pyproject.toml")]

    assert names() == ["tradai-strategy"]
    assert names("tradai_common", "Tradai-Strategy", "tradai-common") == [
        "tradai-common",
        "tradai-strategy",
    ]
    with pytest.raises(
        SettingsError, match=r"libraries\[0\]: 'tradai-comon': no package .*did you"
    ):
        names("tradai-comon")
    with pytest.raises(SettingsError, match=r"has no \[build-system\], so there is no wheel of it"):
        names("scripts")
    with pytest.raises(SettingsError, match="nothing to publish; name the packages"):
        libraries_of(members("a"), PublishSettings(), file="pyproject.toml")
    with pytest.raises(SettingsError, match="nothing to publish"):
        libraries_of(both, PublishSettings(libraries=()), file="pyproject.toml")


def test_some_can_be_chosen() -> None:
    libraries = members("a", "b").packages
    assert chosen(libraries, []) == libraries
    assert [one.name for one in chosen(libraries, ["B"])] == ["b"]
    with pytest.raises(BadArgumentsError, match="--only c: none of what is published here; known"):
        chosen(libraries, ["c"])


def test_requirements_that_are_not_published_are_refused(tmp_path: Path) -> None:
    both = members("a", "b", "c")
    made = {"a": (dist(tmp_path, "a", requires=("b>=1", 'c; extra == "x"', "other", "??")),)}
    with pytest.raises(UnpublishedRequirementError) as caught:
        check_requirements(made, both, ["a"])
    first, second = caught.value.faults
    assert first == (
        "a requires b>=1, and b is a package of this workspace that is not published, so a could "
        "not be installed; add it to publish.libraries, or to publish.elsewhere if an index has it"
    )
    assert second.startswith('a requires c; extra == "x", and c is')
    check_requirements(made, both, ["a", "B", "c"])


def test_what_belongs_in_a_wheel_is_the_code_of_the_package_alone() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "libs/a/src/nested"]\n'
        '[[tool.tradai-tasks.unchecked]]\npaths = ["**/odd.py"]\nreason = "r"\n',
        "libs/a/pyproject.toml": pyproject("a"),
        "libs/a/noxfile.py": "",
        "libs/a/setup.py": "",
        "libs/a/src/a/__init__.py": "",
        "libs/a/src/a/odd.py": "",
        "libs/a/src/a/data.json": "",
        "libs/a/src/a/py.typed": "",
        "libs/a/src/a/tests/test_a.py": "",
        "libs/a/src/a/tests/py.typed": "",
        "libs/a/src/a/conftest.py": "",
        "libs/a/src/other/x.pyi": "",
        "libs/a/src/nested/pyproject.toml": pyproject("nested"),
        "libs/a/src/nested/x.py": "",
    }
    tree = DictTree(files)
    library = package(tree, "libs/a")
    layout = layout_of(tree, library, nested=["libs/a/src/nested"])
    assert source_of(files, library, layout, inventory_in(tree)) == {
        "a/__init__.py": "libs/a/src/a/__init__.py",
        "a/py.typed": "libs/a/src/a/py.typed",
        "other/x.pyi": "libs/a/src/other/x.pyi",
    }


def test_a_build_backend_in_the_tree_is_in_no_wheel() -> None:
    library = package(DictTree({"pyproject.toml": pyproject("a")}), ".")
    source = {one: one for one in ("a/x.py", "tools/own.py", "tools/own/y.py", "tools/owner.py")}

    def kept(**system: object) -> list[str]:
        return sorted(without_build_backend(source, library, {"build-system": system}))

    backend = {"build-backend": "own:backend", "backend-path": ["tools"]}
    assert kept(**backend) == ["a/x.py", "tools/owner.py"]
    assert kept(**{"build-backend": "uv_build"}) == sorted(source)
    assert kept(**{"backend-path": ["."]}) == sorted(source)


def test_a_module_may_be_moved_or_compiled_but_each_copy_counts_once() -> None:
    source = {
        f"a/{name}": f"src/a/{name}" for name in ("__init__.py", "sub/__init__.py", "fast.py")
    }
    empty, fast = Member(0, 0), Member(1, zlib.crc32(b"1"))

    def read(path: str) -> bytes:
        return b"1" if path.endswith("fast.py") else b""

    whole = {"b/__init__.py": empty, "b/sub/__init__.py": empty, "b/fast.py": fast}
    assert without_copy(source, whole, read) == []
    assert without_copy(source, {"a/__init__.py": empty, "a/fast.cpython-311.so": fast}, read) == [
        "src/a/sub/__init__.py"
    ]
