"""What of an environment changes its digest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tradai_tasks.errors import EnvironmentUnknownError
from tradai_tasks.results.environment_digest import environment_digest, variables_of_tests

SITE = "lib/python3.12/site-packages"
EDITABLE = '{"url": "file:///w/libs/a", "dir_info": {"editable": true}}'


def environment(home: Path, root: Path) -> Path:
    files = {
        "pyvenv.cfg": "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.3\n",
        "bin/python": "ELF",
        "bin/click": f"#!{root}/.nox/e/bin/python\n",
        f"{SITE}/click-8.1.0.dist-info/RECORD": "click/__init__.py,sha256=a,10\n"
        f"../../../bin/click,sha256={hash(root)},9\n"
        "click-8.1.0.dist-info/RECORD,,\nclick-8.1.0.dist-info/INSTALLER,sha256=i,2\n",
        f"{SITE}/a-0.1.0.dist-info/RECORD": "_a.pth,sha256=1,9\na-0.1.0.dist-info/METADATA,"
        "sha256=2,9\na-0.1.0.dist-info/direct_url.json,sha256=3,9\n",
        f"{SITE}/a-0.1.0.dist-info/METADATA": "Name: a\nVersion: 0.1.0\n",
        f"{SITE}/a-0.1.0.dist-info/direct_url.json": EDITABLE,
        f"{SITE}/_a.pth": f"{root}/libs/a/src\n",
    }
    for path, text in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    return home


def put(path: str, text: str) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)

    return act


def version(home: Path) -> None:
    old, new = (home / SITE / f"a-0.{n}.0.dist-info" for n in (1, 2))
    old.rename(new)
    record = new / "RECORD"
    record.write_text(record.read_text().replace("0.1.0", "0.2.0").replace("=2,", "=9,"))
    (new / "METADATA").write_text("Name: a\nVersion: 0.2.0\n")


CHANGES: dict[str, tuple[Callable[[Path], None], bool]] = {
    "another Python": (put("pyvenv.cfg", "version_info = 3.12.4\n"), True),
    "another build of it": (put("bin/python", "ELF 2"), True),
    "its place": (
        put("pyvenv.cfg", "home = /opt\nimplementation = CPython\nversion_info = 3.12.3\n"),
        False,
    ),
    "a file of a distribution": (
        put(f"{SITE}/click-8.1.0.dist-info/RECORD", "click/__init__.py,sha256=b,10\n"),
        True,
    ),
    "who installed it": (
        put(
            f"{SITE}/click-8.1.0.dist-info/RECORD",
            "click/__init__.py,sha256=a,10\nclick-8.1.0.dist-info/INSTALLER,sha256=j,3\n"
            "../../../bin/click,sha256=x,9\n"
            "click/__pycache__/x.pyc,,\n",
        ),
        False,
    ),
    "a script of a distribution": (put("bin/click", "#!/bin/sh\n"), True),
    "a further distribution": (put(f"{SITE}/new-1.dist-info/RECORD", ""), True),
    "the version of an editable one": (version, False),
    "what an editable one needs": (
        put(f"{SITE}/a-0.1.0.dist-info/METADATA", "Name: a\nVersion: 0.1.0\nRequires-Dist: b\n"),
        True,
    ),
    "where an editable one is": (put(f"{SITE}/_a.pth", "/else/src\n"), True),
    "a module beside": (put(f"{SITE}/sitecustomize.py", "X = 1\n"), True),
}


@pytest.mark.parametrize(("act", "changes"), CHANGES.values(), ids=CHANGES)
def test_what_changes_an_environment(
    tmp_path: Path, act: Callable[[Path], None], changes: bool
) -> None:
    root = tmp_path / "w"
    home = environment(tmp_path / "e", root)
    before = environment_digest(home, root)
    act(home)
    assert (environment_digest(home, root) != before) == changes


def test_the_same_environment_elsewhere_is_the_same(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    found = {environment_digest(environment(r / "e", r / "w"), r / "w") for r in roots}
    assert len(found) == 1


UNKNOWN: dict[str, tuple[Callable[[Path], None], str]] = {
    "without a list of files": (
        lambda home: (home / SITE / "click-8.1.0.dist-info/RECORD").unlink(),
        "no readable RECORD, so a change of its files is not seen",
    ),
    "of setuptools' old kind": (
        put(f"{SITE}/b.egg-link", "x"),
        "installed without a list of its files, so a change of them is not seen",
    ),
    "without a Python": (
        lambda home: (home / "bin/python").unlink(),
        "its Python is not known (No such file or directory)",
    ),
    "with the system's packages": (
        put("pyvenv.cfg", "include-system-site-packages = true\n"),
        "it uses the system's packages, a change of which is not seen",
    ),
    "without site-packages": (
        lambda home: shutil.rmtree(home / "lib"),
        "no site-packages, so what is installed is not known",
    ),
    "with a file that is gone": (
        lambda home: (home / SITE / "_a.pth").unlink(),
        "cannot be read: No such file or directory",
    ),
}


@pytest.mark.parametrize(("act", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_environment_that_cannot_be_known_is_an_error(
    tmp_path: Path, act: Callable[[Path], None], message: str
) -> None:
    home = environment(tmp_path / "e", tmp_path)
    act(home)
    with pytest.raises(EnvironmentUnknownError) as raised:
        environment_digest(home, tmp_path)
    assert str(raised.value).endswith(message)
    assert str(raised.value).startswith(str(home))


def test_what_is_no_description_of_an_origin_is_none(tmp_path: Path) -> None:
    home = environment(tmp_path / "e", tmp_path)
    before = environment_digest(home, tmp_path)
    put(f"{SITE}/a-0.1.0.dist-info/direct_url.json", "[]")(home)
    assert environment_digest(home, tmp_path) != before


def test_an_editable_project_counts_whole_where_it_is_outside_of_the_repository(
    tmp_path: Path,
) -> None:
    root, other = tmp_path / "w", tmp_path / "other"
    home = environment(tmp_path / "e", root)
    found = []
    for origin in (root / "libs/a", other):
        put(
            f"{SITE}/a-0.1.0.dist-info/direct_url.json", EDITABLE.replace("/w/libs/a", str(origin))
        )(home)
        for text in ("1", "2"):
            put("src/a.py", text)(origin)
            put(".git/x", text)(origin)
            found.append(environment_digest(home, root))
    inside, same, outside, changed = found
    assert inside == same
    assert len({same, outside, changed}) == 3
    put(".git/x", "3")(other)
    assert environment_digest(home, root) == changed


def metadata_of(version: str, needs: str, extra: str = "c>=1", text: str = "t") -> str:
    return (
        f"Name: a\nVersion: {version}\nRequires-Dist: {needs}\n"
        f"Requires-Dist: {extra} ; extra == 'x'\n\n{text}\n"
    )


STATED: dict[str, tuple[list[str], list[str], bool]] = {  # the file, what is installed, all differ
    "a version that is made": (
        ['dynamic = ["version"]\ndependencies = ["b>1"]'] * 2,
        [metadata_of(one, "b>1") for one in "12"],
        False,
    ),
    "as the file states it": (
        [f'version = "{one}.0"\ndependencies = ["b >{one}"]' for one in "12"],
        [metadata_of(f"{one}.0.0", f"b>{one}") for one in "12"],
        False,
    ),
    "not installed anew": (
        ['version = "1"\ndependencies = ["b"]'] * 2,
        [metadata_of("1", "b"), metadata_of("2", "b")],
        True,
    ),
    "requirements of elsewhere": (
        ['version = "1"\ndynamic = ["dependencies"]'] * 2,
        [metadata_of("1", "b"), metadata_of("1", "b>1")],
        True,
    ),
    "no requirement": (
        ['version = "1"\ndependencies = ["b of"]', 'version = "1"\ndependencies = 1'],
        [metadata_of("1", "b"), metadata_of("1", "b>1")],
        True,
    ),
    "what an extra needs": (
        ['version = "1"\ndependencies = ["b"]'] * 2,
        [metadata_of("1", "b"), metadata_of("1", "b", "c>=2")],
        True,
    ),
    "its description": (
        ['version = "1"\ndependencies = ["b"]'] * 2,
        [metadata_of("1", "b"), metadata_of("1", "b", text="Version: 2")],
        True,
    ),
}


@pytest.mark.parametrize(("stated", "installed", "differs"), STATED.values(), ids=STATED)
def test_metadata_of_an_editable_project_count_but_for_what_its_own_file_states(
    tmp_path: Path, stated: list[str], installed: list[str], differs: bool
) -> None:
    home = environment(tmp_path / "e", tmp_path)
    url = EDITABLE.replace("/w/libs/a", str(tmp_path / "a"))
    put(f"{SITE}/a-0.1.0.dist-info/direct_url.json", url)(home)
    found = set()
    for text, metadata in zip(stated, installed, strict=True):
        put("a/pyproject.toml", f"[project]\n{text}\n")(tmp_path)
        put(f"{SITE}/a-0.1.0.dist-info/METADATA", metadata)(home)
        found.add(environment_digest(home, tmp_path))
    assert (len(found) == len(installed)) == differs
    outside = {environment_digest(home, tmp_path / "elsewhere")}
    put(f"{SITE}/a-0.1.0.dist-info/METADATA", installed[0])(home)
    outside.add(environment_digest(home, tmp_path / "elsewhere"))
    assert (len(outside) == 2) == ('dynamic = ["version' not in stated[0])


def test_a_sessions_own_variables_are_not_those_of_its_tests() -> None:
    given = {"A": "1", "B": None, "TRADAI_TASKS_RECORD": "x", "COVERAGE_FILE": "y"}
    assert variables_of_tests(given | {"PYTEST_PLUGINS": "p"}) == {"A": "1", "PYTEST_PLUGINS": "p"}
