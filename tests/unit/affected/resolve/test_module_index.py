from __future__ import annotations

import pytest

from tests.support.snapshots import affected, member
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex

A = member("libs/a")
B = member("libs/b", "a")
FLAT_A = member("libs/a", roots=["libs/a"])
FLAT_B = member("libs/b", "a", roots=["libs/b"])


def index_of(*paths: str, members: tuple[Member, ...] = (A, B)) -> ModuleIndex:
    return ModuleIndex(sorted(paths), members)


def found(index: ModuleIndex, dotted: str, importer: str) -> set[str]:
    folder = importer.rpartition("/")[0]
    owner = index.owner_of_folder(folder)
    look = index.find_relative if dotted.startswith(".") else index.find
    return {index.paths[number] for number in look(dotted, folder, owner)[0]}


@pytest.mark.parametrize(
    ("path", "truth"), [("a.py", True), ("a.pyi", True), ("a.pyc", False), ("py", False)]
)
def test_python_files_are_modules_and_stubs(path: str, truth: bool) -> None:
    assert is_python(path) is truth


@pytest.mark.parametrize("members", [(A, B), (FLAT_A, FLAT_B), (FLAT_A, B), (A, FLAT_B)])
@pytest.mark.parametrize("name", ["tests.helpers", "tests", "tests.unit.helpers"])
def test_packages_of_tests_of_the_same_name_are_kept_apart(
    members: tuple[Member, ...], name: str
) -> None:
    inner = [
        f"libs/{m}/tests/{p}"
        for m in "ab"
        for p in ("__init__.py", "helpers.py", "unit/__init__.py", "unit/helpers.py")
    ]
    index = index_of(*inner, members=members)
    for one in "ab":
        files = found(index, name, f"libs/{one}/tests/unit/test_it.py")
        assert files
        assert all(path.startswith(f"libs/{one}/") for path in files)


@pytest.mark.parametrize("name", ["handler", "conftest", "helpers"])
@pytest.mark.parametrize("folder", ["", "tests/"])
def test_modules_of_the_same_name_are_kept_apart(name: str, folder: str) -> None:
    members = (
        member("lambdas/x", "x", "y", roots=["lambdas/x"]),
        member("lambdas/y", "x", "y", roots=["lambdas/y"]),
    )
    index = index_of(
        *(f"lambdas/{m}/{folder}{name}.py" for m in "xy"),
        *(f"lambdas/{m}/tests/test_it.py" for m in "xy"),
        members=members,
    )
    for one in "xy":
        importer = f"lambdas/{one}/tests/test_it.py"
        assert found(index, name, importer) == {f"lambdas/{one}/{folder}{name}.py"}


def test_a_script_beside_the_sources_does_not_hide_the_module_of_another_member() -> None:
    index = index_of("libs/a/src/common.py", "libs/b/common.py", "libs/b/src/b.py")
    both = {"libs/a/src/common.py", "libs/b/common.py"}
    assert found(index, "common", "libs/b/src/b.py") == both
    assert found(index, "common", "libs/b/tests/test_b.py") == {"libs/b/common.py"}


def test_a_namespace_package_has_portions_in_several_distributions() -> None:
    index = index_of(
        "libs/a/src/ns/common/__init__.py",
        "libs/a/src/ns/common/retry.py",
        "libs/b/src/ns/data/__init__.py",
        "libs/b/src/ns/data/client.py",
    )
    importer = "libs/b/src/ns/data/client.py"
    common = "libs/a/src/ns/common/__init__.py"
    retry = "libs/a/src/ns/common/retry.py"
    assert found(index, "ns", importer) == set()
    assert found(index, "ns.common", importer) == {common}
    assert found(index, "ns.common.retry", importer) == {common, retry}
    assert found(index, "..common", importer) == {common}
    assert found(index, "..common.retry", importer) == {common, retry}
    assert found(index, "..common.retry.Name", importer) == {common, retry}
    assert found(index, "...ns.common", importer) == set()
    client = {importer, "libs/b/src/ns/data/__init__.py"}
    assert found(index, ".client.Name", importer) == client
    assert found(index, ".absent", importer) == {"libs/b/src/ns/data/__init__.py"}


def test_a_namespace_with_an_init_in_one_distribution_runs_it_for_all() -> None:
    index = index_of("libs/b/src/ns/__init__.py", "libs/a/src/ns/common.py")
    files = found(index, "ns.common", "libs/b/src/b.py")
    assert files == {"libs/b/src/ns/__init__.py", "libs/a/src/ns/common.py"}


