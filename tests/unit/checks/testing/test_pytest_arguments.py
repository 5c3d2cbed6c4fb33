from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.checks.testing.pytest_arguments import informs, path_argument, read_arguments


@pytest.mark.parametrize(
    ("words", "narrowing"),
    [
        (["-v", "-n", "2", "--ff", "-x", "--maxfail=1", "--nf", "-rs"], ()),
        (["-k", "x"], ("-k", "x")),
        (["-kx"], ("-kx",)),
        (["-xvk", "tests"], ("-xvk", "tests")),
        (["-m", "slow"], ("-m", "slow")),
        (["--lf"], ("--lf",)),
        (["--deselect=tests/test_a.py"], ("--deselect=tests/test_a.py",)),
        (["--ignore", "tests"], ("--ignore", "tests")),
        (["-n", "tests", "-o", "tests", "--rootdir", "tests"], ()),  # values, no paths
        (["--tb=short", "-p", "no:x"], ()),
        (["tests::test_x"], ("tests::test_x",)),
    ],
)
def test_which_arguments_leave_tests_out(
    tmp_path: Path, words: list[str], narrowing: tuple[str, ...]
) -> None:
    (tmp_path / "tests").mkdir()
    found = read_arguments(words, home=tmp_path, bases=())
    assert found.words == tuple(words)
    assert found.narrowing == narrowing
    assert found.informing is None
    assert found.has_marker_expression == ("-m" in words)


def test_paths_are_as_seen_from_where_pytest_runs(tmp_path: Path) -> None:
    home = tmp_path / "libs/a"
    (home / "tests/deep").mkdir(parents=True)
    (home / "tests/deep/test_a.py").touch()
    bases = (tmp_path, home / "tests")
    for word in ("tests/deep/test_a.py", "libs/a/tests/deep/test_a.py", "deep/test_a.py"):
        found = read_arguments(["-q", f"{word}::test_x[a::b]"], home=home, bases=bases)
        assert found.words == ("-q", "tests/deep/test_a.py::test_x[a::b]")
        assert found.paths[0].samefile(home / "tests/deep/test_a.py")
    assert read_arguments(["none.py"], home=home, bases=bases).paths == ()


@pytest.mark.parametrize("name", ["-odd", "@odd"])
def test_a_path_is_never_like_an_option(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert path_argument(tmp_path / name / "test_a.py", tmp_path) == f"./{name}/test_a.py"
    found = read_arguments([f"./{name}"], home=tmp_path, bases=())
    assert found.words == (f"./{name}",)


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--co", "--collect-only", "-qh"])
def test_options_that_ask_for_information_are_no_run(tmp_path: Path, word: str) -> None:
    assert read_arguments([word], home=tmp_path, bases=()).informing is not None or word == "-qh"
    assert read_arguments(["-k", word], home=tmp_path, bases=()).informing is None
    assert informs(["-v", "--setup-only", "--co"]) == "--setup-only"
    assert informs(["-v"]) is None