def test_a_member_with_its_init_in_its_own_folder_is_found_from_its_tests() -> None:
    members = (member("libs/a", roots=["libs"]), member("libs/b", "a", roots=["libs"]))
    index = index_of(
        "libs/a/__init__.py", "libs/a/x.py", "libs/b/__init__.py", "libs/s.py", members=members
    )
    assert found(index, "a.x", "libs/b/test_b.py") == {"libs/a/__init__.py", "libs/a/x.py"}
    assert found(index, "s", "libs/b/test_b.py") == {"libs/s.py"}


def test_names_of_the_standard_library_are_first_party_where_declared_alone() -> None:
    files = {
        "libs/a/src/secrets.py": "",
        "libs/b/src/b.py": "import secrets\n",
        "libs/c/src/c.py": "import secrets\n",
    }
    members = (A, B, member("libs/c"))
    assert affected(files, members, "libs/a/src/secrets.py") == {"a", "b"}


def test_the_innermost_member_owns_a_file() -> None:
    members = (
        member(".", "a", "p", name="root", roots=["src", "."]),
        member("libs/a", roots=["libs/a"]),
        member("libs/a/plugins/p", "a"),
    )
    files = {
        "src/app/__init__.py": "import p\n",
        "libs/a/a.py": "",
        "libs/a/plugins/p/src/p.py": "from a import VALUE\n",
        "tests/test_root.py": "",
        "top.py": "",
    }
    assert affected(files, members, "libs/a/a.py") == {"a", "p", "root"}
    assert affected(files, members, "libs/a/plugins/p/src/p.py") == {"p", "root"}
    assert affected(files, members, "tests/test_root.py") == {"root"}
    assert affected(files, members, "libs/a/plugins/p/data.txt") == {"p"}
    assert affected(files, members, "README.md") == {"root"}
    index = index_of(*files, members=members)
    assert found(index, "top", "src/app/__init__.py") == {"top.py"}


def test_units_that_are_no_packages_import_from_all() -> None:
    members = (A, member("lambdas/x", "a", name="lambdas:x", roots=["lambdas/x"]))
    files = {
        "libs/a/src/a.py": "",
        "lambdas/x/handler.py": "import a\n",
        "lambdas/x/tests/test_handler.py": "import handler\n",
    }
    assert affected(files, members, "libs/a/src/a.py") == {"a", "lambdas:x"}


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("b.", {"__init__", "m", "sub/__init__", "sub/n"}),
        ("b.sub.", {"sub/__init__", "sub/n"}),
        (".", {"__init__", "m", "sub/__init__", "sub/n"}),
        (".sub.", {"sub/__init__", "sub/n"}),
        ("/sub", {"sub/__init__", "sub/n"}),
        ("/absent", set()),
        ("absent.", set()),
    ],
)
def test_a_prefix_covers_all_files_below(prefix: str, names: set[str]) -> None:
    inner = ("__init__", "m", "sub/__init__", "sub/n")
    index = index_of(*(f"libs/b/src/b/{name}.py" for name in inner), "libs/a/src/a.py")
    files = index.files_with_prefix(prefix, "libs/b/src/b", 1)
    assert {index.paths[n] for n in files} == {f"libs/b/src/b/{name}.py" for name in names}


def test_a_prefix_with_two_dots_begins_a_package_above() -> None:
    index = index_of("libs/b/src/b/sub/n.py", "libs/b/src/b/other/m.py", "libs/b/src/c.py")
    files = index.files_with_prefix("..other.", "libs/b/src/b/sub", 1)
    assert [index.paths[n] for n in files] == ["libs/b/src/b/other/m.py"]
    assert len(index.files_with_prefix("..", "libs/b/src/b/sub", 1)) == 2


def test_a_prefix_covers_the_portions_of_a_namespace_package() -> None:
    index = index_of("libs/a/src/ns/x.py", "libs/b/src/ns/y.py")
    assert index.files_with_prefix(".", "libs/b/src/ns", 1) == [0, 1]
    assert index.files_with_prefix("ns.", "libs/b/src/b", 1) == [0, 1]


@pytest.mark.parametrize(
    ("path", "parents"),
    [
        ("libs/b/src/b/gap/deep/__init__.py", ["libs/b/src/b/__init__.py"]),
        ("libs/b/src/b/gap/deep/m.py", ["libs/b/src/b/gap/deep/__init__.py"]),
        ("libs/b/src/b/__init__.py", []),
        ("libs/b/src/lone.py", []),
        ("__init__.py", []),
        ("top.py", ["__init__.py"]),
    ],
)
def test_the_package_around_a_module(path: str, parents: list[str]) -> None:
    index = index_of(
        "libs/b/src/b/__init__.py",
        "libs/b/src/b/gap/deep/__init__.py",
        "libs/b/src/b/gap/deep/m.py",
        "libs/b/src/lone.py",
        "__init__.py",
        "top.py",
    )
    assert [index.paths[n] for n in index.parent_inits(path)] == parents
